"""The sentences below the tables: what is shown, and what it says by rule, never by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import IMPUTED, UNIT
from bench.analysis.paired import (
    NULL,
    against_default,
    against_references,
    chance_of_resolving,
    fine_tuned,
    resolved,
    seed_null,
)
from bench.analysis.references import DEFAULT, References, references
from bench.analysis.settings import Analysis, Normalization
from bench.analysis.variants import Name
from bench.cell.record import Record
from bench.phrases import counted
from bench.report.readable import signed, unsigned, with_error


def completeness(answer: Answer) -> str:
    """What the tables are computed on, and what is missing."""
    kept, left_out = answer.kept, answer.left_out
    pairs = kept[UNIT].drop_duplicates()
    text = (
        f"{len(pairs)} dataset × fold × seed units over "
        f"{counted(pairs['dataset'].nunique(), 'dataset')}, "
        "complete for all methods shown."
    )
    lost = left_out[left_out["status"] != "done"]
    if len(left_out):
        counts = ", ".join(f"{n} {status}" for status, n in lost["status"].value_counts().items())
        text += f" Left out: {len(left_out[UNIT].drop_duplicates())} units ({counts})."
    if len(answer.absent):
        first = " ".join(map(str, answer.absent.iloc[0]))
        first += ", …" if len(answer.absent) > 1 else ""
        text += (
            f" No record at all: {counted(len(answer.absent), 'unit')} of the grid of these "
            f"datasets and splits (dataset fold seed: {first})."
        )
    made_up = int((kept["status"] == IMPUTED).sum())
    if made_up:
        text += (
            f" Imputed (analysis.impute=worst): {counted(made_up, 'score')} of cells that failed "
            "or are missing, by the worst ROC-AUC of the unit."
        )
    return text


def variants(records: Sequence[Record], named: Sequence[Name]) -> list[str]:
    """What was told apart by `bench.analysis.variants.names`, and how to have it otherwise."""
    methods: dict[str, dict[str, None]] = defaultdict(dict)
    tables: dict[str, dict[str, None]] = defaultdict(dict)
    begun: dict[str, float] = defaultdict(float)
    for record, name in zip(records, named, strict=True):
        methods[record["cell"]["method"]][name.method] = None
        tables[record["cell"]["dataset"]][name.dataset] = None
        begun[name.dataset] = max(begun[name.dataset], float(record["timings"]["started"]))
    told = []
    several = {name: list(of) for name, of in methods.items() if len(of) > 1}
    if several:
        named_so = "; ".join(f"{name}: {len(of)}" for name, of in several.items())
        told.append(
            f"Methods with records of several settings ({named_so}) have a row for each, named by "
            "the settings that differ; compared are the units that have them all. If some are left "
            "from earlier settings, delete them, or give the new ones a results_dir of their own."
        )
    for table, contents in tables.items():
        if len(contents) > 1:
            by_age = sorted(contents, key=lambda called: begun[called])
            told.append(
                f"Tables of other content, or split otherwise, share the name '{table}': "
                f"{', '.join(by_age)}, from the oldest records to the newest. Each stands apart; "
                "dataset.name=NAME gives a table of one's own a name of its own."
            )
    return told


SCALES = {
    Normalization.minmax: (
        "test ROC-AUC (one-vs-one), min–max over the methods and the pre-trained model within a "
        "unit, minus the pre-trained model's"
    ),
    Normalization.raw: "test ROC-AUC (one-vs-one) minus the pre-trained model's",
    Normalization.pretrained_to_best: (
        "test ROC-AUC (one-vs-one) on the scale from the pre-trained model (0) to the unit's best "
        "(1)"
    ),
    Normalization.error_reduction: (
        "the share of the pre-trained model's error, 1 − test ROC-AUC (one-vs-one), that is gone"
    ),
}


SMALL = 0.001  # ROC-AUC: a difference that a few datasets do not resolve
ONE_DATASET = "Of one dataset a rank is the order of its means: noise, and no average."


def improvement(gains: pd.DataFrame, table: pd.DataFrame, settings: Analysis) -> str:
    """Below the methods' table, `bench.analysis.measures.summary` of ``gains``."""
    unit = gains.drop_duplicates(UNIT)
    text = (
        f"Improvement ({settings.normalization}): {SCALES[settings.normalization]}. The range of a "
        f"unit (best − worst) is {unit['range'].median():.4f} ROC-AUC at the median, so that "
        "normalizing magnifies noise where it is small; "
        f"{int(unit['tied'].sum())} of {counted(len(unit), 'unit')} tie and count as 0. Spread: "
        f"{settings.spread} first, the others beside it. Ranks: over datasets, folds averaged "
        "first, ties shared."
    )
    if len(gains["dataset"].unique()) == 1:
        text += f" {ONE_DATASET}"
    if unit["range"].median() < SMALL and len(table) > 1:
        text += f" Below {SMALL:g} read the ROC-AUC gain, not the improvement."
    if unit["tied"].all() and len(table) > 1:
        text += " All methods tie, so that the order of the rows says nothing."
    undefined = int(table["undefined"].sum())
    if undefined:
        text += (
            f" {counted(undefined, 'run')} have no improvement on this scale (it has no length and "
            "they lost) and are passed over, which flatters: read minmax or raw beside it."
        )
    return text


