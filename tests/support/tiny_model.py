"""A model that is nothing like `Tab2D`, small enough to be read at once and run in no time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.models.base import Encoder
from bench.models.in_context import InContext
from bench.models.weights import files_hash, reads
from bench.predicted import Predicted
from bench.table import Problem, Table

N_BINS = 20  # of numeric targets


class Standardized(Encoder):
    """Numbers in units of their deviation, levels by their codes, missing ones at the mean."""

    def __init__(self, train: Table) -> None:
        self.present_ = np.unique(train.y)
        self.levels = {c: train.X[c].cat.categories for c in train.categorical}
        codes = self._codes(train)
        filled = np.ma.masked_invalid(codes)
        self.mean = filled.mean(axis=0).filled(0.0)
        self.deviation = filled.std(axis=0).filled(0.0) + 1e-9

    def _codes(self, table: Table) -> np.ndarray:
        columns = []
        for name, values in table.X.items():
            if name in self.levels:
                places = self.levels[name].get_indexer(values.astype(object))
                columns.append(np.where(places < 0, np.nan, places))
            else:
                columns.append(values.to_numpy())
        return np.stack(columns, axis=1).astype(float)

    def encode_x(self, table: Table) -> np.ndarray:
        scaled = (self._codes(table) - self.mean) / self.deviation
        return np.nan_to_num(scaled).clip(-10, 10).astype(np.float32)


class Neighbours(nn.Module):
    """Each class weighs what its support rows are near; how near is near is learnt."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.rand(()) * 0.1 + 0.1)
        self.bias = nn.Parameter(torch.zeros(n_classes))
        self.drop = nn.Dropout(0.0)

    def forward(self, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        apart = (x_query[:, :, None] - x[:, None]).square().mean(dim=-1)
        near = torch.exp(-self.sharpness * apart)
        votes = self.drop(near) @ nn.functional.one_hot(y, len(self.bias)).float()
        return (votes + 1e-6).log() + self.bias


@dataclass(frozen=True)
class NeighbourModel(InContext):
    def encoder(self, train: Table) -> Encoder:
        return Standardized(train)

    def logits(self, module: nn.Module, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        return module(x, y, x_query)


class SameWeights(NeighbourModel):
    """Another class with the weights of the first."""


class Binned(Standardized):
    """Numeric targets as bins from half their range below the training rows' to half above."""

    def __init__(self, train: Table) -> None:
        super().__init__(train)
        self.present_ = np.zeros(0, dtype=np.int64)
        low, high = train.y.min(), train.y.max()
        self.edges = low + np.linspace(-0.5, 1.5, N_BINS + 1) * ((high - low) or 1.0)
        self.scale = float(train.y.std()) or 1.0

    def encode_y(self, y: np.ndarray) -> np.ndarray:
        return np.digitize(y, self.edges[1:-1])

    def decode(self, outputs: np.ndarray, n_classes: int) -> Predicted:
        mass = torch.from_numpy(outputs).double().softmax(dim=1).numpy()
        middles = (self.edges[1:] + self.edges[:-1]) / 2
        return Predicted(mass @ middles, self.scale, mass, self.edges)


class ValueModel(NeighbourModel):
    """Bins in the place of classes."""

    def encoder(self, train: Table) -> Encoder:
        return Binned(train)


def load(
    path: str | None = None,
    seed: int = 0,
    max_classes: int = 10,
    max_features: int = 500,
    max_context: int = 8192,
    kind: type[NeighbourModel] = NeighbourModel,
    problem: Problem = "classification",
) -> NeighbourModel:
    """Random weights of a seed; ``path`` is there to be null."""
    n_outputs, kind = (max_classes, kind) if problem == "classification" else (N_BINS, ValueModel)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        module = Neighbours(n_outputs).eval()
    limits = {"max_classes": max_classes, "max_features": max_features, "max_context": max_context}
    return kind(module, **limits, device=torch.device("cpu"), problem=problem)


def load_another(**settings: int) -> NeighbourModel:
    """The same weights in another class."""
    return load(kind=SameWeights, **settings)


def load_called(**settings: int) -> NeighbourModel:
    """Weights under a name that is not their hash."""
    return replace(load(**settings), weights_hash="f00d")


@reads(lambda path: [Path(path)])
def load_file(path: str, told: str | None = None) -> NeighbourModel:
    """What a file says; ``told`` is another file, which its loader reads without telling."""
    weights = Path(told or path)
    return replace(load(seed=int(weights.read_text())), weights_hash=files_hash([weights]))
