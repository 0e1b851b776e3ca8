"""The types of a record's fields: what a count, a name, a score or a class that is named may be."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bench.cell.targets import is_dotted
from bench.files import shown
from bench.scores import SCORES
from bench.scores._held import fault

Count = Annotated[int, Field(ge=0, lt=2**53)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**64)]
Amount = Annotated[float, Field(ge=0, le=1e12)]  # seconds, MiB: 1e12 s are 30,000 years
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1)]
ScoreName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,60}$")]  # of a file, once


class Closed(BaseModel):
    """Nothing but these keys, of these types, without a cast."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Open(BaseModel):
    """These keys of these types, and others that are read by nobody."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)


def _scored(scores: dict[str, float | None]) -> dict[str, float | None]:
    for name, value in scores.items():
        _check_scale(name, value)
    return scores


def _drawn(curves: dict[str, Curve]) -> dict[str, Curve]:
    for name, curve in curves.items():
        for value in curve:
            _check_scale(name, value)
    return curves


def _check_scale(name: str, value: float | None) -> None:
    """Hold a value to what is known of its score; of one that is not here, nothing is."""
    if name not in SCORES:
        return
    if why := fault(SCORES[name], value):
        raise ValueError(f"{name} {why}")


def none_of_empty(value: Any) -> Any:
    """An empty object stands for what is not there; null does not."""
    if value is None:
        raise ValueError("null, where an object is expected")
    return None if value == {} else value


def dotted_targets(value: Any) -> Any:
    """Every ``_target_``, at any depth, is a dotted name: readers cut it at its dots."""
    if isinstance(value, dict):
        if "_target_" in value:
            target = value["_target_"]
            if not is_dotted(target):
                raise ValueError(f"the _target_ {shown(target)} is no dotted name of a class")
        for inner in value.values():
            dotted_targets(inner)
    elif isinstance(value, list):
        for inner in value:
            dotted_targets(inner)
    return value


Curve = list[float | None]
Scores = Annotated[dict[str, float | None], AfterValidator(_scored)]
Drawn = Annotated[dict[str, Curve], AfterValidator(_drawn)]
Config = Annotated[dict[str, Any], AfterValidator(dotted_targets)]