def early_stopping(table: pd.DataFrame, runs: pd.DataFrame, held: References | None = None) -> str:
    """Below the table of `bench.analysis.reliability.reliability`, made of ``runs``."""
    held = references(runs) if held is None else held
    undefined, n = int(table["undefined"].sum()), int(table["runs"].sum())
    shown = (
        "Correlation gap: 1 − Spearman correlation of the validation and the test ROC-AUC over the "
        f"steps, median over runs; {undefined} of {counted(n, 'run')} have none "
        "(a constant or missing curve) and are not in it. Gap: validation gain − test gain of the "
        "chosen step. Harm: share of runs where that step is worse on test than not fine-tuning. "
        "Regret: best step on test − chosen step. Gains, gap and regret are means over runs."
    )
    promised = (
        "A step is chosen for its validation score, so validation promises too much by "
        f"construction: the mean gap is above 0 for {(table['gap'] > 0).sum()} of "
        f"{counted(len(table), 'method')}."
    )
    return " ".join([shown, promised, _gaps_against_default(runs, held)])


def _gaps_against_default(runs: pd.DataFrame, held: References) -> str:
    compared: list[Compared] = [
        ("correlation gap", against_references(runs, "correlation_gap", held.of), _three),
        ("gap ×1000", against_references(runs, "gap", held.of), signed),
    ]
    if held.main is None or compared[0][1].empty:
        return f"No gap is compared: that takes {DEFAULT} and another method that fine-tunes."
    verdict = _verdict(f"difference of a gap from {DEFAULT}'s, in either reading,", compared)
    correlation, gap = (seed_null(runs, name, held.main) for name in ("correlation_gap", "gap"))
    if correlation.empty or gap.empty:
        return verdict
    c, g = correlation.iloc[0], gap.iloc[0]
    return (
        f"{verdict} Re-seeding {held.main} alone moves the correlation gap by "
        f"{with_error(c['mean'], c['se'], _three)} and the gap ×1000 by "
        f"{with_error(g['mean'], g['se'])}."
    )


def pairs(table: pd.DataFrame, held: References | None = None) -> str:
    """Below the table of `bench.analysis.paired.paired`."""
    chosen, last = (against_default(table, step).set_index("method") for step in ("chosen", "last"))
    shown = (
        f"Test ROC-AUC of each method minus {DEFAULT}'s on the same dataset, fold and seed; folds "
        "and seeds are averaged within a table, mean ± standard error over tables. Size: mean "
        f"absolute difference of a run, ×1000.{_references(held)}"
    )
    steps: list[Compared] = [
        (f"{step} step ×1000", rows, signed) for step, rows in (("chosen", chosen), ("last", last))
    ]
    verdict = _verdict(f"difference from {DEFAULT}", steps)
    null = table[(table["against"] == NULL) & (table["step"] == "chosen")]
    if null.empty:
        alone = "One seed: there is no seed-only null; a difference may be nothing but re-seeding."
        return f"{shown} {verdict} {alone}"
    return f"{shown} {verdict} {_null(null.iloc[0], chosen[chosen.index.isin(fine_tuned(table))])}"


def _references(held: References | None) -> str:
    """Which default fine-tuning, where there are several."""
    if held is None:
        return ""
    text = ""
    if len(held.defaults) > 1:
        text += (
            f" There are {len(held.defaults)} variants of {DEFAULT}: a method is held against that "
            "of its own model and fine-tuning settings; the other variants and the pre-trained "
            "model are held against that which most methods of their model are "
            f"({held.main})."
        )
    if held.unlike:
        unlike = ", ".join(f"{method} (against {held.of[method]})" for method in held.unlike)
        text += f" Of other fine-tuning settings than their reference, so no fair pair: {unlike}."
    if held.without:
        text += f" Without a {DEFAULT} of their model: {', '.join(held.without)}."
    return text


def _null(null: pd.Series, methods: pd.DataFrame) -> str:
    runs = methods["absolute"]
    span = f"{unsigned(runs.min())} to {unsigned(runs.max())}"
    beside = f"; another method instead, by {span}" if len(runs) else ""
    text = (
        f"Re-seeding {null['method']} alone moves the chosen step of a run by "
        f"{unsigned(null['absolute'])}{beside}. Re-seeding moves the mean by "
        f"{with_error(null['mean'], null['se'])} (one seed against one seed, so about √2 times as "
        "wide as a difference over all seeds)."
    )
    if abs(null["mean"]) > 2 * null["se"]:
        text += " That null is itself larger than twice its standard error: do not trust the bound."
    return text


Compared = tuple[str, pd.DataFrame, Callable[[float], str]]  # label, `over_tables`, format


def _verdict(what: str, compared: list[Compared]) -> str:
    """Which differences are larger than twice their standard error, and what chance would give."""
    compared = [(label, table[table["tables"] > 1], show) for label, table, show in compared]
    n = sum(len(table) for _, table, _ in compared)
    if not n:
        return "No difference can be told from chance: a standard error takes two tables or more."
    found = [
        f"{name} {with_error(row['mean'], row['se'], show)} ({label})"
        for label, table, show in compared
        for name, row in table[resolved(table)].iterrows()
    ]
    if not found:
        return f"No {what} is larger than twice its standard error ({counted(n, 'comparison')})."
    tables = min(int(table["tables"].min()) for _, table, _ in compared if len(table))
    return (
        f"Larger than twice its standard error is the {what} of {', '.join(found)}: {len(found)} "
        f"of {counted(n, 'comparison')}, where chance alone gives "
        f"{chance_of_resolving(tables):.0%} ({tables} tables)."
    )


def _three(value: float) -> str:
    return f"{value:+.3f}"
