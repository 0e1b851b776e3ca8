"""What others state, from files that name the source; never mixed with measured values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from bench.analysis.answer import Answer
from bench.analysis.problems import CLASSIFICATION
from bench.phrases import joined

FILE = Path(__file__).with_name("published.yaml")  # the study's own figures
ELSEWHERE = Path(__file__).with_name("elsewhere.yaml")
STATED = "published"  # the column that holds them beside a table's numbers


@dataclass(frozen=True)
class Published:
    """What is stated; strings, so that nobody computes with them."""

    source: str
    short: str
    models: list[str]
    improvement: dict[str, str]
    gap: dict[str, str]
    rank: dict[str, str]

    def beside(self, numbers: pd.DataFrame, figures: dict[str, str]) -> pd.DataFrame:
        """A table with one row a method, with the figures in a last column `STATED`."""
        stated = pd.Series([figures.get(m) for m in numbers.index], numbers.index, dtype=object)
        return numbers.assign(**{STATED: stated})


@dataclass(frozen=True)
class Elsewhere:
    """What fine-tuning does to another model; strings, by the score that each is of."""

    model: str
    source: str
    url: str
    harm: dict[str, str]
    promise: dict[str, str]

    @property
    def told(self) -> str:
        """All of it but the source."""
        harm, promise = (
            joined((f"{figure} ({score})" for score, figure in of.items()), "and")
            for of in (self.harm, self.promise)
        )
        return (
            f"fine-tuned {self.model} ends worse in {harm} of the runs, and its validation gain is "
            f"{promise} times its test gain"
        )


def elsewhere() -> Elsewhere:
    """What stands beside our own harm in classification, whatever the model."""
    return Elsewhere(**_read(ELSEWHERE))


def stated_figures() -> Published:
    """The study's figures."""
    return Published(**_read(FILE))


def _read(path: Path) -> Any:
    return OmegaConf.to_container(OmegaConf.load(path))


def published(answer: Answer) -> Published | None:
    """The stated figures, where all cells are of the model and the problem they were stated for."""
    if answer.problem != CLASSIFICATION:
        return None
    read = stated_figures()
    models = pd.concat([answer.kept["model"], answer.left_out["model"]]).dropna()
    return read if set(models) <= set(read.models) else None
