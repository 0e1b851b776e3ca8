"""Is it the generator, or the mixing? The measures of `summary`, by generator × mixing × ratio."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from bench.analysis.measures import summary
from bench.record import Record

DESIGN = ["generator", "rows", "ratio"]


def designs(records: Iterable[Record]) -> pd.DataFrame:
    """What each method is made of: one row a method, indexed by its name.

    Columns: ``generator``, the name of its class (missing without one); ``rows``, how they meet the
    real ones (real, synthetic, mixed; missing without fine-tuning); ``ratio``, synthetic rows a
    real row (missing unless mixed).
    """
    methods = {r["cell"]["method"]: r["settings"]["method"] for r in records}
    rows = {name: _design(method) for name, method in methods.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=DESIGN)


def _design(method: dict[str, Any]) -> tuple[str | None, str | None, float]:
    generator, mixing = method["generator"], method["mixing"]
    name = generator["_target_"].rpartition(".")[2] if generator else None
    rows = mixing["rows"] if method["finetune"] else None
    return name, rows, float(mixing["ratio"]) if rows == "mixed" else float("nan")


def ablation(cells: pd.DataFrame, made_of: pd.DataFrame) -> pd.DataFrame:
    """`summary` of the generators that ran in more than one way, and of fine-tuning on real rows.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.frame.complete`); ranks and improvements are among all of
        their methods.
    made_of : DataFrame
        `designs` of the same records.

    Returns
    -------
    DataFrame
        One row a method: the columns of `designs` and of `summary`; a generator's rows stand
        together, synthetic before mixed, the smallest ratio first, and the generator with the best
        average rank in any of its ways stands first; ``real`` is last. Empty if no generator ran in
        two ways.
    """
    table = made_of.join(summary(cells), how="inner").rename_axis("method")
    ways = table.groupby("generator")["rows"].transform("size")
    chosen = table[(ways > 1) | (table["rows"] == "real")]
    if not (ways > 1).any():
        return chosen.iloc[:0]
    best = chosen.groupby("generator")["rank"].transform("min")
    order = chosen.assign(best=best, mixed=chosen["rows"] == "mixed")
    order = order.sort_values(["best", "generator", "mixed", "ratio"], na_position="last")
    return chosen.loc[order.index]
