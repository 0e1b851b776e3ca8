"""The research question in three sentences, and whether the experiment could see it; by rule.

Can transfer across domains with causally generated rows enhance robustness across domains while
accuracy is kept? First whether it is the causality, then robustness, then accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from bench.analysis.safety import Outcome
from bench.analysis.transfer.answer import Answer
from bench.analysis.transfer.contrast import CAUSAL, NULLS, Primary
from bench.analysis.transfer.robustness import Check
from bench.phrases import counted, joined, percent
from bench.report.looks import arm_looks
from bench.report.question import Reply
from bench.report.readable import hundredths, p_value, share, unsigned, with_interval

HELPS = {
    Outcome.yes: "Causally generated rows make transfer across domains better",
    Outcome.no: "Causally generated rows make transfer across domains worse",
    Outcome.unknown: "Whether causally generated rows make transfer across domains better cannot "
    "be told",
}
KEPT = {
    Outcome.yes: "Accuracy is kept across domains",
    Outcome.no: "Accuracy is not kept across domains",
    Outcome.unknown: "Whether accuracy is kept across domains cannot be told",
}
SEES = {
    Outcome.yes: "The controls behave as they must",
    Outcome.no: "The controls do not behave as they must",
    Outcome.unknown: "Whether the controls behave as they must cannot be told",
}
PERMUTED = {
    Outcome.yes: "do not help",
    Outcome.no: "help, which they must not",
    Outcome.unknown: "cannot be told not to help",
}
OWN = {
    Outcome.yes: "help",
    Outcome.no: "harm, though they must help",
    Outcome.unknown: "cannot be told to help",
}
REAL = "real"
sized = partial(with_interval, show=hundredths)


def replies(answer: Answer) -> list[Reply]:
    """The three sentences, and a fourth of what the experiment can see."""
    return [*sentences(answer), seen(answer)]


def sentences(answer: Answer) -> list[Reply]:
    """Is it the causality, is it robust, is it accurate."""
    return [is_causal(answer), is_robust(answer), is_accurate(answer)]


def is_causal(answer: Answer) -> Reply:
    """Causally generated rows against the better null: told if both nulls tell the same."""
    found, score = answer.primary, _score(answer)
    rows = {str(row["against"]): row for row in found.contrasts.to_dict("records")}
    if found.better is None:
        return Reply(f"{HELPS[Outcome.unknown]} here", _lacking(found.absent))
    row = rows[found.better]
    others = [null for null in NULLS if null in rows and null != found.better]
    beside = [f"; over {name_of(null)}, {_difference(rows[null])}" for null in others]
    which = "better null" if others else "only null with records"
    return Reply(
        HELPS[found.helps],
        f"{name_of(CAUSAL)} change {score} by {_difference(row)} over the {which}, "
        f"{name_of(found.better)}{''.join(beside)} ({counted(row['targets'], 'target')}, "
        f"{counted_corpora(row['corpora'])}; p = {p_value(row['p_holm'])}, Wilcoxon and Holm, "
        f"given these corpora{_limits(row, answer.settings.power)}){_why(found)}.",
        "contrasts",
    )


def _limits(row: Mapping[Any, Any], power: float) -> str:
    """What so few targets and corpora could not tell."""
    if row["targets"] == 1:
        return "; one target alone gives no interval"
    alone = "; of one corpus a source, what others would tell is not in the interval"
    of_one = alone if row["corpora"] == row["sources"] else ""
    if pd.isna(row["smallest"]):
        return of_one
    return (
        f"; differences of {unsigned(row['smallest'])} or more are found with "
        f"{share(power)} power{of_one}"
    )


def _why(found: Primary) -> str:
    """Why an interval without zero is no verdict: it takes both nulls."""
    row = found.row
    if row is None or found.helps is not Outcome.unknown or not (row["low"] > 0 or row["high"] < 0):
        return ""
    if not {*NULLS} <= {*found.contrasts["against"]}:
        return "; a verdict takes both nulls"
    return "; which null is better was chosen by these same runs, so that a verdict takes both"


def is_robust(answer: Answer) -> Reply:
    """How often and how far causally generated rows harm, beside the better null and real rows."""
    rows = _across(answer)
    if CAUSAL not in rows:
        return Reply("Robustness across domains cannot be told here", _lacking([CAUSAL]))
    row, worst = rows[CAUSAL], answer.settings.worst_share
    arms = [arm for arm in (answer.primary.better, REAL) if arm is not None and arm in rows]
    others = [(name_of(arm), rows[arm]) for arm in arms]
    harm = [f"{name} {share(of['harm'])}" for name, of in others]
    least = [f"{name} {hundredths(of['worst'])}" for name, of in others]
    return Reply(
        "Robustness across domains",
        f"of transfers with {name_of(CAUSAL)} {_interval(row, 'harm', share)} end below the "
        f"base model{_beside(harm)}; on the "
        f"worst {percent(worst)} of targets {_score(answer)} changes by "
        f"{_interval(row, 'worst', hundredths)}{_beside(least)}, and the largest loss is "
        f"{hundredths(row['lowest'])} ({row['lowest_target']}){_unmoved(row, others)}.",
        "robustness",
    )


def is_accurate(answer: Answer) -> Reply:
    """Non-inferiority of causally generated rows, by the margin of the settings."""
    rows = _across(answer)
    if CAUSAL not in rows:
        return Reply(f"{KEPT[Outcome.unknown]} here", _lacking([CAUSAL]))
    row, margin = rows[CAUSAL], 1000 * answer.settings.transfer_margin
    gained = _interval(row, "mean", hundredths)
    return Reply(
        KEPT[row["kept"]],
        f"{name_of(CAUSAL)} change {_score(answer)} by {gained} against the base model, where "
        f"no more than {margin:g} may be lost; {row['kept_targets']} of "
        f"{counted(row['targets'], 'target')} lose no more than that on average.",
        "robustness",
    )


def seen(answer: Answer) -> Reply:
    """Whether permuted labels help, as they must not, and the target's own domain, as it must."""
    permuted, own = answer.checks
    outcomes = (permuted.holds, own.holds)
    worst = next(of for of in (Outcome.no, Outcome.unknown, Outcome.yes) if of in outcomes)
    both = (
        _checked("permuted labels", permuted, PERMUTED),
        _checked("tables of the target's own domain", own, OWN),
    )
    return Reply(SEES[worst], f"{joined(both, 'and')} ({_score(answer)}).", "checks")


