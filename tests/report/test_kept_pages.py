"""The pages of the kept runs, made of their packed records, open in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import browsing, loaded, needs_browser
from documents import ROOT

from bench.report.write import report

KEPT = sorted(path.parent for path in (ROOT / "results/reference").glob("*/records.jsonl.zst"))
pytestmark = [pytest.mark.slow, needs_browser, pytest.mark.usefixtures("pictures")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as driver:
        yield driver


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
def test_its_page_opens_and_its_answers_are_those_that_are_kept(
    kept: Path, browser: Any, tmp_path: Path
) -> None:
    root = tmp_path / kept.name
    root.mkdir()
    shutil.copy(kept / "records.jsonl.zst", root)
    assert report(root) == 0
    browser.get((root / "report" / "index.html").as_uri())
    assert browser.get_log("browser") == []
    assert loaded(browser) == []
    assert kept.name in browser.title
    for kind, begins in ((".png", b"\x89PNG"), (".pdf", b"%PDF")):
        drawn = list((root / "report" / "figures").glob(f"*{kind}"))
        assert drawn
        assert all(path.read_bytes().startswith(begins) for path in drawn)
    for name in ("claims.csv", "summary.csv", "paired.csv"):
        if (kept / "report" / name).is_file():
            made, there = ((at / "report" / name).read_text() for at in (root, kept))
            assert made == there
