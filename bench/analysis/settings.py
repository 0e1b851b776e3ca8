"""Every number that decides how records are read; `conf/analysis.yaml` holds the defaults."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.errors import BadInput, sentence
from bench.files import CONF

DEFAULTS = CONF / "analysis.yaml"
PREFIX = "analysis."


class Normalization(StrEnum):
    """The scale that improvements are read on (`bench.analysis.measures.improvements`)."""

    minmax = "minmax"
    raw = "raw"
    pretrained_to_best = "pretrained_to_best"
    error_reduction = "error_reduction"


class Spread(StrEnum):
    """What stands behind a median."""

    iqr = "iqr"
    std = "std"
    mad = "mad"


class Impute(StrEnum):
    """What a missing score is taken for."""

    none = "none"
    worst = "worst"


@dataclass
class Analysis:
    """One reading of records."""

    normalization: Normalization = MISSING
    spread: Spread = MISSING
    impute: Impute = MISSING
    resamples: int = MISSING
    confidence: float = MISSING
    alpha: float = MISSING
    seed: int = MISSING
    rows: list[int] = MISSING
    categorical_share: list[float] = MISSING
    elo_rounds: int = MISSING


def settings(overrides: Iterable[str] = ()) -> Analysis:
    """The defaults, changed by ``analysis.KEY=VALUE``.

    Raises
    ------
    BadInput
        If a key is unknown, or its value of the wrong type or out of range.
    """
    own = [text.removeprefix(PREFIX) for text in overrides]
    try:
        merged = OmegaConf.merge(
            OmegaConf.structured(Analysis), OmegaConf.load(DEFAULTS), OmegaConf.from_dotlist(own)
        )
        read = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        known = ", ".join(Analysis.__dataclass_fields__)
        told = sentence(error).rstrip(".")
        raise BadInput(f"{told}. Settings of the analysis: {known}.") from error
    assert isinstance(read, Analysis)
    _check(read)
    return read


def _check(read: Analysis) -> None:
    for name in ("confidence", "alpha"):
        if not 0 < getattr(read, name) < 1:
            raise BadInput(f"analysis.{name} lies between 0 and 1, not at {getattr(read, name)}.")
    for name in ("resamples", "elo_rounds"):
        if getattr(read, name) < 1:
            raise BadInput(f"analysis.{name} is 1 or more, not {getattr(read, name)}.")
    for name in ("rows", "categorical_share"):
        edges = getattr(read, name)
        if not edges or list(edges) != sorted(set(edges)):
            raise BadInput(f"analysis.{name} is a rising list of edges, not {list(edges)}.")
