"""What was predicted as columns of a file, and held against the target where the file has it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from bench.cell.scored import shown
from bench.datasets.own.column_schema import ColumnSchema
from bench.datasets.own.raw import without_marks
from bench.datasets.own.schema import Schema
from bench.datasets.own.strays import Unusable
from bench.errors import BadInput
from bench.estimator.validation import quantities
from bench.phrases import counted
from bench.predicted import Predicted, Predictions
from bench.score import ScoreError
from bench.scores import SCORES, all_scores
from bench.table import Table

QUANTILES = (0.05, 0.5, 0.95)
TOLD = ("roc_auc_ovo", "log_loss", "accuracy", "rmse", "mae", "r2")  # those that there are
PLACES = 6  # of a probability; of classes that are alike to these the first is predicted
DIGITS = "%.10g"  # of what is told


def columns(schema: Schema, unread: pd.DataFrame, predictions: Predictions) -> pd.DataFrame:
    """The columns that the model does not read, then those that it tells.

    Parameters
    ----------
    schema : Schema
        Of the table that the model was fitted on.
    unread : DataFrame of n_rows
        A name of ours that stands among its columns gets a line behind it.
    predictions : ndarray of shape (n_rows, n_classes), or Predicted
    """
    told = _classes(schema, predictions) if schema.classes else _values(schema, predictions)
    taken = {*unread.columns}
    frame = unread.reset_index(drop=True).copy()
    for name, values in told:
        while name in taken:
            name += "_"
        taken.add(name)
        frame[name] = values
    return frame


def _classes(schema: Schema, predictions: Predictions) -> list[tuple[str, np.ndarray]]:
    assert isinstance(predictions, np.ndarray), "of classes"
    rounded = predictions.round(PLACES)
    chosen = np.asarray(schema.classes, dtype=object)[rounded.argmax(axis=1)]
    shares = [(f"p_{label}", rounded[:, code]) for code, label in enumerate(schema.classes)]
    return [(f"predicted_{schema.target}", chosen), *shares]


def _values(schema: Schema, predictions: Predictions) -> list[tuple[str, np.ndarray]]:
    assert isinstance(predictions, Predicted), "of a quantity"
    told = [(f"predicted_{schema.target}", predictions.mean)]
    if predictions.has_distribution:
        told += [(f"q{100 * at:02.0f}", quantile(predictions, at)) for at in QUANTILES]
    return told


def quantile(predicted: Predicted, share: float) -> np.ndarray:
    """What each row's value lies below with this chance, shape (n_rows,); uniform within bins."""
    mass, edges = predicted.mass, predicted.edges
    assert mass is not None, "asked of what has a distribution alone"
    assert edges is not None
    below = np.cumsum(mass, axis=1, dtype=np.float64)
    below /= below[:, -1:]
    at = (below < share).sum(axis=1)
    rows = np.arange(len(mass))
    before = np.where(at > 0, below[rows, at - 1], 0.0)
    within = (share - before) / (below[rows, at] - before)
    return edges[at] + within * (edges[at + 1] - edges[at])


def as_csv(frame: pd.DataFrame, told: int) -> bytes:
    """The frame as CSV: the last ``told`` columns, which the model tells, in few digits."""
    shown = frame.copy(deep=False)
    for name in frame.columns[len(frame.columns) - told :]:
        if frame[name].dtype.kind == "f":
            shown[name] = [DIGITS % value for value in frame[name]]
    return shown.to_csv(index=False).encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    """The frame as parquet.

    Raises
    ------
    BadInput
        If a column that is passed on is none that parquet could hold as it was read.
    """
    import pyarrow as pa

    try:
        return _parquet(frame)
    except pa.ArrowException as error:
        for name in frame.columns:
            try:
                _parquet(frame[[name]])
            except pa.ArrowException:
                raise BadInput(
                    f"Column '{name}' holds values that cannot be written as parquet; name an out "
                    "that ends in .csv, or leave the column out of the file."
                ) from error
        raise


def _parquet(frame: pd.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out, index=False)
    return out.getvalue()


def held_against(schema: Schema, target: pd.Series, predictions: Predictions) -> list[str]:
    """What the predictions come to in the rows whose target is known, in sentences.

    Parameters
    ----------
    schema : Schema
    target : Series of n_rows
        As the file has it.
    predictions : ndarray of shape (n_rows, n_classes), or Predicted
    """
    try:
        y, remarks = _known(schema, target)
    except Unusable as reason:
        return [f"No score is told: '{schema.target}' {reason.why}."]
    rows = np.flatnonzero(~np.isnan(y))
    remarks = [f"'{schema.target}': {remark}" for remark in remarks]
    if not len(rows):
        return remarks
    try:
        of_rows = _taken(predictions, rows)
        scores = all_scores(y[rows].astype(np.int64) if schema.classes else y[rows], of_rows)
    except ScoreError as reason:
        return [*remarks, f"No score is told: {reason}"]
    known = [n for n in TOLD if scores.get(n) is not None]
    told = ", ".join(f"{SCORES[name].title} {shown(name, scores[name])}" for name in known)
    where = "" if len(rows) == len(y) else f" whose '{schema.target}' is known"
    return [*remarks, f"On {counted(len(rows), 'row')}{where}: {told}."]


def learnt_from(table: Table, contexts: Sequence[Table]) -> list[str]:
    """What to say of rows that the model knows already, whose scores are no new rows'."""
    keys = np.concatenate([context.row_keys() for context in contexts])
    known = int(np.isin(table.row_keys(), keys).sum())
    if not known:
        return []
    rows = "All rows" if known == len(table) else f"{known} of {counted(len(table), 'row')}"
    what = "among those that the model was fitted on, and told better than new ones"
    return [f"{rows} are {what}."]


def _known(schema: Schema, target: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Class codes or values, NaN where the target is missing or no class of the model's."""
    name = str(target.name)
    present = without_marks(target.to_frame(), schema.missing)[0][name].reset_index(drop=True)
    if schema.classes:
        found, remarks = ColumnSchema("categorical", "categories", schema.classes).read(present)
        codes = pd.Categorical(found).codes.astype(np.float64)
        return np.where(codes < 0, np.nan, codes), remarks
    return quantities(present, schema)


def _taken(predictions: Predictions, rows: np.ndarray) -> Predictions:
    if isinstance(predictions, np.ndarray):
        return predictions[rows]
    mass = None if predictions.mass is None else predictions.mass[rows]
    return replace(predictions, mean=predictions.mean[rows], mass=mass)
