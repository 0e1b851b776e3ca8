"""The curves of a record: lists of one length, an entry an evaluation."""

from __future__ import annotations

from pydantic import Field, model_validator

from bench.cell.fields import Amount, Closed, Count, Curve, Drawn
from bench.files import shown


class Curves(Closed):
    """Lists of one length; beside ``step`` those that the run drew."""

    step: list[Count]
    train_loss: Curve = Field(default_factory=list)
    validation: Drawn = Field(default_factory=dict)
    validation_se: dict[str, list[Amount | None]] = Field(default_factory=dict)
    test: Drawn = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rectangular(self) -> Curves:
        if not self.step or self.step[0] != 0:
            raise ValueError("step does not begin with 0")
        if any(a >= b for a, b in zip(self.step, self.step[1:])):
            raise ValueError("step does not ascend")
        curves = {"train_loss": self.train_loss} if "train_loss" in self.model_fields_set else {}
        curves |= {f"validation.{name}": curve for name, curve in self.validation.items()}
        curves |= {f"test.{name}": curve for name, curve in self.test.items()}
        curves |= {f"validation_se.{name}": errors for name, errors in self.validation_se.items()}
        for name, curve in curves.items():
            if len(curve) != len(self.step):
                raise ValueError(f"{name} has {len(curve)} values, step has {len(self.step)}")
        if None in self.train_loss[1:]:
            raise ValueError("train_loss is null after step 0")
        for name, errors in self.validation_se.items():
            if name not in self.validation:
                raise ValueError(f"validation_se has {shown(name)}, which validation has not")
            if errors[0]:
                raise ValueError(f"validation_se.{name} is {errors[0]:g} at step 0, not 0")
        return self
