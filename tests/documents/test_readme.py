"""The README's results are what the records say, made by a script."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_report import experiment

from bench.cell.store import Store
from bench.errors import BadInput
from bench.report.write import report
from scripts.update_readme import BEGIN, END, updated

TEXT = f"# Title\n\n{BEGIN}\nold numbers\n{END}\n\nThe rest.\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("readme") / "results")
    for record in experiment():
        store.write(record)
    report(store.root)
    return store.root


def test_only_what_is_between_the_markers_changes(root: Path) -> None:
    text = updated(TEXT, root, root.parent)
    assert text.startswith(f"# Title\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nThe rest.\n")
    assert "old numbers" not in text
    assert updated(text, root, root.parent) == text


def test_it_holds_the_table_the_reading_and_figures_that_exist(root: Path) -> None:
    text = updated(TEXT, root, root.parent)
    assert sum(line.startswith("| `") for line in text.splitlines()) == 5
    assert "What this cannot tell" in text
    assert "results/report/figures/improvements.png" in text
    assert (root.parent / "results/report/figures/gains.png").is_file()


def test_what_it_needs_is_asked_for(root: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="needs one line"):
        updated("# Title", root, root.parent)
    with pytest.raises(BadInput, match="0 sound records"):
        updated(TEXT, tmp_path, tmp_path)


def test_the_readme_has_its_markers() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    assert readme.count(BEGIN) == readme.count(END) == 1
