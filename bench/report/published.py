"""The study's own figures, from one file with its source; never mixed with measured values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

FILE = Path(__file__).with_name("published.yaml")
HEADING = "published"


@dataclass(frozen=True)
class Published:
    """What is stated; strings, so that nobody computes with them."""

    source: str
    models: list[str]
    improvement: dict[str, str]
    gap: dict[str, str]

    def beside(self, table: pd.DataFrame, figures: dict[str, str], what: str) -> pd.DataFrame:
        """A readable table with the published figures in a last column of their own."""
        return table.assign(**{f"{HEADING}: {what}": [figures.get(m, "–") for m in table.index]})


def published(cells: pd.DataFrame) -> Published | None:
    """The stated figures, where all cells are of the model that they were stated for."""
    stated: Any = OmegaConf.to_container(OmegaConf.load(FILE))
    read = Published(**stated)
    return read if set(cells["model"].dropna()) <= set(read.models) else None
