"""The settings of a record, as they were resolved: the keys that are read, others beside them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from bench.cell.fields import Config, Count, Name, Open, Whole, dotted_targets


class Mixing(Open):
    """How synthetic rows meet real ones."""

    rows: Literal["real", "synthetic", "mixed"]
    ratio: float
    fresh: bool = False
    size: float = 1.0


class Method(Open):
    """A method's settings: whether it fine-tunes, and on which rows."""

    name: Name
    finetune: bool
    generator: Config | None
    mixing: Mixing

    @model_validator(mode="after")
    def _names_its_generator(self) -> Method:
        if self.generator is not None and "_target_" not in self.generator:
            raise ValueError("the generator has no _target_")
        return self


class ModelSettings(Open):
    """A model's settings."""

    path: str | None = None


class FinetuneSettings(Open):
    """The settings of fine-tuning."""

    steps: Count
    bag: Annotated[int, Field(ge=1, le=100)] = 1


class TransferSettings(Open):
    """The settings of fine-tuning on other tables; there where some were named."""

    method: Method
    finetune: FinetuneSettings


class Settings(Open):
    """The settings as they were resolved."""

    dataset: Config
    method: Method
    model: Annotated[ModelSettings, BeforeValidator(dotted_targets)]
    finetune: FinetuneSettings
    transfer: TransferSettings | None = None
    fold: Count
    seed: Whole
    validation_share: float
    threads: Count
    device: str
