"""Loads a `Tab2D` checkpoint from a local folder or a hub, with its hash and its limits.

Torch is imported when a model is loaded: what `load` may be given is checked for every cell, also
where nothing is left to compute.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Interval

from bench.errors import ModelError
from bench.files import content, parse_json, shown
from bench.models.base import Backbone, Encoder, Read, Score
from bench.models.tab2d.scale import TargetScale
from bench.models.weights import check, files, files_hash, lock_branch, reads
from bench.ranges import Count, Text, checked
from bench.table import Problem, Table

if TYPE_CHECKING:
    import numpy as np
    import torch
    from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
    from torch import Tensor, nn

    from bench.models.memory import Memory
    from bench.models.tab2d.scoring import Scoring
    from bench.models.tab2d.smooth import SmoothClassifier

MOST = 2**20  # bytes of a config.json
# What a network may be: more layers or wider ones would fill the memory before a weight is read.
LARGEST = {"dim": 2**16, "dim_output": 10_000, "n_layers": 1000, "n_heads": 2**16}
# Where the other problem's weights are.
FOR: dict[Problem, str] = {
    "classification": "model=mitra or model=mitra_v2",
    "regression": "model=mitra_regressor or model=mitra_v2_regressor",
}


def _float32() -> torch.dtype:
    import torch

    return torch.float32


@dataclass(frozen=True)
class Checkpoint(Backbone):
    """A pre-trained `Tab2D`; ``max_classes`` is the number of its outputs, whatever they tell.

    Parameters
    ----------
    module, weights_hash, max_classes, max_features, max_context, device, problem
        As of every `Backbone`.
    scoring : torch.dtype
        Arithmetic of scoring passes; logits are read out in float32.
    target_scale : {"minmax", "normal"}
        How a numeric target is scaled (`bench.models.tab2d.scale.Scale`).
    """

    scoring: torch.dtype = field(default_factory=_float32)
    target_scale: TargetScale = "minmax"

    def last_layer(self, module: Tab2D) -> list[nn.Parameter]:
        """The linear map that gives a query row's target token its logits, behind the last norm."""
        return list(module.final_layer.parameters())

    def encoder(self, train: Table) -> Encoder:
        """AutoGluon's preprocessing, fitted on these rows."""
        from bench.models.tab2d import encoder, values

        if self.problem == "regression":
            return values.ValueEncoder(self.max_classes, self.target_scale).fit(train)
        return encoder.Encoder(self.max_classes).fit(train)

    def loss(self, outputs: Tensor, y: Tensor, n_known: int) -> Tensor:
        """As of every `Backbone`; of a single output the squared error."""
        if self.problem == "regression" and self.max_classes == 1:
            return (outputs[:, 0] - y).square().mean()
        return super().loss(outputs, y, n_known)

    def logits(
        self, module: Tab2D, x_support: Tensor, y_support: Tensor, x_query: Tensor
    ) -> Tensor:
        """`bench.models.tab2d.forward.forward`."""
        from bench.models.tab2d.forward import forward

        return forward(module, x_support, y_support, x_query)

    def score(
        self,
        encoder: Encoder,
        train: Table,
        parts: dict[str, Table],
        rng: np.random.Generator,
        memory: Memory,
    ) -> Score:
        """`bench.models.tab2d.scoring.Scoring` of these rows."""
        return self._prepared(encoder, train, parts, rng, memory).probabilities

    def reader(
        self, encoder: Encoder, train: Table, rng: np.random.Generator, memory: Memory
    ) -> Callable[[nn.Module], Read]:
        """As of every `Backbone`; the support is encoded once."""
        return self._prepared(encoder, train, {}, rng, memory).reader

    def _prepared(
        self,
        encoder: Encoder,
        train: Table,
        parts: dict[str, Table],
        rng: np.random.Generator,
        memory: Memory,
    ) -> Scoring:
        from bench.models.tab2d.scoring import Scoring

        context = memory.limit(self.max_context)
        return Scoring.prepare(
            encoder, train, parts, self.device, context, rng, memory, precision=self.scoring
        )

    def save(self, module: Tab2D, folder: Path) -> dict[str, Any]:
        """``config.json`` and ``model.safetensors``, as `Tab2D.from_pretrained` reads them, too."""
        if type(self) is not Checkpoint:  # one derived from it reads rows as it likes
            return super().save(module, folder)
        module.save_pretrained(str(folder))
        # safetensors writes for the owner alone; the folder is read by whom its other files are.
        shutil.copymode(folder / "config.json", folder / "model.safetensors")
        return {
            "_target_": "bench.models.tab2d.checkpoint.load",
            "max_features": self.max_features,
            "max_context": self.max_context,
            "scoring": str(self.scoring).removeprefix("torch."),
            "target_scale": self.target_scale,
        }

    def smooth(self) -> SmoothClassifier:
        """The same weights with an interpolated embedding."""
        from bench.models.tab2d.smooth import SmoothClassifier

        return SmoothClassifier(self)


