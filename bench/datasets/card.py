"""A table from a frame and its card: the columns' kinds and levels, the target, its classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from bench.table import Table


def from_frame(frame: pd.DataFrame, about: dict[str, Any]) -> Table:
    """The table that a frame of strings and numbers is, read with its card."""
    import numpy as np
    import pandas as pd

    from bench.table import Table

    columns = {
        column["name"]: pd.Categorical(frame[column["name"]], categories=column["levels"])
        if column["kind"] == "categorical"
        else frame[column["name"]].to_numpy(dtype=np.float64)
        for column in about["columns"]
    }
    codes = {label: code for code, label in enumerate(about["classes"])}
    target = frame[about["target"]]
    return Table(
        name=about["name"],
        X=pd.DataFrame(columns, index=range(len(frame))),
        y=target.map(codes).to_numpy(np.int64) if codes else target.to_numpy(np.float64),
        kinds={column["name"]: column["kind"] for column in about["columns"]},
        classes=tuple(about["classes"]),
        target=about["target"],
        domain=about["domain"],
    )
