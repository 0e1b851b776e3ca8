"""The README's results are what the records say, made by a script."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pandas as pd
import pytest
from documents import ROOT
from hydra import compose
from made_experiment import experiment

from bench.cell.store import Store
from bench.errors import BadInput
from bench.report.write import report
from bench.sweep.jobs import count_cells
from scripts.reference.found import FOUND_BEGIN, FOUND_END, found
from scripts.update_readme import (
    ANSWER_BEGIN,
    ANSWER_END,
    BEGIN,
    END,
    TRANSFER_BEGIN,
    TRANSFER_END,
    between,
    by_rule,
    made,
    main_run,
    secondary,
    updated,
)

ANSWER = f"{ANSWER_BEGIN}\nan old answer\n{ANSWER_END}"
MOST_LINES = 160
TEXT = f"# Title\n\n{ANSWER}\n\nA word.\n\n{BEGIN}\nold numbers\n{END}\n\nThe rest.\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("readme") / "results")
    for record in experiment():
        store.write(record)
    report(store.root)
    return store.root


@pytest.mark.long
def test_only_what_is_between_the_markers_changes(root: Path) -> None:
    text = updated(TEXT, root, root.parent)
    assert text.startswith(f"# Title\n\n{ANSWER_BEGIN}\n")
    assert f"{ANSWER_END}\n\nA word.\n\n{BEGIN}\n" in text
    assert text.endswith(f"{END}\n\nThe rest.\n")
    assert "old numbers" not in text
    assert "an old answer" not in text
    assert updated(text, root, root.parent) == text


def test_it_holds_the_table_the_reading_and_figures_that_exist(root: Path) -> None:
    text = updated(TEXT, root, root.parent)
    assert sum(line.startswith("| `") for line in text.splitlines()) == 5
    assert "What this cannot tell" in text
    assert "results/report/figures/improvements.png" in text
    assert "results/report/tables.md" in text
    assert (root.parent / "results/report/index.html").is_file()  # made, but not kept
    assert "index.html" not in text
    assert (root.parent / "results/report/figures/gains.png").is_file()


@pytest.mark.long
def test_what_it_needs_is_asked_for(root: Path, tmp_path: Path) -> None:
    for marker in (ANSWER_BEGIN, ANSWER_END, BEGIN, END):
        with pytest.raises(BadInput, match=marker):
            updated(TEXT.replace(marker, ""), root, root.parent)
    with pytest.raises(BadInput, match="0 sound records"):
        updated(TEXT, tmp_path, tmp_path)


@pytest.mark.long
def test_readme_and_model_card_say_what_the_kept_runs_records_say() -> None:
    pages = list(islice(made(ROOT / "README.md", ROOT / "results/reference"), 2))
    assert [path.name for path, _, _ in pages] == ["README.md"] * 2
    assert [path for path, before, after in pages if before != after] == []


@pytest.mark.long
def test_the_card_has_what_each_rule_would_have_kept(root: Path) -> None:
    rules = pd.read_csv(root / "report/rules.csv").query("method == 'all that fine-tune'")
    lines = by_rule(root, root.parent).splitlines()
    assert "[`results`](results/report/tables.md)" in lines[0]
    assert [line.split("`")[1] for line in lines[4:]] == list(rules["rule"])
    harm = [f"{value:.0%}" for value in rules["harm"]]
    assert [line.split("| ")[2].split(" ")[0] for line in lines[4:]] == harm


def test_it_says_against_whom_the_causal_mix_is_better_and_how_often_that_is_small() -> None:
    names = ["score", "step", "against", "mean", "se", "verdict"]
    rows = [
        ("log_loss", "chosen", "default_ft", 0.0031, 0.0001, "better"),
        ("log_loss", "chosen", "noise", 0.0052, 0.001, "better"),
        ("log_loss", "last", "default_ft", 0.0011, 0.001, "as good"),
        ("brier", "last", "noise", -0.0024, 0.0001, "worse"),
    ]
    table = pd.DataFrame(rows, columns=names)
    assert secondary(table, {"log_loss": 0.005, "brier": 0.003}) == (
        "Of 4 comparisons of CausalMixFT on log-loss and Brier score, at the step that the runs "
        "chose and the last, 2 better, 1 worse, 1 as good and 0 cannot be told (better and worse: "
        "Holm over all; as good: each by itself). Differences ×1000, above 0: better: against "
        "`default_ft` 1 of 2 better (log-loss, chosen: +3.10); against `noise` 1 of 2 better "
        "(log-loss, chosen: +5.20) and 1 of 2 worse (Brier score, last: -2.40). Within the "
        "margin of as good, too: 1 of the better ones."
    )


def test_the_answer_is_of_the_largest_kept_run_once_it_is_whole(tmp_path: Path) -> None:
    unfinished = tmp_path / "unfinished" / "embedded_full"
    unfinished.mkdir(parents=True)
    (unfinished / "records.jsonl.zst").write_bytes(b"")
    assert main_run(tmp_path) == tmp_path / "embedded"
    (tmp_path / "embedded_full").mkdir()
    (unfinished / "records.jsonl.zst").rename(tmp_path / "embedded_full/records.jsonl.zst")
    assert main_run(tmp_path) == tmp_path / "embedded_full"


@pytest.mark.slow
def test_the_kept_runs_page_says_what_their_records_say() -> None:
    kept = ROOT / "results/reference"
    page = (kept / "README.md").read_text(encoding="utf-8")
    assert between(page, FOUND_BEGIN, FOUND_END, found(kept)) == page


def test_what_reproduce_runs_is_counted_as_its_config_has_it(configs: None) -> None:
    cfg = compose("config", ["experiment=embedded"], return_hydra_config=True)
    swept = cfg.hydra.sweeper.params
    tables, folds = (len(str(values).split(",")) for values in (swept.dataset, swept.fold))
    counted = f"{tables} real tables x {folds} folds x {len(cfg.methods)} methods"
    assert counted in (ROOT / "README.md").read_text(encoding="utf-8")
    assert count_cells(cfg) == tables * folds * len(cfg.methods)


def test_the_readme_is_short_begins_with_the_answer_and_has_its_markers() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for marker in (ANSWER_BEGIN, ANSWER_END, BEGIN, END, TRANSFER_BEGIN, TRANSFER_END):
        assert readme.count(marker) == 1
    title, first, *_ = readme.split("\n\n")
    assert title.endswith("?")
    assert first.startswith(ANSWER_BEGIN)
    assert len(readme.splitlines()) <= MOST_LINES
