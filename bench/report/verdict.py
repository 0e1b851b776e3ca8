"""Sentences on what the tests say, and the answer in short; by rule, never by hand."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.paired import DEFAULT, NULL, PRETRAINED, chance_of_resolving, resolved
from bench.analysis.settings import Analysis
from bench.report.readable import p_value, share, signed, unsigned, with_error, with_interval

FEW = 24  # datasets that it took to resolve a difference of 0.001 ROC-AUC in the pilot


def certainty(answer: Answer) -> str:
    """Friedman's test and Nemenyi's critical difference."""
    test, settings = answer.friedman, answer.settings
    assert test is not None
    what = (
        f"Intervals: bootstrap over datasets ({settings.resamples} resamples), a dataset with all "
        "its folds and seeds."
    )
    if not test.exists:
        return (
            f"{what} No Friedman test: it takes two datasets and three methods that differ, here "
            f"are {test.datasets} and {test.methods}."
        )
    differ = test.p < settings.alpha
    text = (
        f"{what} Friedman: χ² = {test.statistic:.2f}, p = {p_value(test.p)} over {test.datasets} "
        f"datasets and {test.methods} methods: the ranks "
        + ("differ" if differ else "cannot be told from chance")
        + f" at level {settings.alpha:g}. Nemenyi: two methods differ if their average ranks are "
        f"{test.critical_difference:.2f} apart"
    )
    apart = _apart(answer)
    return f"{text}; {', '.join(apart) if apart else 'no two are'}."


def _apart(answer: Answer) -> list[str]:
    table, test = answer.tables["summary"]["rank"], answer.friedman
    assert test is not None
    return [
        f"{better} from {worse}"
        for i, better in enumerate(table.index)
        for worse in table.index[i + 1 :]
        if table[worse] - table[better] > test.critical_difference
    ]


def wilcoxon(table: pd.DataFrame, settings: Analysis) -> str:
    """Below the table of `bench.analysis.significance.wilcoxon_tests`."""
    text = (
        "Wilcoxon's signed-rank test over datasets (means over folds and seeds), two-sided; Holm's "
        "correction over the methods held against the same one. Effect: +1, better wherever they "
        "differ; −1, worse."
    )
    found = table[table["p_holm"] < settings.alpha]
    if found.empty:
        return f"{text} No comparison of {len(table)} is below {settings.alpha:g} after correction."
    named = ", ".join(
        f"{row['method']} {'over' if row['effect'] > 0 else 'under'} {row['against']} "
        f"({p_value(row['p_holm'])})"
        for row in found.to_dict("records")
    )
    return f"{text} Below {settings.alpha:g} after correction: {named}."


def ablation(table: pd.DataFrame) -> str:
    """Below the table of `bench.analysis.mixing.differences`."""
    text = (
        "Test ROC-AUC of the first minus the second on the same dataset, fold and seed; mean ± "
        "standard error over tables."
    )
    known = table[table["tables"] > 1]
    found = known[resolved(known)]
    if found.empty:
        return f"{text} None of {len(table)} is larger than twice its standard error."
    named = ", ".join(
        f"{row['generator']} − {row['minus']} {with_error(row['mean'], row['se'])}"
        for row in found.to_dict("records")
    )
    return f"{text} Larger than twice its standard error: {named}."


def headline(answer: Answer) -> list[str]:
    """The answer in short: what holds, what does not, what cannot be told. A sentence each."""
    if not answer.tables:
        return ["No dataset and fold is complete for all methods: there is nothing to compare yet."]
    told = [_first(answer)]
    told += _against_default(answer)
    told += _harm(answer)
    told.append(_limits(answer))
    return told


def _first(answer: Answer) -> str:
    table, test = answer.tables["summary"], answer.friedman
    assert test is not None
    if len(table) == 1:
        return f"{table.index[0]} is the only method: there is nothing to compare it with."
    best, row = table.index[0], table.iloc[0]
    improved = with_interval(row["median"], row["median_low"], row["median_high"], "{:+.3f}".format)
    text = (
        f"{best} has the best average rank ({row['rank']:.2f} of {len(table)}), with a median "
        f"improvement of {improved}"
    )
    if not test.exists:
        return f"{text}; there is too little for a test of the ranks."
    if test.p >= answer.settings.alpha:
        return f"{text}, but the ranks cannot be told from chance (Friedman p = {p_value(test.p)})."
    apart = [pair for pair in _apart(answer) if pair.startswith(f"{best} from ")]
    from_whom = ", ".join(pair.removeprefix(f"{best} from ") for pair in apart) or "no method"
    return (
        f"{text}; the ranks differ (Friedman p = {p_value(test.p)}), and it can be told from "
        f"{from_whom} (Nemenyi)."
    )


def _against_default(answer: Answer) -> list[str]:
    if DEFAULT not in answer.methods:
        return []
    table = answer.tables["paired"]
    rows = table[(table["against"] == DEFAULT) & (table["step"] == "chosen")]
    rows = rows[(rows["method"] != PRETRAINED) & (rows["tables"] > 1)]
    if rows.empty:
        return []
    found = rows[resolved(rows)]
    named = ", ".join(
        f"{r['method']} {with_error(r['mean'], r['se'])}" for r in found.to_dict("records")
    )
    said = (
        f"Against {DEFAULT}, test ROC-AUC ×1000 differs by more than twice its standard error for "
        f"{named}: {len(found)} of {len(rows)} compared, where chance alone gives "
        f"{share(chance_of_resolving(int(rows['tables'].min())))} of them."
        if len(found)
        else f"No method's test ROC-AUC differs from {DEFAULT}'s by more than twice its standard "
        f"error ({len(rows)} compared)."
    )
    null = table[(table["against"] == NULL) & (table["step"] == "chosen")]
    if len(null):
        said += (
            f" Re-seeding {DEFAULT} alone moves a run by {unsigned(null['absolute'].iloc[0])}; "
            f"another method instead, by {unsigned(rows['absolute'].min())} to "
            f"{unsigned(rows['absolute'].max())}."
        )
    return [said]


def _harm(answer: Answer) -> list[str]:
    table = answer.tables["reliability"]
    if table.empty:
        return []
    best, worst = table["harm"].idxmin(), table["harm"].idxmax()
    said = (
        f"Fine-tuning made a run worse than not fine-tuning in {share(table['harm'].min())} "
        f"({best}) to {share(table['harm'].max())} ({worst}) of the runs; early stopping's "
        f"validation gain exceeds its test gain on average for {(table['gap'] > 0).sum()} of "
        f"{len(table)} methods."
    )
    if DEFAULT in table.index:
        row = table.loc[DEFAULT].to_dict()
        said += (
            f" {DEFAULT}: promised {signed(row['validation_gain'])}, gave "
            f"{signed(row['test_gain'])} (ROC-AUC ×1000)."
        )
    return [said]


def _limits(answer: Answer) -> str:
    unit = answer.tables["improvements"].drop_duplicates(["dataset", "fold", "seed"])
    datasets = unit["dataset"].nunique()
    models = ", ".join(sorted(answer.kept["model"].dropna().astype(str).unique()))
    few = (
        f"{datasets} datasets are too few to resolve differences of 0.001 ROC-AUC"
        if datasets < FEW
        else f"it rests on {datasets} datasets"
    )
    return (
        f"What this cannot tell: the numbers are of the model {models}, no other; {few}; the range "
        f"that was normalized is {unit['range'].median():.4f} ROC-AUC at the median."
    )
