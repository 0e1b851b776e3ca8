"""A `Tab2D` of random weights that tells a numeric target, by one output or in bins, or classes."""

from __future__ import annotations

import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D

from bench.models.tab2d.checkpoint import Checkpoint
from bench.models.tab2d.scale import TargetScale
from bench.table import Problem


def load(
    n_outputs: int, target_scale: TargetScale = "minmax", problem: Problem = "regression"
) -> Checkpoint:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        module = Tab2D(
            dim=16,
            dim_output=n_outputs,
            n_layers=2,
            n_heads=2,
            task=problem.upper(),
            use_pretrained_weights=False,
            path_to_weights="",
            device="cpu",
        )
        module.final_layer.weight.data *= 4  # untrained, it would tell nearly the same of all rows
    return Checkpoint(
        module=module.eval(),
        max_classes=n_outputs,
        max_features=500,
        max_context=8192,
        device=torch.device("cpu"),
        problem=problem,
        target_scale=target_scale,
    )
