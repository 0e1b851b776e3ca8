"""The answer in short: who is first, what is safe, what cannot be told; by rule, never by hand."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import UNIT
from bench.analysis.paired import (
    NULL,
    against_default,
    chance_of_resolving,
    fine_tuned,
    over_tables,
    resolved,
)
from bench.analysis.references import DEFAULT
from bench.phrases import counted, joined, numbered
from bench.report.readable import p_value, share, signed, unsigned, with_error, with_interval

NAMED = 4  # methods that are named where several tie


def apart(answer: Answer) -> list[tuple[str, str]]:
    """Pairs of methods, the better first, that Nemenyi's test tells apart."""
    table, test = answer.tables["summary"]["rank"], answer.friedman
    assert test is not None
    return [
        (better, worse)
        for i, better in enumerate(table.index)
        for worse in table.index[i + 1 :]
        if table[worse] - table[better] > test.critical_difference
    ]


def headline(answer: Answer) -> list[str]:
    """The answer in short: what holds, what does not, what cannot be told. A sentence each."""
    if not answer.tables:
        return ["No dataset and fold is complete for all methods: there is nothing to compare yet."]
    return [_first(answer), *differences(answer), *harm(answer)]


def _first(answer: Answer) -> str:
    """Who is first, where anyone is: not where methods tie, nor on a single table."""
    table, test = answer.tables["summary"], answer.friedman
    assert test is not None
    if len(table) == 1:
        return f"{table.index[0]} is the only method: there is nothing to compare it with."
    if ties(answer):
        on = "the one table" if answer.datasets == 1 else f"each of the {test.datasets} datasets"
        score = answer.metric.title
        return f"All {len(table)} methods have the same mean test {score} on {on}: none is best."
    if answer.datasets == 1:
        return _one_table(answer)
    best, row = first(answer), table.iloc[0]
    if len(best) > 1:
        return (
            f"{listed(best)} share the best average rank ({row['rank']:.2f} of {len(table)}): none "
            "of them is best."
        )
    text = (
        f"{best[0]} has the best average rank ({row['rank']:.2f} of {len(table)}), with "
        f"{_improved(row, answer)}"
    )
    if not test.exists:
        return f"{text}; there is too little for a test of the ranks."
    if test.p >= answer.settings.alpha:
        return f"{text}, but the ranks cannot be told from chance (Friedman p = {p_value(test.p)})."
    from_whom = ", ".join(worse for better, worse in apart(answer) if better == best[0])
    return (
        f"{text}; the ranks differ (Friedman p = {p_value(test.p)}), and it can be told from "
        f"{from_whom or 'no method'} (Nemenyi)."
    )


def ties(answer: Answer) -> bool:
    """Whether all methods score the same on each dataset."""
    means = answer.tables["per_dataset"]
    return bool((means.max(axis=1) == means.min(axis=1)).all())


def first(answer: Answer) -> list[str]:
    """The methods of the best average rank; several where they share it."""
    ranks = answer.tables["summary"]["rank"]
    return list(map(str, ranks.index[ranks == ranks.min()]))


def listed(names: list[str]) -> str:
    """Some names and how many more there are."""
    return joined(names, "and") if len(names) <= NAMED else numbered(names, NAMED)


def _improved(row: pd.Series, answer: Answer) -> str:
    """The gain of a method; normalized only where the range is one that can be resolved."""
    width, score = span(answer), answer.metric.title
    if width >= answer.settings.small_difference and not pd.isna(row["median"]):
        ends = (row["median_low"], row["median_high"])
        return f"a median improvement of {with_interval(row['median'], *ends, '{:+.3f}'.format)}"
    ends = (row["raw_gain_low"], row["raw_gain_high"])
    return (
        f"a mean gain of {with_interval(row['raw_gain'], *ends, signed)} in {score} ×1000 over the "
        f"pre-trained model (the methods of a run lie within {width:.4f} {score} of one another at "
        "the median, too little to be worth normalizing)"
    )


def span(answer: Answer) -> float:
    """Best minus worst of a unit, the pre-trained model included; its median."""
    unit = answer.tables["improvements"].drop_duplicates(UNIT)
    return float(unit["range"].median())


