"""Stopping rules, one object each: which evaluation of a run is kept, and its step chosen by that.

They read the validation part, and never a test row. A new rule is one more `StoppingRule` in this
module; a config names it by ``finetune.select_by``, and the report reads it from the curves of
every record that has what it reads.

A rule names scores of classes. On a numeric target the same rule reads their `COUNTERPARTS`
(`rule_for`), so that one config serves tables of both problems.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.errors import BadInput
from bench.phrases import joined
from bench.scores import SCORES, scores_of
from bench.scores.log_loss import log_loss
from bench.value_score import ValueScore

WINDOW = 3  # evaluations of a smoothed score
CLEAR = 1.5  # standard errors that a gain must be beyond to be no chance
# Of a numeric target: what cells are ranked by, and what reads the whole distribution. By text:
# what is imported here is part of each cell's code.
COUNTERPARTS = {"roc_auc_ovo": "rmse", log_loss.name: "log_score"}


@dataclass(frozen=True)
class Evaluations:
    """What a run has told of its validation part so far, a value an evaluation.

    Parameters
    ----------
    count : int
        How many they are.
    scores : mapping of str → sequence of float
        By name, turned so that greater is better; the first is the pre-trained model's.
    errors : mapping of str → sequence of float or None
        By name, the standard error of each score's change since the first; the first is 0. None
        where it cannot be told.
    """

    count: int
    scores: Mapping[str, Sequence[float]]
    errors: Mapping[str, Sequence[float | None]] = field(default_factory=dict)

    def called(self, names: Mapping[str, str]) -> Evaluations:
        """The same with other names, given as new name → the name that it has here."""
        scores = {name: self.scores[here] for name, here in names.items()}
        errors = {n: self.errors[here] for n, here in names.items() if here in self.errors}
        return Evaluations(self.count, scores, errors)


@dataclass(frozen=True, kw_only=True)
class StoppingRule:
    """Says of a run's evaluations which one is kept.

    With one evaluation more that is the same as before, or the newest, or the first: a run holds no
    other weights.

    Parameters
    ----------
    name : str
        In settings.
    title : str
        For people.
    reads : tuple of str
        Names of the scores that it reads.
    reads_errors : bool
        Whether it reads their standard errors.
    keeps : callable
        `Evaluations` → the position of the kept one.

    Examples
    --------
    >>> told = Evaluations(3, {"roc_auc_ovo": [0.70, 0.74, 0.74], "log_loss": [-0.5, -0.6, -0.4]})
    >>> {name: RULES[name].keeps(told) for name in ("roc_auc_ovo", "log_loss", "roc_auc_ovo_veto")}
    {'roc_auc_ovo': 1, 'log_loss': 2, 'roc_auc_ovo_veto': 0}
    """

    name: str
    title: str
    reads: tuple[str, ...] = ()
    reads_errors: bool = False
    keeps: Callable[[Evaluations], int]

    def on(self, problem: str) -> StoppingRule | None:
        """The rule as tables for classification, or for regression, are read by it.

        None if it reads a score that such tables do not have (`rule_for` says so).
        """
        has = {score.name for score in scores_of(problem)}
        if has.issuperset(self.reads):
            return self
        turned = {name: COUNTERPARTS.get(name, name) for name in self.reads}
        if not has.issuperset(turned.values()):
            return None
        return RULES[turned[self.name]] if self.name in turned else self._turned(turned)

    def _turned(self, names: Mapping[str, str]) -> StoppingRule:
        """The rule with scores of classes replaced, by name, in what it reads and in its title."""
        title = self.title
        for name, other in names.items():
            title = title.replace(SCORES[name].title, SCORES[other].title)
        return replace(
            self,
            title=title,
            reads=tuple(names.values()),
            keeps=lambda told: self.keeps(told.called(names)),
        )

    def where_lacking(self, scores: Container[str]) -> StoppingRule:
        """The rule itself; where a score that it reads does not exist, one by a score that does.

        ROC-AUC lacks where all rows are of one class, and log-loss is read; the log score where a
        model tells no distribution, and RMSE is.
        """
        if not any(name in scores for name in self.reads):
            return self
        of_values = isinstance(SCORES[self.reads[0]], ValueScore)
        return RULES["rmse" if of_values else log_loss.name]


def first_of_best(values: Sequence[float]) -> int:
    """The position of the greatest; of equals the first, so that a later one is strictly better."""
    return values.index(max(values))


def _by(name: str) -> StoppingRule:
    """The best evaluation by one score."""
    return StoppingRule(
        name=name,
        title=SCORES[name].title,
        reads=(name,),
        keeps=lambda told: first_of_best(told.scores[name]),
    )


def _unless_worse(told: Evaluations, by: str, guard: str) -> int:
    best = first_of_best(told.scores[by])
    return best if told.scores[guard][best] >= told.scores[guard][0] else 0


def _until_worse(told: Evaluations, by: str, guard: str) -> int:
    return first_of_best(told.scores[by][: _end(told, guard)])


def _end(told: Evaluations, guard: str) -> int:
    """How many evaluations there are before the first that is worse than step 0."""
    worse = [value < told.scores[guard][0] for value in told.scores[guard]]
    return worse.index(True) if any(worse) else told.count


def _until_worse_if_clear(told: Evaluations, by: str, guard: str) -> int:
    clear = _are_beyond_error(told.scores[guard], told.errors[guard], CLEAR)[: _end(told, guard)]
    among = [0, *(at for at, is_clear in enumerate(clear) if is_clear)]
    return among[first_of_best([told.scores[by][at] for at in among])]


def _smoothed(values: Sequence[float]) -> list[float]:
    """Trailing means; rounded, or those of equal values would differ in their last bit."""
    windows = (values[max(0, end - WINDOW) : end] for end in range(1, len(values) + 1))
    return [round(sum(window) / len(window), 12) for window in windows]


def _are_beyond_error(
    values: Sequence[float], errors: Sequence[float | None], times: float = 1.0
) -> list[bool]:
    """Of each evaluation, whether its gain is larger than so many of the gain's standard errors."""
    gains = [value - values[0] for value in values]
    return [e is not None and gain > times * e for gain, e in zip(gains, errors, strict=True)]


