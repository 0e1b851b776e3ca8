"""Records → a DataFrame with one row a cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.problems import WITHOUT_UNIT, has_unit, problem_of
from bench.analysis.variants import Name, names
from bench.cell import scored
from bench.cell.record import Record
from bench.cell.scored import curve_of, score_of
from bench.errors import BadInput, closest
from bench.files import printable
from bench.phrases import counted, joined
from bench.score import Score
from bench.scores import RANKED_BY, SCORES, scores_of

UNIT = ["dataset", "fold", "seed"]  # what methods are compared on

# Column → meaning. Scores are of the records' metric (`metric_of`), turned so that greater is
# better (`bench.score.Score.oriented`); missing where they do not exist.
SCHEMA = {
    "dataset": "name of the table; with its content's hash where several tables share the name",
    "fold": "index of the split",
    "seed": "seed of the run; a cell without a seed has a row beside each seed of its fold",
    "domain": "healthcare, finance or other",
    "method": "name of the method, with the settings that tell its records apart",
    "dataset_name": "name of the table, which several tables may share",
    "method_name": "name of the method, which several settings may share",
    "tuning": "settings of the fine-tuning, as JSON; missing without fine-tuning",
    "baseline": "what the pre-trained model's scores rest on beside the rows, as JSON",
    "model": "name of the model",
    "status": "done, failed, not_applicable; missing where no record exists (`complete`)",
    "identity": "hash of everything that decides the numbers; missing where no record exists",
    "code": "fingerprint of the code that made the record",
    "generator": "class of the method's generator; missing where it has none",
    "mixing": "how the generator's rows meet the real ones: real, synthetic or mixed",
    "ratio": "synthetic rows a real row (mixing: mixed)",
    "rows": "rows of the whole table; missing where the cell failed before it was split",
    "features": "number of features",
    "categorical_share": "share of the features that are categorical",
    "classes": "number of classes; 0 of a numeric target",
    "rarest": "training rows of the rarest class over an even share; missing in older records",
    "duplicates": "test rows whose features repeat a training row's; missing in older records",
    "test_rows": "rows of the test part",
    "score_pretrained": "test score without fine-tuning",
    "score_chosen": "test score of the step chosen on validation",
    "score_last": "test score of the last step",
    "validation_pretrained": "validation score without fine-tuning",
    "validation_chosen": "validation score of the chosen step",
    "validation_curve": "validation score of each evaluation, a tuple; the first is of step 0",
    "test_curve": "test score of the same evaluations (analysis only); () without fine-tuning",
    "chosen_step": "step that was chosen; 0 is the pre-trained model, or missing: the adapted one",
    "quality": "measures of the synthetic rows, a dict; missing where there are none",
    "seconds": "wall time of the cell",
    "error": "message of a cell that failed or does not apply",
}
COLUMNS = list(SCHEMA)
CURVES = ["validation_curve", "test_curve"]
NESTED = [*CURVES, "quality"]  # no values of a CSV's cell
NAMING = ["dataset_name", "method_name", "tuning", "baseline"]  # what names were made from
_FACTS = ["ratio", "rows", "features", "categorical_share", "classes", "rarest"]
_FACTS += ["duplicates", "test_rows"]
_TEST_SCORES = ["score_pretrained", "score_chosen", "score_last"]
_SCORES = [*_TEST_SCORES, "validation_pretrained", "validation_chosen"]


def metric_of(records: Iterable[Record], asked: str | None = None) -> Score:
    """The score that records are read by; of no records, RANKED_BY.

    It is the one that they are ranked by, of numeric targets in a form without unit
    (`WITHOUT_UNIT`), or the one that is asked for.

    Raises
    ------
    BadInput
        If they are ranked by several: what is averaged or paired must be in one unit. If there is
        no such score, or it is of another problem or in each target's own unit, or some of the
        records can tell it neither from what they hold nor from their predictions.
    """
    records = list(records)
    found = Counter(record["metric"]["name"] for record in records)
    if len(found) > 1 and asked is None:
        told = ", ".join(f"{n} by {SCORES[name].title}" for name, n in sorted(found.items()))
        raise BadInput(
            f"The records are ranked by several scores ({told}), which no table can hold against "
            "each other; keep those of each score in a results folder of their own."
        )
    ranked = next(iter(found), RANKED_BY.name)
    if asked is None:
        return SCORES[WITHOUT_UNIT.get(ranked, ranked)]
    return _asked(records, asked, problem_of(SCORES[ranked]))


def _asked(records: list[Record], name: str, problem: str) -> Score:
    if name not in SCORES:
        meant = closest(name, SCORES)
        end = f";{meant}" if meant else "."
        known = joined([score.name for score in scores_of(problem)], "and")
        raise BadInput(f"analysis.metric={name}: there is no such score{end} There are {known}.")
    score = SCORES[name]
    if problem_of(score) != problem:
        raise BadInput(
            f"analysis.metric={name}: {score.title} is a score of {problem_of(score)}, and "
            f"these records are of {problem}."
        )
    told = [scored.names(record) for record in records if record["status"] == "done"]
    common = [score for score in SCORES if all(score in of for of in told)]
    lacking = sum(name not in of for of in told)
    if lacking:
        raise BadInput(
            f"{lacking} of {counted(len(told), 'record')} hold neither {score.title} nor "
            "predictions that it could be computed from. "
            f"What all of them can tell: {', '.join(common) or 'nothing'}."
        )
    if has_unit(score) and len({record["cell"]["dataset"] for record in records}) > 1:
        without = joined([other for other in common if not has_unit(SCORES[other])], "and")
        raise BadInput(
            f"analysis.metric={name}: {score.title} is in each target's own unit, and of "
            f"several tables there is no mean of such. Without a unit are {without}."
        )
    return score


def as_recorded(cells: pd.DataFrame, metric: Score) -> pd.DataFrame:
    """Cells for people and files: scores as the records have them, in columns named for the metric.

    Without curves, which no file of tables holds.

    Parameters
    ----------
    cells : DataFrame
        With columns of `SCHEMA`, and others.
    """
    out = cells.copy(deep=False)
    for column in [] if metric.greater_is_better else cells.columns.intersection(_SCORES):
        out[column] = metric.oriented(cells[column])
    for column in cells.columns.intersection(CURVES):
        del out[column]  # `drop` would copy all others
    out.columns = out.columns.map(lambda column: own_name(column, metric))
    return out


def own_name(column: str, metric: Score) -> str:
    """What `as_recorded` calls a column: of ROC-AUC, ``score_chosen`` is ``auc_chosen``."""
    return column.replace("score", metric.prefix, 1) if column in _TEST_SCORES else column


def frame(
    records: Iterable[Record], named: Sequence[Name] | None = None, metric: Score | None = None
) -> pd.DataFrame:
    """One row a cell, with the columns of `SCHEMA`.

    Scores are rounded to 12 decimals: means over pairs of classes that are equal in exact
    arithmetic may differ in their last bit, and that must decide no rank, tie or harm.

    A method that was run under several settings is a method for each
    (`bench.analysis.variants.names`). A cell whose numbers depend on no seed (`pretrained`) has one
    record for all seeds; it gets a row beside each seed of its dataset and fold.

    Parameters
    ----------
    records : iterable of Record
    named : sequence of Name, optional
        A name for each record; by default they are named among themselves.
    metric : Score, optional
        From `metric_of`, which gives the default.

    Raises
    ------
    BadInput
        As `metric_of`.
    """
    records = list(records)
    metric = metric or metric_of(records)
    named = names(records) if named is None else named
    rows = [_row(record, name, metric) for record, name in zip(records, named, strict=True)]
    cells = pd.DataFrame(rows, columns=COLUMNS)
    numbers = [*_SCORES, *_FACTS]
    cells[numbers] = cells[numbers].astype(float)  # None → NaN, also where all are None
    seeded = np.array(["seed" in r["identity"]["parts"] for r in records], dtype=bool)
    return _beside_each_seed(cells[~seeded], cells[seeded])


def _beside_each_seed(seedless: pd.DataFrame, seeded: pd.DataFrame) -> pd.DataFrame:
    seeds = seeded[UNIT].drop_duplicates().rename(columns={"seed": "other"})
    spread = seedless.merge(seeds, on=["dataset", "fold"], how="left")
    spread["seed"] = spread.pop("other").fillna(spread["seed"]).astype(seedless["seed"].dtype)
    parts = [part for part in (spread, seeded) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else seeded


def _row(record: Record, name: Name, metric: Score) -> dict[str, object]:
    def score(when: str, part: str) -> float:
        return metric.oriented(_rounded(score_of(record, metric.name, when, part)))

    method, data = record["settings"]["method"], record["data"]

    def curve(part: str) -> tuple[float, ...]:
        values = curve_of(record, metric.name, part)
        return tuple(metric.oriented(_rounded(value)) for value in values)

    return {
        **{k: record["cell"][k] for k in ("fold", "seed", "domain", "model")},
        "dataset": name.dataset,
        "method": name.method,
        "dataset_name": record["cell"]["dataset"],
        "method_name": record["cell"]["method"],
        "tuning": name.tuning,
        "baseline": name.baseline,
        "status": record["status"],
        "identity": record["identity"]["hash"],
        "code": record["provenance"]["code"],
        "generator": _class_name(method["generator"]),
        "mixing": method["mixing"]["rows"],
        "ratio": method["mixing"]["ratio"],
        **_facts(data),
        "score_pretrained": score("pretrained", "test"),
        "score_chosen": score("chosen", "test"),
        "score_last": score("last", "test"),
        "validation_pretrained": score("pretrained", "validation"),
        "validation_chosen": score("chosen", "validation"),
        "validation_curve": curve("validation"),
        "test_curve": curve("test"),
        "chosen_step": None if _is_adapted(record) else record["chosen_step"],
        "quality": _quality(record["synthetic"]),
        "seconds": record["timings"]["seconds"]["total"],
        "error": printable(record["error"]["message"]) if record["error"] else None,
    }


def _is_adapted(record: Record) -> bool:
    """Whether step 0 was chosen, and is no pre-trained model but where fine-tuning began."""
    transfer, is_start = record["transfer"], record["chosen_step"] == 0
    return is_start and transfer is not None and transfer["chosen_step"] > 0


def _quality(synthetic: dict[str, Any] | None) -> dict[str, float | None] | None:
    if synthetic is None:
        return None
    return {printable(name, keep=""): value for name, value in synthetic["quality"].items()}


def _class_name(generator: dict[str, Any] | None) -> str | None:
    return generator["_target_"].rpartition(".")[2] if generator else None


def _facts(data: dict[str, Any]) -> dict[str, object]:
    """Facts of the dataset; a cell that failed early knows none of them."""
    if not data:
        return {}
    return {
        "rows": sum(data["rows"].values()),
        "features": data["features"],
        "categorical_share": data["categorical"] / data["features"] if data["features"] else 0.0,
        "classes": data["classes"],
        "rarest": _rarest(data.get("class_rows")),
        "duplicates": data.get("duplicates"),
        "test_rows": data["rows"]["test"],
    }


def _rarest(class_rows: list[int] | None) -> float | None:
    total = sum(class_rows or ())
    return len(class_rows) * min(class_rows) / total if class_rows and total else None


def _rounded(score: float | None) -> float:
    return float("nan") if score is None else round(score, 12)
