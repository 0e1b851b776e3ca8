"""The contract of a backbone suffices: a model that is nothing like `Tab2D` goes a cell's way."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from one_cell import run
from torch import Tensor, nn

from bench.datasets import embedded
from bench.errors import TableError
from bench.models.base import Backbone, Encoder, Probabilities, Score
from bench.models.memory import Memory
from bench.table import Table


class Standardized(Encoder):
    """Numbers in units of their deviation, levels by their codes, missing ones at the mean."""

    def __init__(self, train: Table) -> None:
        self.present_ = np.unique(train.y)
        codes = self._codes(train)
        self.mean = np.nan_to_num(np.nanmean(codes, axis=0))
        self.deviation = np.nanstd(codes, axis=0) + 1e-9

    def _codes(self, table: Table) -> np.ndarray:
        columns = [table.X[c].cat.codes if c in table.categorical else table.X[c] for c in table.X]
        return np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)

    def encode_x(self, table: Table) -> np.ndarray:
        return np.nan_to_num((self._codes(table) - self.mean) / self.deviation).astype(np.float32)


class Neighbours(nn.Module):
    """Each class weighs what its support rows are near; how near is near is learnt."""

    def __init__(self, n_classes: int) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(0.1))
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def forward(self, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        near = torch.exp(-self.sharpness * torch.cdist(x_query, x) ** 2)
        votes = near @ nn.functional.one_hot(y, len(self.bias)).float()
        return (votes + 1e-6).log() + self.bias


@dataclass(frozen=True)
class Support:
    module: Neighbours
    x: Tensor
    y: Tensor

    def logits(self, x_query: Tensor) -> Tensor:
        return self.module(self.x[None], self.y[None], x_query[None])[0]


@dataclass(frozen=True)
class Smooth:
    module: Neighbours
    max_features: int
    max_support: int
    device: torch.device

    def support(self, x: Tensor, y: Tensor) -> Support:
        return Support(self.module, x, y)


class NeighbourModel(Backbone):
    def encoder(self, train: Table) -> Encoder:
        return Standardized(train)

    def logits(self, module: nn.Module, x: Tensor, y: Tensor, x_query: Tensor) -> Tensor:
        return module(x, y, x_query)

    def score(
        self,
        encoder: Encoder,
        train: Table,
        parts: dict[str, Table],
        rng: np.random.Generator,
        memory: Memory,
    ) -> Score:
        x = torch.from_numpy(encoder.encode_x(train))[None]
        y = torch.from_numpy(encoder.encode_y(train.y))[None]
        queries = {part: torch.from_numpy(encoder.encode_x(rows)) for part, rows in parts.items()}

        @torch.no_grad()
        def scored(module: nn.Module) -> Probabilities:
            logits = {part: module(x, y, rows[None])[0].numpy() for part, rows in queries.items()}
            return {p: encoder.probabilities(of, train.n_classes) for p, of in logits.items()}

        return scored

    def smooth(self) -> Smooth:
        return Smooth(self.copy(), self.max_features, self.max_context, self.device)


def model(**limits: int) -> NeighbourModel:
    limits = {"max_classes": 4, "max_features": 30, "max_context": 1000} | limits
    return NeighbourModel(Neighbours(4).eval(), "f00d", **limits, device=torch.device("cpu"))


@pytest.mark.parametrize(
    "method", ["default_ft", "pretrained", "table_augment", "tabebm method.generator.steps=2"]
)
def test_a_cell_runs_over_a_model_of_another_kind(method: str) -> None:
    name, *more = method.split()
    recipe = ["finetune.steps=6", "finetune.lr=0.05", "finetune.keep=last"]
    backbone = model()
    weights = copy.deepcopy(backbone.module.state_dict())
    record = run(backbone, embedded.load("haberman"), *recipe, f"method={name}", *more)
    assert record["status"] == "done", record["error"]
    for name, kept in backbone.module.state_dict().items():
        assert torch.equal(kept, weights[name]), "fine-tuning works on a copy"
    scores: dict[str, Any] = record["metrics"]
    assert scores["pretrained"]["test"]["roc_auc_ovo"] > 0.5
    before, after = (scores[when]["validation"]["log_loss"] for when in ("pretrained", "last"))
    assert (after != before) == (method != "pretrained")


def test_what_is_beyond_its_limits_is_refused() -> None:
    iris = embedded.load("iris")
    model().check(iris)
    with pytest.raises(TableError, match="'iris' has 3 classes, this model takes at most 2"):
        model(max_classes=2).check(iris)
    with pytest.raises(TableError, match="'iris' has 4 features, this model takes at most 3"):
        model(max_features=3).check(iris)
