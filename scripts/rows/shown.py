"""What the evaluation of rows prints: methods compared, pairs of them, each table's own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from rich.table import Table as Shown

from scripts.evaluation import console, number
from scripts.rows.sources import base

# What the learners' predictions are worth: measure of `bench.quality.utility`, heading
WORTH = {"classification": ("tstr_roc_auc", "ROC-AUC"), "regression": ("tstr_r2", "R²")}
# Printed columns beside it, those that were measured: heading, measure
MEASURES = {
    "log-loss": "log_loss",
    "in context": "in_context",
    "global utility": "global_utility",
    "correlation error": "correlation_error",
    "marginal distance": "marginal_distance",
    "detection AUC": "detection_auc_unseen",
    "closest": "distance_to_closest",
    "Fréchet": "frechet_distance",
    "fit + draw, s": "seconds",
}


def show_rows(measured: pd.DataFrame, title: str, problem: str, per_table: bool) -> None:
    """Print the summary and the paired differences, and what each table's rows are worth."""
    terminal, (worth, heading) = console(), WORTH[problem]
    compared, left_out = common(measured, worth)
    found = summary(compared, worth)
    beside = {h: m for h, m in MEASURES.items() if m in found and found[m].notna().any()}
    shown = Shown("method", "tables", heading, "− real (SE)", *beside, title=title)
    splits = compared.groupby("method")["seed"].unique()
    for method, row in found.iterrows():
        fewer = splits[method].size < compared["seed"].nunique()
        where = f"{row['tables']:.0f}" + f" (split {_listed(splits[method])})" * fewer
        rest = [number(row[m], 2 if m == "seconds" else 3) for m in beside.values()]
        error = difference(row["difference"], row["standard_error"])
        shown.add_row(str(method), where, number(row[worth], 4), error, *rest)
    terminal.print(shown)
    terminal.print(left_out, soft_wrap=True)
    for told in (worth, "in_context"):
        if told in found and found[told].notna().any() and (lines := paired(compared, told)):
            lines = [f"{told}, paired:", *lines]
            terminal.print("\n".join(lines), highlight=False, soft_wrap=True)
    if per_table:
        terminal.print(each_table(measured, title, worth, heading))
    show_notes(measured)


def show_notes(measured: pd.DataFrame) -> None:
    """Print what was refused or failed."""
    noted = measured[measured["note"].fillna("") != ""]
    for (method, dataset, note), rows in noted.groupby(["method", "dataset", "note"], sort=False):
        where = f"{method} on {dataset}, split {_listed(rows['seed'])}"
        console().print(f"{where}: {note}", soft_wrap=True)


def _listed(splits: Iterable[int]) -> str:
    return ", ".join(map(str, splits))


def common(measured: pd.DataFrame, worth: str) -> tuple[pd.DataFrame, str]:
    """The rows of the tables and splits where all methods have some, and what that leaves out.

    A method without any rows is compared nowhere, and leaves nothing out; nor does one that was not
    asked for on a split.
    """
    wide = measured.pivot(index=["dataset", "seed"], columns="method", values=worth)
    none = list(wide.columns[wide.isna().all()])
    asked = measured.pivot(index=["dataset", "seed"], columns="method", values="note").notna()
    lacking = (wide.isna() & asked).drop(columns=none)
    partly = lacking[lacking.any(axis=1)]
    keys = pd.MultiIndex.from_frame(measured[["dataset", "seed"]])
    keep = ~keys.isin(partly.index) & ~measured["method"].isin(none)
    says = f"Means of {len(wide) - len(partly)} of {len(wide)} tables × splits: where all have rows"
    told = [
        f"{dataset} {seed} (not {', '.join(row.index[row])})"
        for (dataset, seed), row in partly.iterrows()
    ]
    told += [f"nowhere {method}" for method in none]
    return measured[keep], f"{says}; without {', '.join(told)}." if told else f"{says}."


def summary(measured: pd.DataFrame, worth: str) -> pd.DataFrame:
    """A row each method: means over tables of the means over splits.

    Returns
    -------
    DataFrame
        ``tables`` (where the method gave rows), ``worth`` under its name, ``difference`` to real
        rows on the same tables and splits, ``standard_error`` of it over tables, and the measures.
    """
    measured = measured.assign(difference=against(measured, "real", worth)).dropna(subset=worth)
    columns = [worth, "difference", *(m for m in MEASURES.values() if m in measured)]
    by_table = measured.groupby(["method", "dataset"], sort=False)[columns].mean()
    by_method = by_table.groupby("method", sort=False)
    out = by_method.mean()
    out.insert(0, "tables", by_method.size())
    out.insert(3, "standard_error", by_method["difference"].sem())
    return out


def against(measured: pd.DataFrame, other: str, worth: str) -> np.ndarray:
    """Each row's worth minus that of another method on its table and split."""
    theirs = measured[measured["method"] == other].set_index(["dataset", "seed"])[worth]
    keys = pd.MultiIndex.from_frame(measured[["dataset", "seed"]])
    return measured[worth].to_numpy() - theirs.reindex(keys).to_numpy()


def paired(measured: pd.DataFrame, worth: str) -> list[str]:
    """Lines that hold causal rows against each rival's, alone and beside real rows.

    Of several variants of SCM each is held against the first one too.
    """
    methods = [str(method) for method in measured["method"].unique()]
    bare = list(dict.fromkeys(method.removeprefix("real+") for method in methods))
    causal = [source for source in bare if base(source) == "scm"]
    rivals = [source for source in bare if base(source) not in ("scm", "real")]
    pairs = [(one, other) for one in causal for other in rivals]
    for one in causal:
        pairs += [(f"real+{one}", "real"), (f"real+{one}", "smote")]
        pairs += [(f"real+{one}", f"real+{other}") for other in rivals]
    pairs += [(f"{way}{one}", f"{way}{causal[0]}") for one in causal[1:] for way in ("", "real+")]
    lines = []
    for one, other in pairs:
        if one not in methods or other not in methods:
            continue
        mine = measured[measured["method"].isin([one, other])]
        mine = mine.assign(difference=against(mine, other, worth))
        by_table = mine[mine["method"] == one].groupby("dataset")["difference"].mean()
        told = difference(by_table.mean(), by_table.sem())
        better = f"better on {(by_table > 0).sum()} of {len(by_table)} tables"
        lines.append(f"{one} − {other}: {told}, {better}")
    return lines


def difference(mean: float, standard_error: float) -> str:
    """A signed mean and, in brackets, its standard error."""
    return f"{mean:+.4f} ({number(standard_error, 4)})"


def each_table(measured: pd.DataFrame, title: str, worth: str, heading: str) -> Shown:
    """What real rows are worth, and the other methods' differences to it, tables × methods."""
    found = measured.pivot_table(worth, "dataset", "method", sort=False)
    rows = measured.groupby("dataset")["rows"].max()
    others = [method for method in found if method != "real"]
    gaps = (f"{method} −" for method in others)
    shown = Shown("table", "rows", f"real {heading}", *gaps, title=f"{title} · differences to real")
    for dataset, row in found.iterrows():
        real = row.get("real", np.nan)
        cells = ["–" if np.isnan(v) else f"{v:+.3f}" for v in row[others] - real]
        shown.add_row(str(dataset), number(rows[dataset], 0), number(real, 3), *cells)
    return shown
