"""L2-SP: a pull to the pre-trained weights, the starting point, instead of to zero.

Source: Li, Grandvalet and Davoine 2018, "Explicit inductive bias for transfer learning with
convolutional networks".
"""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def add_pull(trained: nn.Module, pretrained: nn.Module, strength: float) -> None:
    """Add the gradient of strength / 2 · ‖w − w₀‖²: strength times the distance, weight by weight.

    It is part of the loss, as its source has it: clipped with the rest of the gradient, and scaled
    by AdamW with it. AdamW's decoupled weight decay stays what the recipe says, so that the pull is
    the one difference to default fine-tuning (at 0.1 and a learning rate of 1e-4 it takes three
    ten-thousandths of a weight in 30 steps); `finetune.weight_decay=0` puts the pull into its
    place, as the source does. No copy of the weights: w₀ are the backbone's own. A weight without
    a gradient doesn't move, so that nothing pulls at it.
    """
    for weights, start in zip(trained.parameters(), pretrained.parameters(), strict=True):
        if weights.grad is not None:
            weights.grad.add_(weights - start, alpha=strength)
