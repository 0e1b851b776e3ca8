"""The study's own figures, from one file with its source; never mixed with measured values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from bench.analysis.answer import Answer

FILE = Path(__file__).with_name("published.yaml")
STATED = "published"  # the column that holds them beside a table's numbers


@dataclass(frozen=True)
class Published:
    """What is stated; strings, so that nobody computes with them."""

    source: str
    models: list[str]
    improvement: dict[str, str]
    gap: dict[str, str]
    rank: dict[str, str]

    def beside(self, numbers: pd.DataFrame, figures: dict[str, str]) -> pd.DataFrame:
        """A table with one row a method, with the figures in a last column `STATED`."""
        stated = pd.Series([figures.get(m) for m in numbers.index], numbers.index, dtype=object)
        return numbers.assign(**{STATED: stated})


def stated_figures() -> Published:
    """The stated figures."""
    stated: Any = OmegaConf.to_container(OmegaConf.load(FILE))
    return Published(**stated)


def published(answer: Answer) -> Published | None:
    """The stated figures, where all cells are of the model that they were stated for."""
    read = stated_figures()
    models = pd.concat([answer.kept["model"], answer.left_out["model"]]).dropna()
    return read if set(models) <= set(read.models) else None
