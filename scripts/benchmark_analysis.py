"""Time the analysis, the report and `bench status` on made-up numbers that are thrown away.

    python -m scripts.benchmark_analysis

Three measurements, each in a process of its own: the analysis alone on a million rows, and its peak
memory; `bench report`, with figures and the page, on 2,640 records; and what `bench status` reads
of 10,000 records, each checked whole, beside a plain `json.loads` of the same files. Where an
obvious way exists, both sides run on the same data, and a line ``RATIO name value`` says how many
times faster ours is.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from bench.analysis.answer import answer
from bench.analysis.frame import COLUMNS
from bench.analysis.intervals import draws, weighted_medians
from bench.analysis.reliability import correlation_gaps
from bench.analysis.resolves import STEPS, Told
from bench.analysis.settings import settings
from bench.cell.record import encode, seal
from bench.cell.store import Store
from bench.process import peak_memory_mb
from bench.report.tables import filled
from bench.report.write import report
from bench.score import Score
from bench.scores import RANKED_BY as METRIC
from bench.scores import scores_of
from bench.verbs.status import Look
from scripts.fresh_process import result
from tests.support.made_records import made

METHODS = ("pretrained", "default_ft", "causalmixft", "scm", "ctgan", "tabebm", "table_augment")
METHODS += ("mixed_model", "bootstrap", "noise")
EVALUATIONS = 16


def main() -> None:
    """Run all measurements and print them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=2_640)
    args = parser.parse_args()
    print(result(_analysis, args.rows))
    print(result(_report, args.records))
    print(result(_status))
    _ratios()


def _analysis(rows: int) -> str:
    cells = made_up(rows)
    told = MadeUp(rows)
    held = peak_memory_mb()
    seconds, tables = _timed(lambda: list(filled(answer(cells, settings(), METRIC, told))))
    return (
        f"analysis of {len(cells):,} rows: {seconds:.1f} s, {len(tables)} tables\n"
        f"peak memory: {peak_memory_mb():.0f} MiB, of which {held:.0f} MiB are the rows alone"
    )


