"""Measurements in a CSV file that grows as jobs end: a run that was interrupted goes on from it."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.errors import BadInput
from scripts.evaluation import run_each
from scripts.rows.jobs import FAILED, RowsJob

KEY = ["dataset", "seed", "method", "settings"]
COLUMNS = [
    *("method", "dataset", "seed", "rows", "note", "tstr_roc_auc", "tstr_r2", "linear_roc_auc"),
    *("boosted_roc_auc", "log_loss", "in_context", "global_utility", "correlation_error"),
    *("marginal_distance", "detection_auc_unseen", "detection_auc", "distance_to_closest"),
    *("frechet_distance", "copies", "seconds", "phases", "facts", "settings"),
]


def run_kept(
    todo: Sequence[RowsJob], workers: int, path: Path | None, resume: bool
) -> pd.DataFrame:
    """Run the jobs that a file does not hold yet, and append to it the rows of each as it ends.

    Parameters
    ----------
    todo : sequence of RowsJob
    workers : int
    path : Path or None
        The CSV; None keeps nothing.
    resume : bool
        Whether to go on from it. Rows that other settings or other code gave, and rows of what
        failed, count for nothing; they stay in the file.

    Returns
    -------
    DataFrame
        The jobs' rows, with all of `COLUMNS`.

    Raises
    ------
    BadInput
        If the file is there and ``resume`` is not asked for, or it is no such file.
    """
    held = _held(path, resume)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        held.to_csv(
            path, index=False, encoding="utf-8"
        )  # without the line that was being written at the end
    failed = held["note"].astype(str).str.startswith(FAILED)
    done = set(held.loc[~failed, KEY].itertuples(index=False, name=None))
    left = [job for job in todo if not done.issuperset(job.keys)]
    if len(left) < len(todo):
        print(f"{path} holds {len(todo) - len(left)} of {len(todo)} jobs", file=sys.stderr)
    parts = [held]
    for rows in run_each(left, workers):
        parts.append(pd.DataFrame(rows).reindex(columns=COLUMNS))
        if path:
            with path.open("a", encoding="utf-8") as file:
                file.write(parts[-1].to_csv(index=False, header=False))
    found = pd.concat([part for part in parts if len(part)]).drop_duplicates(KEY, keep="last")
    wanted = pd.MultiIndex.from_tuples([key for job in todo for key in job.keys], names=KEY)
    return found.set_index(KEY).reindex(wanted).reset_index()[COLUMNS]


def _held(path: Path | None, resume: bool) -> pd.DataFrame:
    """What the file holds, without a last line that was not written to its end."""
    if path is None or not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    if not resume:
        raise BadInput(f"{path} exists; add --resume to go on from it, or name another file.")
    try:
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        held = (
            pd.read_csv(io.StringIO(whole), float_precision="round_trip")
            if whole
            else pd.DataFrame(columns=COLUMNS)
        )
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as a CSV of this script: {error}") from None
    if list(held.columns) != COLUMNS:
        raise BadInput(f"{path} has other columns than a CSV of this script; name another file.")
    return held.assign(note=held["note"].fillna("").astype(object))
