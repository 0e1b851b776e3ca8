"""What rows are worth as the context of the pre-trained model, as fine-tuning sees them."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from omegaconf import OmegaConf

from bench import seeds
from bench.errors import TableError
from bench.files import CONF
from bench.models.base import Backbone
from bench.models.loading import load
from bench.models.memory import CHUNK, Memory
from bench.scores.r2 import r2
from bench.scores.roc_auc_ovo import roc_auc_ovo
from bench.table import Problem, Table

MEASURE = "in_context"


@cache
def backbone(problem: Problem) -> Backbone:
    """mitra-nano, on one thread of the CPU; loaded once a process."""
    torch.set_num_threads(1)
    config = OmegaConf.load(CONF / "model" / "mitra_nano.yaml")
    return load(OmegaConf.to_container(OmegaConf.merge(config, {"device": "cpu"})), problem)


def in_context(train: Table, test: Table, seed: int) -> dict[str, float | None]:
    """ROC-AUC, or R² of a numeric target, of test rows read with ``train`` as the context.

    None where the model does not take the table (its classes, its columns).
    """
    model = backbone(train.problem)
    try:
        model.check(train)
    except TableError:
        return {MEASURE: None}
    rng = seeds.generator("evaluate_scm context", train.name, seed)
    memory = Memory(scoring=CHUNK)
    score = model.score(model.encoder(train), train, {"test": test}, rng, memory)
    with torch.inference_mode():
        predictions = score(model.module)["test"]
    if not train.classes:
        return {MEASURE: r2.function(test.y, predictions)}
    return {MEASURE: roc_auc_ovo(test.y, np.asarray(predictions))}
