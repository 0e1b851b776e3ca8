"""Which weights are evaluated, and kept: those that training has come to, or others made of them.

Training goes on from its own weights, whichever are evaluated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bench.finetune.settings import WISE_FT_GRID, Chosen, Finetune
from bench.models.base import Probabilities, Score

Worth = Callable[[Probabilities], float]


class Evaluated:
    """The trained weights as they are, without a copy; others are made of them.

    Attributes
    ----------
    module : torch.nn.Module
        Holds the weights that `score` scored last.
    """

    def __init__(self, trained: nn.Module) -> None:
        self.module = trained

    def follow(self) -> None:
        """Take in what a training step has made of the trained weights."""

    def score(self, score: Score, worth: Worth) -> Probabilities:
        """Put the weights into `module`, and give what they predict.

        Parameters
        ----------
        score : callable
            Module → predictions of each part.
        worth : callable
            Predictions → what they are worth by the validation part alone, greater is better.
        """
        return score(self.module)


class Averaged(Evaluated):
    """The exponential moving average (EMA) of the weights over the trajectory; one copy.

    After each step average ← decay · average + (1 − decay) · trained. It begins at the pre-trained
    weights, which are a step's weights as any others, so that there is no zero to correct for.
    Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; the
    exponential weighting is `torch.optim.swa_utils`'.

    Parameters
    ----------
    trained : torch.nn.Module
        With the pre-trained weights, before the first step.
    decay : float
    """

    def __init__(self, trained: nn.Module, decay: float) -> None:
        self._trained = trained
        self._average = AveragedModel(trained, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self._average.update_parameters(trained)  # the first it is told are taken whole
        super().__init__(self._average.module)

    def follow(self) -> None:
        """Average one step more."""
        self._average.update_parameters(self._trained)


class Interpolated(Evaluated):
    """(1 − α) · pre-trained + α · trained weights (WiSE-FT); one copy, whichever α.

    Of several α each evaluation takes the one that is worth most, the smallest of equals. It is
    chosen at each evaluation, not once at the end, so that a run has one trajectory: its curves,
    the step that is chosen by them and the last are all of interpolated weights. It costs as many
    scorings an evaluation as there are α; training costs what it does.
    Source: Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".

    Parameters
    ----------
    trained, pretrained : torch.nn.Module
    alphas : sequence of float
        Ascending.
    """

    def __init__(self, trained: nn.Module, pretrained: nn.Module, alphas: Sequence[float]) -> None:
        super().__init__(deepcopy(trained))
        self._trained, self._pretrained, self._alphas = trained, pretrained, alphas

    def score(self, score: Score, worth: Worth) -> Probabilities:
        """As of every `Evaluated`."""
        most, best, found = -math.inf, self._alphas[0], None
        for alpha in self._alphas:
            self._put(alpha)
            probabilities = score(self.module)
            # Of a single one nobody asks: its worth is the evaluation's own to compute.
            value = worth(probabilities) if len(self._alphas) > 1 else 0.0
            if found is None or value > most:
                most, best, found = value, alpha, probabilities
        if best != alpha:
            self._put(best)
        assert found is not None, "there is an α"
        return found

    @torch.no_grad()
    def _put(self, alpha: float) -> None:
        into, of = self.module, (self._pretrained, self._trained)
        weights = zip(into.parameters(), *(m.parameters() for m in of), strict=True)
        for ours, pretrained, trained in weights:
            torch.lerp(pretrained, trained, alpha, out=ours)  # exact where both are one
        for ours, trained in zip(into.buffers(), self._trained.buffers(), strict=True):
            ours.copy_(trained)  # counts and the like: nothing lies between two of them


def evaluated(settings: Finetune, trained: nn.Module, pretrained: nn.Module) -> Evaluated:
    """What these settings evaluate; ``trained`` still has the pre-trained weights."""
    if settings.ema is not None:
        return Averaged(trained, settings.ema)
    if settings.wise_ft is None:
        return Evaluated(trained)
    alphas = WISE_FT_GRID if settings.wise_ft == Chosen.chosen else (float(settings.wise_ft),)
    return Interpolated(trained, pretrained, alphas)
