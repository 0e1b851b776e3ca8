"""What a practitioner asks, answered on top of page and terminal; by rule from the records."""

from __future__ import annotations

from math import isfinite

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.paired import against_default, fine_tuned
from bench.analysis.power import with_power
from bench.analysis.references import DEFAULT
from bench.analysis.safest_rule import EQUAL, KEPT, SafestRule, safest_rule
from bench.analysis.safety import causal_methods
from bench.analysis.worth import worth
from bench.phrases import counted, joined
from bench.report.advice import LIMITS, reply
from bench.report.looks import title
from bench.report.planned import primary
from bench.report.question import Reply, opening, points, runs_of, sized, titles_of, where
from bench.report.readable import share, signed, unsigned, with_interval

UNTOLD = "Whether fine-tuning is worth it cannot be told"
UNTOLD_RULE = "Which stopping rule is safest cannot be told here"
UNKNOWN = "What this cannot tell"


def replies(answer: Answer) -> list[Reply]:
    """Is it worth it, is it safer with causal rows, when to stop, and what is not known.

    Of one table, what to do comes first, in the place of whether it is worth it.
    """
    first = is_worth_it(answer)
    if answer.advice is not None:
        first = reply(answer.advice, answer.metric, answer.settings.confidence)
    return [first, is_safer(answer), when_to_stop(answer), unknown(answer)]


def is_safer(answer: Answer) -> Reply:
    """The title's question, as it is asked beforehand; without a null, by its difference alone."""
    return primary(answer) or opening(answer)


def is_worth_it(answer: Answer) -> Reply:
    """Whether fine-tuning is worth it, on average; told if zero is not within two standard errors.

    How many runs it harms stands beside it: a gain on average is no promise to a run.
    """
    found = worth(answer.measured)
    if found is None:
        lacks = f"the records hold no score of {title(DEFAULT)} (method={DEFAULT})."
        return Reply(f"{UNTOLD} here", lacks)
    on = where(found.change)
    if found.ties:
        runs = runs_of(found.change, found.models)
        same = f"all {runs} under {title(found.method)} end with the score that they began with."
        return Reply(f"Fine-tuning changes nothing {on}", same, "summary")
    told = f"{UNTOLD} {on}"
    if found.change.is_above:
        told = f"Fine-tuning is worth it {on}, on average"
    elif found.change.is_below:
        told = f"Fine-tuning is not worth it {on}"
    score = f"test {answer.metric.turned_title()}"
    return Reply(
        told,
        f"{title(found.method)} changes {score} ×1000 by {sized(found.change, signed)}"
        f"{_by_table(found.by_table)}; {share(found.harm)} of its "
        f"{counted(found.change.units, 'run')} end worse than not fine-tuning.",
        "paired",
    )


def _by_table(gains: pd.Series) -> str:
    """How much one table makes of a mean; "" of one table."""
    if len(gains) == 1:
        return ""
    return (
        f", on {(gains > EQUAL).sum()} of {len(gains)} tables by more than 0 (median "
        f"{signed(gains.median())}; most on {gains.index[0]}, {signed(gains.iloc[0])})"
    )


def when_to_stop(answer: Answer) -> Reply:
    """Which stopping rule harms fewer runs than theirs did, and does not gain less.

    Told if zero is not within two standard errors of the difference in harm.
    """
    found = safest_rule(answer.measured, answer.told, answer.rules, answer.metric)
    if found is None:
        return Reply(UNTOLD_RULE, "the curves of these records tell no rule but the runs' own.")
    keeps = f"keep {share(KEPT)} of the gain" if found.gains else "gain no less than theirs"
    runs, change = runs_of(found.harm_change, found.models), found.harm_change
    if not found.harms_less:
        none = (
            f"{share(found.own_harm)} of {runs} end worse than not fine-tuning; of "
            f"{counted(found.rules, 'rule')} read from their curves none of those that {keeps} "
            "makes that fewer."
        )
        return Reply(f"No stopping rule is safer {where(change)} than the runs' own", none, "rules")
    rule = f"{found.title} ({found.name})"
    told, by = UNTOLD_RULE, f"by {rule}"
    if change.is_below:
        by = "by it"
        told = f"Stopping by {rule} is safer {where(change)} than the runs' own rule"
    gain = with_interval(found.gain_change.mean, *found.gain_change.interval, signed)
    return Reply(
        told,
        f"{by}, {share(found.harm)} of {runs} end worse than not fine-tuning, by the "
        f"runs' own rule {share(found.own_harm)}. The difference is "
        f"{sized(change, points, ' points')}; in gain ×1000 it is {gain}. Of "
        f"{counted(found.rules, 'rule')} read from the curves it harms least of those that "
        f"{keeps}: a choice made afterwards.{_harming_less(found)}",
        "rules",
    )


def _harming_less(found: SafestRule) -> str:
    """The rules that it was not, since they cost more of the gain; "" where there are none."""
    told = [
        f"{name} ({share(harm)}{f', at {share(kept)} of the gain' if found.gains else ''})"
        for name, harm, kept in found.harming_less
    ]
    return f" Fewer yet, at a gain that is not kept: {joined(told, 'and')}." if told else ""


def unknown(answer: Answer) -> Reply:
    """What these records cannot tell: small differences, another model, another reading."""
    if not answer.tables:
        return Reply(UNKNOWN, "all of it: no dataset and fold is complete for all methods.")
    settings, score = answer.settings, answer.metric
    models = joined(sorted(answer.kept["model"].dropna().astype(str).unique()), "or")
    return Reply(
        UNKNOWN,
        f"{_too_small(answer)}; what another model than {models} does; what other readings than "
        f"{settings.normalization}, {settings.spread} and {score.full_title} say "
        f"({_other_readings(answer)}).",
        "paired",
    )


def _other_readings(answer: Answer) -> str:
    """In how many of the readings the sign stays; where none was asked for, how to have them."""
    table = answer.all_readings.table
    if table.empty:
        return "analysis.readings=all"
    stays = table.loc[~table["is_default"], f"sign_stays_{DEFAULT}"].dropna().astype(bool)
    return f"the sign stays in {stays.sum()} of {len(stays)}"


def _too_small(answer: Answer) -> str:
    """Which differences stay unseen, between the question's methods if they are here."""
    if answer.datasets == 1:
        return f"what another table than {answer.kept['dataset'].iloc[0]} does; {LIMITS}"
    table = answer.tables["paired"]
    rows = against_default(table, "chosen").set_index("method")
    rows = rows[rows.index.isin(fine_tuned(table))]
    causal = [name for name in causal_methods(answer.kept) if name in rows.index]
    held = with_power(rows.loc[causal] if causal else rows, answer.settings)
    held = held.dropna(subset=["smallest"])
    if held.empty:
        return f"how small a difference {counted(answer.datasets, 'table')} find"
    settings, between = answer.settings, titles_of(causal) if causal else "a method"
    smallest, needed = held["smallest"].median(), held["needed"].median()
    many = f"{needed:.0f} tables" if isfinite(needed) else "no number of tables"
    return (
        f"differences between {between} and {title(DEFAULT)} below {unsigned(smallest)} (test "
        f"{answer.metric.title} ×1000), the smallest that {counted(answer.datasets, 'table')} find "
        f"with {share(settings.power)} power, by one test at {settings.alpha:g} "
        f"({unsigned(settings.small_difference)} would take {many})"
    )