class MadeUp(Told):
    """Every score of made-up cells, as if they came of records; one at a time, as they are read."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self._values = np.random.default_rng(1).random((rows, len(STEPS)))

    def scores(self, _identities: pd.Series) -> tuple[list[Score], list[Score]]:
        return scores_of("classification"), []

    def values(self, score: Score, identities: pd.Series) -> np.ndarray:
        own = len(score.name)  # a score with another one's values would be left out
        turned: np.ndarray = score.oriented(self._values[: len(identities)] + own)
        return turned


def made_up(rows: int) -> pd.DataFrame:
    """Cells of 100 datasets; curves are random walks, all of one array."""
    rng = np.random.default_rng(0)
    datasets, seeds = 100, 10
    folds = max(1, rows // (datasets * seeds * len(METHODS)))
    index = pd.MultiIndex.from_product(
        [[f"d{i:03}" for i in range(datasets)], range(folds), range(seeds), METHODS]
    )
    n = len(index)
    steps = rng.normal(0, 0.004, (2, n, EVALUATIONS)).round(4)
    steps[:, :, 0] = 0
    start = (0.7 + 0.2 * rng.random(n // len(METHODS))).round(4).repeat(len(METHODS))
    curves = start[:, None] + steps.cumsum(axis=2)
    chosen = curves[0].argmax(axis=1)
    place = np.arange(n)
    tuned = np.asarray(index.get_level_values(3)) != "pretrained"
    facts = np.asarray(index.get_level_values(0).str[1:].astype(int))
    cells = pd.DataFrame(dict(zip(("dataset", "fold", "seed", "method"), map(
        index.get_level_values, range(4)), strict=True)))  # fmt: skip
    cells = cells.assign(
        domain=np.array(["healthcare", "finance", "other"], dtype=object)[facts % 3],
        model="made up",
        dataset_name=cells["dataset"],
        method_name=cells["method"],
        tuning=np.where(tuned, '{"lr": 0.0001, "steps": 30}', None),
        baseline='{"model": {"weights": "0"}, "validation_share": 0.2}',
        status="done",
        generator=np.where(tuned & (cells["method"] != "default_ft"), cells["method"], None),
        mixing=np.where(cells["method"] == "scm", "synthetic", "mixed"),
        ratio=1.0,
        rows=100.0 + 20 * facts,
        features=10.0,
        categorical_share=(facts % 11) / 10,
        classes=2.0 + facts % 3,
        duplicates=0.0,
        test_rows=50.0,
        score_pretrained=start,
        score_chosen=np.where(tuned, curves[1][place, chosen], start),
        score_last=np.where(tuned, curves[1][:, -1], start),
        validation_pretrained=start,
        validation_chosen=np.where(tuned, curves[0][place, chosen], start),
        chosen_step=chosen,
        seconds=1.0,
    )
    for name, part in zip(("validation_curve", "test_curve"), curves, strict=True):
        of = np.empty(n, dtype=object)
        of[:] = [curve if has else () for curve, has in zip(part, tuned, strict=True)]
        cells[name] = of
    return cells.reindex(columns=COLUMNS)


def _report(records: int) -> str:
    cells = made_up(10_000)
    # 33 datasets × 8 splits × 10 methods = 2,640, the study's count of runs and some more.
    splits = max(1, records // (33 * len(METHODS)))
    cells = cells[(cells["dataset"] < "d033") & (cells["seed"] < splits) & (cells["fold"] == 0)]
    with tempfile.TemporaryDirectory() as folder:
        store = written(folder, cells)
        seconds, code = _timed(lambda: report(store.root))
        assert code == 0
        size = (store.root / "report" / "index.html").stat().st_size / 2**20
    return f"report of {len(cells):,} records with figures: {seconds:.1f} s, page {size:.1f} MiB"


def written(folder: str, cells: pd.DataFrame) -> Store:
    store = Store(folder)
    for row in cells.to_dict("records"):
        record = seal(record_of(row))
        path = store.path(record["cell"], record["identity"]["hash"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encode(record), encoding="utf-8")
    return store


def _status() -> str:
    """What `bench status` does on 10,000 records: it should take 10 s at most."""
    with tempfile.TemporaryDirectory() as folder:
        store = written(folder, made_up(10_000))
        plain, read = _timed(lambda: [json.loads(p.read_bytes()) for p in store.paths()])
        checked, (sound, faults) = _timed(store.survey)
        assert len(sound) == len(read)
        assert not faults
        look = Look(store.root)
        begun = time.process_time()
        whole, now = _timed(look.now)
        spent = time.process_time() - begun
        again, _ = _timed(look.now)
    assert sum(counts["done"] for counts in now.counts.values()) == len(sound)
    return (
        f"status of {len(sound):,} records: {whole:.1f} s, {spent:.1f} s of them this process's; "
        f"the next look {again:.1f} s; the records alone, each checked: "
        f"{1000 * checked / len(sound):.2f} ms a record\n"
        f"RATIO records_checked_over_plain_json {plain / checked:.2f}"
    )


def record_of(row: dict[Any, Any]) -> dict[str, Any]:
    """A record as a run leaves it, with the numbers of a made-up row; its seed is its split."""
    test, validation = (
        list(map(float, row[f"{part}_curve"])) or [float(row["score_pretrained"])]
        for part in ("test", "validation")
    )
    chosen = int(row["chosen_step"]) if len(test) > 1 else 0
    record = made(
        row["dataset"], row["method"], test, int(row["seed"]), validation=validation, chosen=chosen
    )
    generator = row["generator"] and {"_target_": f"made.up.{row['generator']}"}
    record["settings"]["method"] |= {
        "generator": generator,
        "mixing": {"rows": row["mixing"], "ratio": 1.0},
    }
    record["cell"]["domain"] = row["domain"]
    record["data"] |= {
        "rows": {"train": int(row["rows"]) - 60, "validation": 10, "test": 50},
        "features": 10,
        "categorical": int(10 * row["categorical_share"]),
        "classes": int(row["classes"]),
    }
    return record


def _ratios() -> None:
    """Ours against a call a run (SciPy) and a resample written out (NumPy), on the same data."""
    rng = np.random.default_rng(0)
    curves = rng.random((2, 3000, EVALUATIONS))
    ours, gaps = _timed(lambda: correlation_gaps(list(curves[0]), list(curves[1])))
    theirs, expected = _timed(
        lambda: [1 - spearmanr(v, t).statistic for v, t in zip(*curves, strict=True)]
    )
    assert np.allclose(gaps, expected)
    print(f"RATIO correlation_gaps {theirs / ours:.1f}")
    values, place = rng.normal(size=20_000), rng.integers(0, 100, 20_000)
    weights = draws(100, settings())[:300]
    ours, medians = _timed(lambda: weighted_medians(values, place, weights))
    theirs, expected = _timed(lambda: [np.median(np.repeat(values, w[place])) for w in weights])
    assert np.allclose(medians, expected)
    print(f"RATIO bootstrap_medians {theirs / ours:.1f}")


def _timed(work: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