def name_of(arm: str) -> str:
    """What people call an arm, within a sentence."""
    (look,) = arm_looks([arm]).values()
    title = look.title.removesuffix(" (null)").removesuffix(" (control)")
    return title[0].lower() + title[1:] if title[1:2].islower() else title


def counted_corpora(n: int) -> str:
    """How many corpora.

    >>> counted_corpora(1), counted_corpora(10)
    ('1 corpus', '10 corpora')
    """
    return "1 corpus" if n == 1 else f"{n} corpora"


def _checked(what: str, check: Check, words: Mapping[Outcome, str]) -> str:
    found = check.gained
    if found is None:
        return f"of {what} there is no record"
    return f"{what} {words[check.holds]}: {sized(found.value, found.low, found.high)}"


def _across(answer: Answer) -> dict[str | None, dict[Any, Any]]:
    """Arm → its row of `Answer.across`."""
    return {str(arm): row for arm, row in answer.across.to_dict("index").items()}


def _difference(row: Mapping[Any, Any]) -> str:
    return sized(row["value"], row["low"], row["high"])


def _interval(row: Mapping[Any, Any], name: str, show: Callable[[float], str]) -> str:
    return with_interval(row[name], row[f"{name}_low"], row[f"{name}_high"], show)


def _unmoved(row: Mapping[Any, Any], others: Sequence[tuple[str, Mapping[Any, Any]]]) -> str:
    """How many runs could not harm, of each arm: no step was taken."""
    if not any(of["unmoved"] for of in (row, *(of for _, of in others))):
        return ""
    beside = [f"{name} {share(of['unmoved'])}" for name, of in others]
    return (
        f"; in {share(row['unmoved'])} of its runs{_beside(beside)} no step was better on the "
        "held-out sources than none: their weights are the base model's, and harm nothing"
    )


def _beside(others: list[str]) -> str:
    return f" ({', '.join(others)})" if others else ""


def _score(answer: Answer) -> str:
    return f"test {answer.metric.turned_title()} ×1000"


def _lacking(absent: Sequence[str]) -> str:
    """Which arms have no run across domains, in context."""
    if absent:
        named = joined([f"transfer={arm}" for arm in absent], "and")
        return f"from healthcare to finance or back no record in context is of {named}."
    return "the arms that it takes have no target, fold and corpus in common."
