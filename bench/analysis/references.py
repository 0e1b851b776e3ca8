"""What each method is held against: default fine-tuning of the same model, under its settings."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

DEFAULT = "default_ft"  # fine-tuning on real rows alone: what augmentation is held against
PRETRAINED = "pretrained"  # not fine-tuning


@dataclass(frozen=True)
class References:
    """Which method every method is held against.

    Parameters
    ----------
    of : dict
        Method → a variant of `DEFAULT`: that of the same model and the same fine-tuning settings,
        or, where none is, of the same model and the most like it. Other variants of `DEFAULT`, and
        the pre-trained model, are held against the variant that most methods are; of several such,
        against the one that is most like all variants.
    defaults, pretrained : tuple of str
        The variants of `DEFAULT`, the main one first, and of `PRETRAINED`.
    unlike : tuple of str
        Methods whose reference was fine-tuned under other settings than they.
    without : tuple of str
        Methods whose model has no default fine-tuning to be held against.
    """

    of: dict[str, str] = field(default_factory=dict)
    defaults: tuple[str, ...] = ()
    pretrained: tuple[str, ...] = ()
    unlike: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def main(self) -> str | None:
        """The first of ``defaults``; None without one."""
        return self.defaults[0] if self.defaults else None


def references(cells: pd.DataFrame) -> References:
    """The references of the methods of cells.

    Parameters
    ----------
    cells : DataFrame
        Column ``method``, and ``method_name``, ``tuning``, ``baseline``
        (`bench.analysis.frame.SCHEMA`) where a method has several settings.
    """
    facts = cells.drop_duplicates("method").set_index("method")
    facts = facts.reindex(columns=["method_name", "tuning", "baseline"]).astype(object)
    facts["method_name"] = facts["method_name"].fillna(facts.index.to_series())
    facts = facts.fillna("").sort_index()
    known: list[References] = [_within(part) for _, part in facts.groupby("baseline")]
    known.sort(
        key=lambda held: -len(held.of)
    )  # the model with the most comparisons is the main one
    return References(
        {method: reference for held in known for method, reference in held.of.items()},
        *(
            tuple(method for held in known for method in getattr(held, part))
            for part in ("defaults", "pretrained", "unlike", "without")
        ),
    )


def _within(facts: pd.DataFrame) -> References:
    """The references among the methods of one model."""
    family = facts["method_name"]
    defaults, pretrained = (list(facts.index[family == n]) for n in (DEFAULT, PRETRAINED))
    others = [m for m in facts.index if m not in {*defaults, *pretrained}]
    if not defaults:
        return References(pretrained=tuple(pretrained), without=tuple(others))
    tuning = {method: _settings(text) for method, text in facts["tuning"].items()}

    def distance(method: str, default: str) -> int:
        one, two = tuning[method], tuning[default]
        return sum(one.get(key) != two.get(key) for key in {*one, *two})

    of = {m: min(defaults, key=partial(distance, m)) for m in others}
    most = Counter(of.values())
    apart = {d: sum(distance(other, d) for other in defaults) for d in defaults}
    defaults.sort(key=lambda default: (-most[default], apart[default]))
    main, *rest = defaults
    return References(
        {**of, **dict.fromkeys([*rest, *pretrained], main)},
        tuple(defaults),
        tuple(pretrained),
        tuple(m for m in others if distance(m, of[m])),
    )


def _settings(text: str) -> dict[str, object]:
    return json.loads(text) if text else {}