def _beyond_error(values: Sequence[float], errors: Sequence[float | None]) -> int:
    beyond = _are_beyond_error(values, errors)
    return beyond.index(True) if any(beyond) else 0


roc_auc_ovo_veto = StoppingRule(
    name="roc_auc_ovo_veto",
    title="ROC-AUC unless its log-loss is worse",
    reads=("roc_auc_ovo", "log_loss"),
    keeps=lambda told: _unless_worse(told, "roc_auc_ovo", "log_loss"),
)
until_worse = StoppingRule(
    name="until_worse",
    title="ROC-AUC until log-loss is worse",
    reads=("roc_auc_ovo", "log_loss"),
    keeps=lambda told: _until_worse(told, "roc_auc_ovo", "log_loss"),
)
# The ROC-AUC of few rows changes by chance, their log-loss tells a gain sooner: it says which steps
# may be kept, and ROC-AUC which one is, or that none is better.
until_worse_se = StoppingRule(
    name="until_worse_se",
    title=f"ROC-AUC until log-loss is worse, of gains in log-loss beyond {CLEAR} standard errors",
    reads=("roc_auc_ovo", "log_loss"),
    reads_errors=True,
    keeps=lambda told: _until_worse_if_clear(told, "roc_auc_ovo", "log_loss"),
)
smoothed = StoppingRule(
    name="smoothed",
    title=f"mean ROC-AUC of {WINDOW} evaluations",
    reads=("roc_auc_ovo",),
    keeps=lambda told: first_of_best(_smoothed(told.scores["roc_auc_ovo"])),
)
one_se = StoppingRule(
    name="one_se",
    title="first ROC-AUC gain beyond its standard error",
    reads=("roc_auc_ovo",),
    reads_errors=True,
    keeps=lambda told: _beyond_error(told.scores["roc_auc_ovo"], told.errors["roc_auc_ovo"]),
)
last = StoppingRule(name="last", title="last step", keeps=lambda told: told.count - 1)
never = StoppingRule(name="never", title="never (pre-trained)", keeps=lambda told: 0)

_BY_SCORE = [_by(score.name) for score in SCORES.values() if score.drawn]
_NAMED = [rule for rule in list(globals().values()) if isinstance(rule, StoppingRule)]
RULES = {rule.name: rule for rule in [*_BY_SCORE, *_NAMED]}


def rules_of(problem: str) -> dict[str, StoppingRule]:
    """The rules that tables of a problem are read by, each once, by its name there."""
    found = [rule.on(problem) for rule in RULES.values()]
    return {rule.name: rule for rule in found if rule is not None}


def rule_for(name: str, problem: str) -> StoppingRule:
    """The rule that a config names, as tables of a problem are read by it.

    >>> rule_for("until_worse", "regression").title
    'RMSE until log score is worse'

    Raises
    ------
    BadInput
        If it reads a score that such tables do not have.
    """
    found = RULES[name].on(problem)
    if found is None:
        read = joined([SCORES[score].title for score in RULES[name].reads], "and")
        raise BadInput(
            f"finetune.select_by={name} reads {read}, which no table for {problem} has; expected "
            f"{joined(rules_of(problem), 'or')}."
        )
    return found
