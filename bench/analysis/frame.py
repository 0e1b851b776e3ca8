"""Records → a DataFrame with one row a cell, and its part that is complete for all methods."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bench.record import Record

UNIT = ["dataset", "fold", "seed"]  # what methods are compared on

COLUMNS = [
    *UNIT, "domain", "method", "model", "status", "code",
    "auc_pretrained", "auc_chosen", "auc_last",
    "validation_pretrained", "validation_chosen",
    "chosen_step", "seconds", "error",
]  # fmt: skip


def frame(records: Iterable[Record]) -> pd.DataFrame:
    """One row a cell, columns `COLUMNS`; ROC-AUC is one-vs-one on the test part.

    Where a cell has several records (other settings in one folder), all of them are kept:
    `bench.report` refuses such a folder. A cell whose numbers depend on no seed (`pretrained`) has
    one record for all seeds; it gets a row beside each seed of its dataset and fold.
    """
    records = list(records)
    cells = pd.DataFrame([_row(record) for record in records], columns=COLUMNS)
    seeded = np.array(["seed" in r["identity"]["parts"] for r in records], dtype=bool)
    return _beside_each_seed(cells[~seeded], cells[seeded])


def _beside_each_seed(seedless: pd.DataFrame, seeded: pd.DataFrame) -> pd.DataFrame:
    seeds = seeded[UNIT].drop_duplicates().rename(columns={"seed": "other"})
    spread = seedless.merge(seeds, on=["dataset", "fold"], how="left")
    spread["seed"] = spread.pop("other").fillna(spread["seed"]).astype(seedless["seed"].dtype)
    parts = [part for part in (spread, seeded) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else seeded


def _row(record: Record) -> dict[str, object]:
    def auc(when: str, part: str) -> float | None:
        return record["metrics"].get(when, {}).get(part, {}).get("roc_auc_ovo")

    return {
        **{k: record["cell"][k] for k in ("dataset", "fold", "seed", "domain", "method", "model")},
        "status": record["status"],
        "code": record["provenance"]["code"],
        "auc_pretrained": auc("pretrained", "test"),
        "auc_chosen": auc("chosen", "test"),
        "auc_last": auc("last", "test"),
        "validation_pretrained": auc("pretrained", "validation"),
        "validation_chosen": auc("chosen", "validation"),
        "chosen_step": record["chosen_step"],
        "seconds": record["timings"]["seconds"]["total"],
        "error": record["error"]["message"] if record["error"] else None,
    }


def complete(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split into the units where every method of the frame has a score, and the other units.

    Returns
    -------
    (kept, left_out)
        Rows of ``cells``; ``left_out`` also names the methods that are absent altogether, as rows
        with status ``missing``.
    """
    methods = cells["method"].unique()
    units = cells[UNIT].drop_duplicates()
    grid = units.merge(pd.DataFrame({"method": methods}), how="cross")
    full = grid.merge(cells, on=[*UNIT, "method"], how="left")
    full["status"] = full["status"].fillna("missing")
    # ROC-AUC does not exist where the test part is of one class; such a unit cannot be compared.
    good = (full["status"] == "done") & full["auc_chosen"].notna()
    whole = good.groupby([full[c] for c in UNIT]).transform("all")
    return full[whole].reset_index(drop=True), full[~whole].reset_index(drop=True)
