"""Stopping rules, one object each: which evaluation of a run is kept, and its step chosen by that.

A new rule is one more `StoppingRule` in this module; a config names it by ``finetune.keep``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StoppingRule:
    """Says of every new evaluation whether it takes the place of the one that is kept.

    Parameters
    ----------
    name : str
        In settings.
    takes : callable
        The validation part's scores so far, turned so that greater is better (the first is the
        pre-trained model's, the last the new one's), and the position of the kept one → bool.

    Examples
    --------
    >>> scores = [0.70, 0.74, 0.74]
    >>> best.takes(scores, 1), last.takes(scores, 1)
    (False, True)
    """

    name: str
    takes: Callable[[Sequence[float], int], bool]


best = StoppingRule(name="best", takes=lambda scores, kept: scores[-1] > scores[kept])
last = StoppingRule(name="last", takes=lambda scores, kept: True)

RULES = {rule.name: rule for rule in list(globals().values()) if isinstance(rule, StoppingRule)}
