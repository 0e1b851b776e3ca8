"""A plan that was written beforehand is shown beside the outcome, and does nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.report.planned import MOST, plan_of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.mark.parametrize("place", [".", ".."])
def test_it_lies_in_the_folder_or_beside_it_and_names_it(root: Path, place: str) -> None:
    (root / place / "PLAN.md").write_text("# Plan of `runs`\n\n| a | b |\n|---|---|\n| *1* | 2 |\n")
    shown = plan_of(root)
    assert "<td><em>1</em></td>" in shown
    assert "Plan of" not in shown  # the page has a heading of its own
    (root / place / "PLAN.md").write_text("# Plan of `others`\n\nAll is well.\n")
    assert plan_of(root) == ""


def test_nothing_of_it_is_executed_linked_or_loaded(root: Path) -> None:
    (root / "PLAN.md").write_text(
        "# Plan of `runs`\n\n<script>alert(1)</script> <b onclick=x>b</b>\n\n"
        "![p](http://elsewhere/p.png) [l](javascript:alert(1)) <http://elsewhere>\n\n"
        "[r]: http://elsewhere\n\n[r]\n"
    )
    shown = plan_of(root)
    assert not {"<script", "<b ", "<img", "<a ", "href", "src="} & set(shown.split())
    for tag in ("<script", "<b ", "<img", "<a "):
        assert tag not in shown
    assert "&lt;script&gt;" in shown


def test_what_is_no_text_of_a_page_is_no_plan(root: Path) -> None:
    assert plan_of(root) == ""
    place = root / "PLAN.md"
    place.write_bytes(b"# Plan of `runs`\n\xff\xfe")
    assert plan_of(root) == ""
    place.write_text("# Plan of `runs`\n" + "x" * MOST)
    assert plan_of(root) == ""
    place.unlink()
    os.mkfifo(place)  # to be read it would wait for a writer
    assert plan_of(root) == ""
