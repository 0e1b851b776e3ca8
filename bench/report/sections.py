"""An answer → its sections, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.frame import UNIT
from bench.analysis.leaderboard import AVAILABLE
from bench.analysis.mixing import WAY
from bench.analysis.references import DEFAULT, PRETRAINED
from bench.report import captions as readings
from bench.report import readable, verdict
from bench.report.published import Published
from bench.report.readable import NONE, signed, with_interval
from bench.report.section import Behind, Section

ONE_RANK = "rank on the one dataset"


def sections(answer: Answer, stated: Published | None) -> list[Section]:
    """Every section that the records allow; one that they do not allow says why.

    Parameters
    ----------
    answer : Answer
    stated : Published, optional
        The study's figures, where they belong beside these records.
    """
    if not answer.tables:
        return [left_out(answer)]
    return [
        _methods(answer, stated),
        _certainty(answer),
        _per_dataset(answer),
        _early_stopping(answer, stated),
        _paired(answer),
        _wilcoxon(answer),
        _leaderboard(answer),
        *_groups(answer),
        _ways(answer),
        _ablation(answer),
        _quality(answer),
        _datasets(answer),
        _time(answer),
        left_out(answer),
    ]


def _methods(answer: Answer, stated: Published | None) -> Section:
    table = answer.tables["summary"]
    spread = answer.settings.spread
    columns = sorted(readable.METHODS, key=lambda c: c[0] in ("iqr", "std", "mad"))
    columns = [c for c in columns if c[0] not in ("iqr", "std", "mad")]
    spreads = [c for c in readable.METHODS if c[0] in ("iqr", "std", "mad")]
    spreads.sort(key=lambda c: c[0] != spread)
    shown = readable.readable(table, [*columns[:2], *spreads, *columns[2:]])
    shown = _ranked(shown, answer)
    text = readings.improvement(answer.tables["improvements"], table, answer.settings)
    if stated is not None:
        shown = stated.beside(shown, stated.improvement, "median improvement")
        text += f" Published: {stated.source}; read from that paper, not measured here."
    return Section("summary", "Methods", shown, text, _of_method(shown), terminal=True)


def _certainty(answer: Answer) -> Section:
    table, test = answer.tables["summary"], answer.friedman
    assert test is not None
    rank = "average rank" if answer.datasets > 1 else ONE_RANK
    rows = {}
    for name_of, row in table.iterrows():
        method = str(name_of)
        rows[method] = {
            f"{heading} [{answer.settings.confidence:.0%} interval]": with_interval(
                row[name], row[f"{name}_low"], row[f"{name}_high"], show
            )
            for name, heading, show in (
                ("rank", rank, "{:.2f}".format),
                ("median", "median improvement", readable.sign_three),
                ("raw_gain", "ROC-AUC gain ×1000", signed),
            )
        }
        rows[method] |= _nemenyi(answer, method)
    shown = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    text = verdict.certainty(answer)
    return Section("certainty", "Certainty", shown, text, _of_method(shown))


def _nemenyi(answer: Answer, method: str) -> dict[str, str]:
    """p-values against the best, where one method is, and against default fine-tuning."""
    p, held, test = answer.tables["nemenyi"], answer.references, answer.friedman
    out: dict[str, str] = {}
    if test is None or test.datasets < 2:
        return out  # ranks on one dataset vary in nothing
    best = verdict.first(answer)
    if len(best) == 1:
        out["Nemenyi p against the best"] = readable.p_value(p[best[0]][method])
    if held.defaults:
        known = method in held.of or method in held.defaults
        beside = readable.p_value(p[held.of.get(method, method)][method])
        out[f"Nemenyi p against {DEFAULT}"] = beside if known else NONE
    return out


def _per_dataset(answer: Answer) -> Section:
    shown = answer.tables["per_dataset"].map("{:.4f}".format)

    def behind(row: int, column: str) -> Behind | None:
        return {"dataset": [str(shown.index[row])], "method": [column]}

    text = "Mean test ROC-AUC over folds and seeds."
    return Section("per_dataset", "Test ROC-AUC", shown, text, behind, terminal=True)


def _early_stopping(answer: Answer, stated: Published | None) -> Section:
    table = answer.tables["reliability"]
    if table.empty:
        why = "Left out: no record holds a curve, so no method was fine-tuned."
        return Section("reliability", "Early stopping", None, why, terminal=True)
    text = readings.early_stopping(table, answer.readings, answer.references)
    shown = readable.readable(table, readable.EARLY_STOPPING)
    if stated is not None:
        shown = stated.beside(shown, stated.gap, "median gap")
    return Section("reliability", "Early stopping", shown, text, _of_method(shown), terminal=True)


def _paired(answer: Answer) -> Section:
    title, order, held = f"Paired with {DEFAULT}", answer.methods, answer.references
    if not held.of:
        why = (
            f"Left out: {DEFAULT} is not among the methods."
            if not held.defaults
            else f"Left out: {DEFAULT} is the only method."
            if len(order) == 1
            else f"Left out: no method is of the same model as a {DEFAULT}."
        )
        return Section("paired", title, None, why, terminal=True)
    table = answer.tables["paired"]
    shown = readable.readable_pairs(table, order)

    def behind(row: int, _column: str) -> Behind | None:
        name = str(shown.index[row])
        if name in held.of:
            return {"method": sorted({name, held.of[name]})}
        return {"method": [d for d in held.defaults if name.startswith(d)][-1:]}

    return Section("paired", title, shown, readings.pairs(table, held), behind, terminal=True)


def _wilcoxon(answer: Answer) -> Section:
    table = answer.tables["wilcoxon"]
    if table.empty:
        why = f"Left out: it takes a method beside {DEFAULT} and {PRETRAINED}."
        return Section("wilcoxon", "Wilcoxon tests", None, why)
    shown = readable.readable(table.set_index("method"), readable.WILCOXON)
    text = verdict.wilcoxon(table, answer.settings)
    return Section("wilcoxon", "Wilcoxon tests", shown, text, _of_method(shown))


def _leaderboard(answer: Answer) -> Section:
    table, title = answer.tables["leaderboard"], "Leaderboard"
    if table.empty:
        missing = "it takes two methods." if AVAILABLE else "bencheval is not installed."
        return Section("leaderboard", title, None, f"Left out: {missing}")
    shown = readable.readable(table, readable.LEADERBOARD)
    text = (
        "TabArena's measures, computed by bencheval from 1 − mean test ROC-AUC of each dataset: "
        "Elo with bencheval's 95% bootstrap over datasets, share of datasets won, and the share "
        "of the error that the best method would save."
    )
    if answer.datasets == 1:
        text += f" {readings.ONE_DATASET}"
    return Section("leaderboard", title, shown, text, _of_method(shown))


def _groups(answer: Answer) -> list[Section]:
    names = {
        "domain": "By domain",
        "rows": "By number of rows",
        "target": "By binary and multiclass",
        "categorical": "By share of categorical features",
    }
    out = []
    for grouping, title in names.items():
        table = answer.tables["groups"]
        part = table[table["grouping"] == grouping].set_index("group", drop=False)
        shown = _ranked(readable.readable(part, readable.GROUPS[1:]), answer)
        shown.insert(0, "group", part["group"])
        text = "Scores are normalized over all methods of a unit; a group's numbers are the same "
        text += "numbers, restricted to its datasets."
        inside = part.reset_index(drop=True)
        out.append(
            Section(
                f"by_{grouping}",
                title,
                shown.set_index("group"),
                text,
                _of_group(inside, answer, grouping),
            )
        )
    return out


def _of_group(
    rows: pd.DataFrame, answer: Answer, grouping: str
) -> Callable[[int, str], Behind | None]:
    from bench.analysis.groups import groups_of

    of = groups_of(answer.kept, answer.settings)[grouping]

    def behind(row: int, _column: str) -> Behind | None:
        inside = of.index[of == rows["group"][row]]
        return {"dataset": list(map(str, inside)), "method": [str(rows["method"][row])]}

    return behind


def _ways(answer: Answer) -> Section:
    table, title = answer.tables["ways"], "Generators and mixing"
    if table.empty:
        return Section("ways", title, None, "Left out: no method has a generator.")
    shown = _ranked(readable.readable(table.set_index("generator"), readable.WAYS), answer)
    made = answer.kept[[*WAY, "method"]].drop_duplicates()

    def behind(row: int, _column: str) -> Behind | None:
        way = (made[WAY] == table.loc[row, WAY]).all(axis=1)
        return {"method": sorted(made.loc[way, "method"])}

    text = (
        "Every generator as it was run: alone, or mixed with the real rows (ratio: synthetic rows "
        "a real row). What the mixing gives, every generator gets, the nulls (Bootstrap, Noise) "
        "among them; what a generator gives must go beyond."
    )
    several = bool(table["generator"].duplicated().any())
    return Section("ways", title, shown, text, behind, terminal=several)


def _ablation(answer: Answer) -> Section:
    table, title = answer.tables["ablation"], "Ablation: rows or mixing"
    if table.empty:
        why = "Left out: no generator was run both mixed and alone, and no two in the same way."
        return Section("ablation", title, None, why)
    shown = pd.DataFrame(
        {
            "minus": table["minus"],
            "asks": table["question"].map({"mixing": "what mixing does", "rows": "whose rows"}),
            "test ROC-AUC ×1000 ± SE": [
                readable.with_error(m, e) for m, e in zip(table["mean"], table["se"])
            ],
            "size of a run": table["absolute"].map(readable.unsigned),
            "tables": table["tables"].astype(str),
            "runs": table["units"].astype(str),
        }
    ).set_index(pd.Index(table["generator"], name="generator"))
    return Section("ablation", title, shown, verdict.ablation(table))


def _quality(answer: Answer) -> Section:
    table, title = answer.tables["quality"], "Quality of the synthetic rows"
    if table.empty:
        why = "Left out: no record holds measures of its synthetic rows."
        return Section("quality", title, None, why)
    shown = readable.readable(table.set_index("method"), readable.QUALITY)
    text = (
        "Spearman's correlation over runs of a measure of the synthetic rows with what the run "
        "gained on test. Runs of one dataset share rows: read it as a description, not as a test."
    )
    return Section("quality", title, shown, text, _of_method(shown))


def _datasets(answer: Answer) -> Section:
    table = answer.tables["datasets"]
    shown = readable.readable(table, readable.DATASETS)

    def behind(row: int, _column: str) -> Behind | None:
        return {"dataset": [str(shown.index[row])]}

    text = (
        "Duplicated test rows share all their features with a training row (mean over folds): on "
        f"them, looking up is as good as learning. {NONE}: the records do not hold the count."
    )
    return Section("datasets", "Datasets", shown, text, behind)


def _time(answer: Answer) -> Section:
    by = answer.kept.groupby("method", observed=True)["seconds"]
    table = pd.DataFrame(
        {"median": by.median(), "highest": by.max(), "total": by.sum(), "cells": by.size()}
    ).loc[answer.methods]
    shown = readable.readable(table, readable.TIME)
    text = "Wall time of the cells on the machine that made them."
    return Section("time", "Time", shown, text, _of_method(shown), timed=True)


def left_out(answer: Answer) -> Section:
    """What is missing or failed, a row a cell; the cells of an incomplete unit are not listed."""
    lost = answer.left_out[answer.left_out["status"] != "done"]
    title = "Left out"
    if lost.empty and answer.absent.empty:
        return Section("missing", title, None, "Nothing: no cell is missing, none failed.")
    shown = lost[["dataset", "fold", "seed", "method", "status", "error"]].astype(object)
    nothing = answer.absent.assign(method="all", status="missing", error=None)
    shown = pd.concat([shown, nothing.astype(object)])
    shown = shown.where(shown.notna(), NONE)
    shown = shown.astype(str).sort_values([*UNIT, "method"]).set_index("dataset")
    return Section("missing", title, shown, readings.completeness(answer))


def _ranked(shown: pd.DataFrame, answer: Answer) -> pd.DataFrame:
    """A table whose heading tells no average where there is but one dataset to rank on."""
    return shown if answer.datasets > 1 else shown.rename(columns={"average rank": ONE_RANK})


def _of_method(shown: pd.DataFrame) -> Callable[[int, str], Behind | None]:
    def behind(row: int, _column: str) -> Behind | None:
        return {"method": [str(shown.index[row])]}

    return behind