def _one_table(answer: Answer) -> str:
    """What one table says: how far apart its methods are, and whether its folds resolve that."""
    score = answer.metric.title
    (means,) = (row for _, row in answer.tables["per_dataset"].iterrows())
    turned = answer.metric.oriented(means)
    low, high = turned.min(), turned.max()
    worst, best = (listed(list(map(str, means.index[turned == end]))) for end in (low, high))
    folds = answer.kept["fold"].nunique()
    text = (
        f"One table, {means.name}, with {counted(folds, 'fold')} names no winner, and ranks on it "
        f"are noise. Mean test {score} lies between {answer.metric.oriented(low):.4f} ({worst}) "
        f"and {answer.metric.oriented(high):.4f} ({best})"
    )
    if folds == 1:
        return f"{text}; a single fold tells no difference from chance."
    pairs = between_folds(answer)
    error = f"{answer.metric.turned_title()} ×1000 ± standard error over folds"
    found = pairs[resolved(pairs)]
    if found.empty:
        most = max(pairs.to_dict("records"), key=lambda row: abs(row["mean"]))
        return (
            f"{text}. Every difference is below what these folds resolve: the largest is "
            f"{with_error(most['mean'], most['se'])} ({error}). Nothing here tells one method from "
            "another."
        )
    told = [
        f"{row['better']} over {row['worse']} {with_error(row['mean'], row['se'])}"
        for row in found.to_dict("records")
    ]
    return (
        f"{text}. More than twice its standard error apart: {numbered(told, NAMED)} ({error}), "
        f"{len(found)} of {counted(len(pairs), 'pair')}, where chance alone gives "
        f"{share(chance_of_resolving(folds))} of them and folds share rows: a hint about this "
        "table, no finding."
    )


def between_folds(answer: Answer) -> pd.DataFrame:
    """Every pair of methods on the one table, the better first, over its folds (`over_tables`)."""
    scores = answer.kept.pivot(index=UNIT, columns="method", values="score_chosen")
    pairs = pd.DataFrame(
        {
            (better, worse): scores[better] - scores[worse]
            for i, better in enumerate(answer.methods)
            for worse in answer.methods[i + 1 :]
        }
    )
    pairs = pairs.rename_axis(index={"dataset": "table", "fold": "dataset"})
    return over_tables(pairs).rename_axis(["better", "worse"]).reset_index()


def differences(answer: Answer) -> list[str]:
    """Who differs from default fine-tuning, and what re-seeding does; none of one table."""
    table, held, score = answer.tables["paired"], answer.references, answer.metric.turned_title()
    rows = against_default(table, "chosen")
    rows = rows[rows["method"].isin(fine_tuned(table)) & (rows["tables"] > 1)]
    if rows.empty:
        return []
    found = rows[resolved(rows)]
    several = len(held.defaults) > 1
    named = ", ".join(
        f"{r['method']} {with_error(r['mean'], r['se'])}"
        + (f" (against {r['against']})" if several else "")
        for r in found.to_dict("records")
    )
    whose = f"their {DEFAULT}" if several else DEFAULT
    said = (
        f"Against {whose}, test {score} ×1000 differs by more than twice its standard error for "
        f"{named}: {len(found)} of {len(rows)} compared, where chance alone gives "
        f"{share(chance_of_resolving(int(rows['tables'].min())))} of them."
        if len(found)
        else f"No method's test {score} differs from {DEFAULT}'s by more than twice its standard "
        f"error ({len(rows)} compared)."
    )
    null = table[(table["against"] == NULL) & (table["step"] == "chosen")]
    if len(null):
        said += (
            f" Re-seeding {null['method'].iloc[0]} alone moves a run by "
            f"{unsigned(null['absolute'].iloc[0])}; another method instead, by "
            f"{unsigned(rows['absolute'].min())} to {unsigned(rows['absolute'].max())}."
        )
    return [said]


def harm(answer: Answer) -> list[str]:
    """How many runs fine-tuning makes worse, and what early stopping promises."""
    table = answer.tables["reliability"]
    if table.empty:
        return []
    least, most = table["harm"].min(), table["harm"].max()
    best, worst = (listed(list(map(str, table.index[table["harm"] == h]))) for h in (least, most))
    where = (
        f"{share(least)} of the runs, whatever the method"
        if least == most
        else f"{share(least)} ({best}) to {share(most)} ({worst}) of the runs"
    )
    said = (
        f"Fine-tuning made a run worse than not fine-tuning in {where}; early stopping's "
        f"validation gain exceeds its test gain on average for {(table['gap'] > 0).sum()} of "
        f"{len(table)} methods."
    )
    main = answer.references.main
    if main in table.index:
        row = table.loc[main].to_dict()
        said += (
            f" {main}: promised {signed(row['validation_gain'])}, gave "
            f"{signed(row['test_gain'])} ({answer.metric.title} ×1000)."
        )
    return [said]
