"""The research question in three sentences: does it help, what does it cost, could it be seen?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.analysis.safety import Outcome
from bench.analysis.transfer.answer import Answer
from bench.analysis.transfer.contrast import CAUSAL, NULLS
from bench.analysis.transfer.crossed import Estimate
from bench.analysis.transfer.robustness import Check
from bench.analysis.transfer.runs import ACROSS
from bench.phrases import counted, joined
from bench.report.question import Reply
from bench.report.readable import p_value, share, signed, unsigned, with_interval

HELPS = {
    Outcome.yes: "Causally generated rows help across domains",
    Outcome.no: "Causally generated rows cost across domains",
    Outcome.unknown: "Whether causally generated rows help across domains cannot be told",
}
KEPT = {
    Outcome.yes: "Accuracy is kept",
    Outcome.no: "Accuracy is not kept",
    Outcome.unknown: "Whether accuracy is kept cannot be told",
}
SEES = {
    Outcome.yes: "The experiment sees what it must",
    Outcome.no: "The experiment does not see what it must",
    Outcome.unknown: "Whether the experiment sees what it must cannot be told",
}


def replies(answer: Answer) -> list[Reply]:
    """Do causally generated rows help, is accuracy kept, and can the experiment tell at all?

    Parameters
    ----------
    answer : Answer
        `bench.analysis.transfer.answer.answer`.
    """
    return [_helps(answer), _kept(answer), _sees(answer)]


def _helps(answer: Answer) -> Reply:
    found = answer.primary
    told, row = HELPS[found.helps], found.row
    if row is None:
        lacking = joined(found.absent or (CAUSAL, *NULLS), "and")
        verb = "has" if len(found.absent) == 1 else "have"
        what = f"{verb} no run" if found.absent else f"{verb} no run in common"
        return Reply(told, f"across domains, in context, {lacking} {what}.")
    others = found.contrasts[found.contrasts["against"].isin(NULLS)]
    others = others[others["against"] != found.better]
    beside = "".join(f", minus {r['against']} {_sized(r)}" for r in others.to_dict("records"))
    only = "the better leak-free null" if len(others) else "the only leak-free null with runs"
    return Reply(
        told,
        f"{CAUSAL} minus {row['against']}, {only}, is {_sized(row)}{beside} (test "
        f"{answer.metric.turned_title()} ×1000, {_rests_on(row)}; Wilcoxon's p = "
        f"{p_value(row['p_holm'])} by Holm over {counted(len(found.contrasts), 'arm')})"
        f"{_how_sure(row, answer)}{_chosen(answer)}.",
    )


def _how_sure(row: dict[str, Any], answer: Answer) -> str:
    """The smallest difference that would have been found; why there is no interval."""
    if row["targets"] == 1:
        return "; one target alone gives no interval"
    alone = "; of one corpus a source, what others would tell is not in it"
    of_one = alone if len({source for source, _ in _corpora(answer)}) == row["corpora"] else ""
    if pd.isna(row["smallest"]):
        return of_one
    power = share(answer.settings.power)
    return f"; {unsigned(row['smallest'])} would have been found with {power} power{of_one}"


def _corpora(answer: Answer) -> set[tuple[str, int]]:
    runs = answer.runs[answer.runs["direction"] == ACROSS]
    return set(zip(runs["source"], runs["seed"], strict=True))


def _chosen(answer: Answer) -> str:
    """Why an interval without zero is no verdict: it takes both nulls."""
    found, row = answer.primary, answer.primary.row
    if row is None or found.helps is not Outcome.unknown or not (row["low"] > 0 or row["high"] < 0):
        return ""
    if not set(NULLS) <= set(found.contrasts["against"]):
        return "; a verdict takes both nulls"
    return "; the better one was chosen by these same runs, so that a verdict takes both"


def _kept(answer: Answer) -> Reply:
    arms, margin = answer.across, answer.settings.transfer_margin
    if CAUSAL not in arms.index:
        return Reply(KEPT[Outcome.unknown], f"{CAUSAL} has no run across domains, in context.")
    row: Mapping[Any, Any] = arms.loc[CAUSAL].to_dict()
    others = [f"{arm} {share(harm)}" for arm, harm in arms["harm"].drop(CAUSAL).items()]
    beside = f" ({', '.join(others)})" if others else ""
    gained = with_interval(row["mean"], row["mean_low"], row["mean_high"], signed)
    return Reply(
        KEPT[row["kept"]],
        f"the mean gain of {CAUSAL} over the published model is {gained}, where {signed(-margin)} "
        f"may be lost, and {row['kept_targets']} of {counted(row['targets'], 'target')} lose less "
        f"than that; it harms {share(row['harm'])} of the pairs of target and corpus{beside}; its "
        f"worst {share(answer.settings.worst_share)} of targets gain {signed(row['worst'])}, and "
        f"the lowest gain is {signed(row['lowest'])} ({row['lowest_target']}).",
    )


def _sees(answer: Answer) -> Reply:
    permuted, own = answer.checks
    outcomes = {permuted.holds, own.holds}
    worst = next(of for of in (Outcome.no, Outcome.unknown, Outcome.yes) if of in outcomes)
    return Reply(
        SEES[worst],
        f"permuted labels {_checked(permuted, PERMUTED)}; tables of the target's own domain "
        f"{_checked(own, OWN)}.",
    )


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


def _checked(check: Check, words: dict[Outcome, str]) -> str:
    if check.gained is None:
        return f"have no run (arm {check.arm}, {check.direction})"
    return f"{words[check.holds]} ({_estimated(check.gained)})"


def _estimated(gained: Estimate) -> str:
    on = counted(gained.targets, "target")
    return f"{with_interval(gained.value, gained.low, gained.high, signed)} on {on}"


def _sized(row: Mapping[Any, Any]) -> str:
    return with_interval(row["value"], row["low"], row["high"], signed)


def _rests_on(row: Mapping[Any, Any]) -> str:
    corpora = "corpus" if row["corpora"] == 1 else "corpora"
    return f"{counted(int(row['targets']), 'target')} and {int(row['corpora'])} {corpora}"
