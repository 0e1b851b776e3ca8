"""Every number that decides how records are read; `conf/analysis.yaml` holds the defaults."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, get_type_hints

from annotated_types import Interval, Len
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from bench.errors import BadInput, sentence
from bench.files import CONF
from bench.ranges import (
    Chance,
    Count,
    Level,
    Positive,
    Rising,
    Seed,
    Share,
    Text,
    check,
    member,
    members,
    plain,
    unknown,
)

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


class Asked(StrEnum):
    """Whether the verdict is told under the one reading of the settings, or under all."""

    one = "one"
    all = "all"


@dataclass
class Analysis:
    """One reading of records."""

    metric: Text | None = MISSING
    methods: list[Text] = MISSING
    rules: list[Text] = MISSING
    normalization: Normalization = MISSING
    spread: Spread = MISSING
    readings: Asked = MISSING
    impute: Impute = MISSING
    resamples: Annotated[int, Interval(ge=1, le=10**6)] = MISSING
    confidence: Level = MISSING
    alpha: Level = MISSING
    seed: Seed = MISSING
    rows: Annotated[list[Count], Len(1), Rising(strictly=True)] = MISSING
    categorical_share: Annotated[list[Chance], Len(1), Rising(strictly=True)] = MISSING
    imbalance: Annotated[list[Chance], Len(1), Rising(strictly=True)] = MISSING
    harm_margin: Share = MISSING
    roc_auc_margin: Positive = MISSING
    log_loss_margin: Positive = MISSING
    brier_margin: Positive = MISSING
    safe_rule: Text = MISSING
    rivals: list[Text] = MISSING
    unseen: list[Text] = MISSING
    elo_rounds: Annotated[int, Interval(ge=1, le=10**6)] = MISSING
    small_difference: Positive = MISSING
    power: Level = MISSING
    advice_level: Level = MISSING
    worthwhile: Positive = MISSING
    transfer_margin: Positive = MISSING
    worst_share: Share = MISSING

    @property
    def margins(self) -> dict[str, float]:
        """Score → the difference by which it is worth choosing a method for."""
        return {
            "roc_auc_ovo": self.roc_auc_margin,
            "log_loss": self.log_loss_margin,
            "brier": self.brier_margin,
        }


def settings(overrides: Iterable[str] = ()) -> Analysis:
    """The defaults, changed by ``analysis.KEY=VALUE``.

    Raises
    ------
    BadInput
        If a key is unknown, or its value of the wrong type or out of range.
    """
    own = _typed(overrides)
    hints = get_type_hints(Analysis, include_extras=True)
    for key, value in plain(own).items():
        if key not in hints:
            raise BadInput(unknown(PREFIX, str(key), hints))
        check(member(value, members(hints[key])), hints[key], f"{PREFIX}{key}")
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Analysis), OmegaConf.load(DEFAULTS), own)
        read = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        known = ", ".join(Analysis.__dataclass_fields__)
        told = sentence(error).rstrip(".")
        raise BadInput(f"{told}. Settings of the analysis: {known}.") from error
    assert isinstance(read, Analysis)
    for name, hint in hints.items():
        check(getattr(read, name), hint, f"{PREFIX}{name}")
    return read


def methods_word(names: Iterable[str]) -> str:
    """The word that names the methods to read: ``analysis.methods=[…]``, not quoted for a shell."""
    return f"{PREFIX}methods=[{','.join(map(_quoted, names))}]"


def _quoted(name: str) -> str:
    """A name as it is read again within a list."""
    try:
        is_plain = plain(OmegaConf.from_dotlist([f"x=[{name}]"])) == {"x": [name]}
    except (YAMLError, OmegaConfBaseException):
        is_plain = False
    return name if is_plain else json.dumps(name, ensure_ascii=False)


def _typed(overrides: Iterable[str]) -> DictConfig:
    """The overrides without their prefix, read."""
    own = []
    for text in overrides:
        own.append(text.removeprefix(PREFIX))
        try:
            OmegaConf.from_dotlist(own[-1:])
        except YAMLError as error:
            raise BadInput(
                f"'{text}' cannot be read; a list is [a,b], a name with commas, brackets, colons "
                "or quotes stands in double quotes, and all of it in single ones for the shell: "
                f"""'{PREFIX}methods=["a: b",c]'."""
            ) from error
    return OmegaConf.from_dotlist(own)
