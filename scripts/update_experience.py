"""Write what validation gains came to on test rows, from the kept records.

    python -m scripts.update_experience           # bench/estimator/experience.json
    python -m scripts.update_experience --check   # exit code 1 if it differs

Read are default fine-tuning and the causal mix by the default recipe, each cell once, at the step
that the estimator's rule (`conf/finetune/safe.yaml`) keeps. The estimator's own learning rate is
three times that recipe's, and promises more: in `safety`, whose twelve tables had both, a smaller
part of its gains on validation came on test. A record whose curves cannot tell the rule, as older
ones without standard errors, is left out where no other holds its cell.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from bench.analysis.problems import PROBLEMS, problem_of_record
from bench.analysis.rules import UNKNOWN, position
from bench.cell.packed import NAME as PACK
from bench.cell.record import Record
from bench.cell.store import Store
from bench.estimator.experience import FILE
from bench.files import CONF, sha256, write_whole
from bench.finetune.settings import deciding
from bench.finetune.stopping import RULES, StoppingRule
from bench.scores import SCORES
from bench.seeds import generator

REFERENCE = Path("results", "reference")
# `embedded_full` has all cells of the other runs by the default recipe.
FOLDERS = ("embedded_full", "embedded_regression")
METHODS = ("default_ft", "causalmixft")
# Rows to learn from; few classes, each with ten tables of the first problem.
SIZES = {"classification": (200, 600), "regression": ()}
METRICS = {"classification": ("roc_auc_ovo", "log_loss"), "regression": ("rmse_sd", "log_score")}
RESAMPLES, LEVEL = 2000, 0.95


def main() -> int:
    """Write the file or check it; give the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    after = written(REFERENCE)
    if not args.check:
        write_whole(FILE, after.encode())
    elif FILE.read_text(encoding="utf-8") != after:
        print(f"update_experience: {FILE} is not what {REFERENCE} says.", file=sys.stderr)
        return 1
    return 0


def written(reference: Path) -> str:
    """The file's text, of the records in a folder of results folders."""
    rule = _rule()
    gains = pd.DataFrame(_gains(_cells(reference, RULES[rule])))
    found = [
        _entry(problem, metric, sizes, gains)
        for problem in PROBLEMS
        for metric in METRICS[problem]
        for sizes in _classes(SIZES[problem])
    ]
    whole = {"rule": rule, "records": packs(reference), "experiences": found}
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def packs(reference: Path) -> dict[str, str]:
    """What is read, by folder: the hash of its pack."""
    return {f: sha256(Path(reference, f, PACK).read_bytes()) for f in FOLDERS}


def _rule() -> str:
    return str(OmegaConf.load(CONF / "finetune" / "safe.yaml").select_by)


def _classes(ends: tuple[int, ...]) -> list[tuple[int | None, int | None]]:
    """Size classes, from the first to below the second; None: without an end.

    >>> _classes((200, 600))
    [(None, 200), (200, 600), (600, None)]
    """
    return list(zip((None, *ends), (*ends, None), strict=True))


def _cells(reference: Path, rule: StoppingRule) -> Iterable[tuple[Record, int]]:
    """Each cell once, with the position of the evaluation that the rule keeps."""
    found: dict[tuple[Any, ...], tuple[Record, int]] = {}
    for folder in FOLDERS:
        for record in Store(reference / folder).records():
            if _is_run(record) and _is_of_recipe(record):
                cell = tuple(record["cell"][name] for name in ("dataset", "method", "fold", "seed"))
                kept = position(record, rule)
                if kept != UNKNOWN and cell not in found:
                    found[cell] = record, kept
    return found.values()


def _is_run(record: Record) -> bool:
    """Whether it tells of one fine-tuning, which began at the pre-trained model."""
    return bool(record["curves"]) and not record["children"] and record["transfer"] is None


def _is_of_recipe(record: Record) -> bool:
    """Whether a record's fine-tuning is the default recipe's, whatever rule it was stopped by."""
    default = OmegaConf.to_container(OmegaConf.load(CONF / "finetune" / "default.yaml"))
    ours, asked = (
        {k: v for k, v in deciding(settings).items() if k != "select_by"}
        for settings in (record["settings"]["finetune"], default)
    )
    return record["cell"]["method"] in METHODS and ours == asked


def _gains(cells: Iterable[tuple[Record, int]]) -> Iterable[Mapping[str, Any]]:
    for record, kept in cells:
        problem, curves, rows = problem_of_record(record), record["curves"], record["data"]["rows"]
        for metric in METRICS[problem]:
            of_parts = [curves[part].get(metric) for part in ("validation", "test")]
            if not all(of_parts) or any(None in curve for curve in of_parts):
                continue
            turned = [[SCORES[metric].oriented(c[i]) for i in (0, kept)] for c in of_parts]
            yield {
                "problem": problem,
                "metric": metric,
                "dataset": record["cell"]["dataset"],
                "rows": rows["train"] + rows["validation"],
                **{part: b - a for part, (a, b) in zip(("promised", "came"), turned, strict=True)},
            }


def _entry(
    problem: str, metric: str, size: tuple[int | None, int | None], gains: pd.DataFrame
) -> dict[str, Any]:
    """A size class of one score."""
    least, most = size
    is_of = (gains["problem"] == problem) & (gains["metric"] == metric)
    is_of &= gains["rows"].between(least or 0, most or np.inf, inclusive="left")
    by_table = gains[is_of].groupby("dataset")[["promised", "came"]].mean()
    promised, came = by_table.mean()
    rng = generator("experience", problem, metric, least or 0)
    drawn = rng.integers(len(by_table), size=(RESAMPLES, len(by_table)))
    sums = by_table.to_numpy()[drawn].sum(axis=1)
    tails = (1 - LEVEL) / 2
    sums = sums[sums[:, 0] > 0]  # where nothing was promised, there is no ratio
    low, high = np.quantile(sums[:, 1] / sums[:, 0], [tails, 1 - tails])
    return {
        "problem": problem,
        "metric": metric,
        "least": least,
        "most": most,
        "promised": round(promised, 5),
        "came": round(came, 5),
        "ratio": round(came / promised, 2),
        "interval": [round(low, 2) + 0.0, round(high, 2) + 0.0],  # no −0.0
        "runs": int(is_of.sum()),
        "tables": len(by_table),
    }


if __name__ == "__main__":
    sys.exit(main())