@reads(files)
@checked
def load(
    path: Text | None,
    max_features: Count,
    max_context: Annotated[int, Interval(ge=2, le=10**9)],
    device: Text = "auto",
    revision: Text | None = None,
    sha256: Mapping[str, str] | None = None,
    offline: bool = False,
    scoring: Literal["float32", "bfloat16"] = "float32",
    problem: Problem = "classification",
    target_scale: TargetScale = "minmax",
) -> Checkpoint:
    """Load a checkpoint in the format of `Tab2D.save_pretrained`.

    Parameters
    ----------
    path : str or None
        A folder with ``config.json`` and ``model.safetensors``, or a hub id such as
        ``autogluon/mitra-classifier``; None is the mitra-nano that the repository carries.
    max_features, max_context : int
        Limits on a table's features and on the support rows of one forward pass.
    device : {"auto", "cpu", "cuda", …}
        ``auto`` takes a GPU where there is one.
    revision : str, optional
        The hub's commit, or a branch that is locked when it is first fetched.
    sha256 : mapping of file name to SHA-256, optional
        What the files must be.
    offline : bool
        Never ask the hub.
    scoring : {"float32", "bfloat16"}
        Arithmetic of scoring passes. bfloat16 halves their time where the device is made for it,
        and moves a probability by some thousandths.
    problem : {"classification", "regression"}
        What the weights must be for; without ``path`` which mitra-nano.
    target_scale : {"minmax", "normal"}
        How a numeric target is read: by its range in the training rows, as Mitra is published, or
        by its place among them, which no outlier squeezes. It says nothing of classes.

    Raises
    ------
    ModelError
        If a file is missing, unreadable or of another model, a weight is not finite or beyond all
        measure, the hub is out of reach, or an argument is unknown.
    """
    import torch
    from safetensors import SafetensorError

    from bench.models.scoring import unsound_weights

    chosen = torch.device(_pick(device))
    config, weights = found = files(path, revision, offline, problem)
    check(found, sha256 or {})
    lock_branch(found, path, revision)
    try:
        module = _read(config, weights, chosen)
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = shorten(str(error), 200) or type(error).__name__
        if isinstance(error, KeyError):
            reason = f"{config.name} lacks {reason}"
        raise ModelError(
            f"Checkpoint '{config.parent}' is damaged or of another kind: {reason}"
        ) from error
    if (trained := module.task.name.lower()) != problem:
        raise ModelError(
            f"Checkpoint '{config.parent}' is for {trained}, the dataset is for {problem}; use "
            f"{FOR[problem]}, or model=mitra_nano, which serves both."
        )
    unsound = unsound_weights(module)
    if unsound:
        raise ModelError(f"Checkpoint '{config.parent}' is damaged: {unsound}; get the file again.")
    return Checkpoint(
        module=module.eval(),
        weights_hash=files_hash(found),
        max_classes=module.dim_output,
        max_features=max_features,
        max_context=max_context,
        device=chosen,
        problem=problem,
        target_scale=target_scale,
        scoring={"float32": torch.float32, "bfloat16": torch.bfloat16}[scoring],
    )


def _read(config: Path, weights: Path, device: torch.device) -> Tab2D:
    """Read as `Tab2D.from_pretrained` does, which first draws weights for all that it loads."""
    import torch
    from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
    from safetensors.torch import load_file

    shape = _shape(config)
    tensors = load_file(weights, device=str(device))
    if not all(tensor.is_floating_point() for tensor in tensors.values()):
        raise ValueError("some of its weights are no real numbers")
    if shape["dim"] % shape["n_heads"]:
        raise ValueError(f"{shape['n_heads']} heads do not divide {shape['dim']} dimensions")
    with torch.device("meta"):
        module = Tab2D(
            dim=shape["dim"],
            dim_output=shape["dim_output"],
            n_layers=shape["n_layers"],
            n_heads=shape["n_heads"],
            task=shape["task"],
            use_pretrained_weights=False,
            path_to_weights="",
            device=str(device),
        )
    module.load_state_dict(tensors, assign=True)
    return module.float()


def _shape(config: Path) -> dict[str, Any]:
    """What a `config.json` tells of the network; a hub's cache has links to its files."""
    shape = parse_json(content(config.resolve(), MOST))
    if not isinstance(shape, dict):
        raise ValueError(f"{config.name} holds no names of settings")
    for name, most in LARGEST.items():
        if type(shape[name]) is not int or not 1 <= shape[name] <= most:
            raise ValueError(f"its {name} is {shown(shape[name])}, not a number from 1 to {most:,}")
    return shape


def _pick(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    named = re.fullmatch(r"cpu|cuda(?::(\d{1,3}))?", device)
    if named is None:
        raise ModelError(f"Unknown device '{device}'; expected auto, cpu or cuda.")
    if device != "cpu" and not torch.cuda.is_available():
        raise ModelError("device=cuda was asked for, but no GPU is at hand; use device=auto.")
    if named[1] and int(named[1]) >= torch.cuda.device_count():
        raise ModelError(
            f"device={device} is not here; the last is {torch.cuda.device_count() - 1}."
        )
    return device
