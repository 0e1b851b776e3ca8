"""What a practitioner asks, answered on top of page and terminal; by rule from the records."""

from __future__ import annotations

from bench.analysis.answer import Answer
from bench.analysis.references import DEFAULT
from bench.analysis.worth import worth
from bench.phrases import counted, joined
from bench.report.looks import title
from bench.report.question import Reply, opening, runs_of, sized, where
from bench.report.readable import share, signed

UNTOLD = "Whether fine-tuning is worth it cannot be told"
UNKNOWN = "What this cannot tell"


def replies(answer: Answer) -> list[Reply]:
    """Is it worth it, is it safer with causal rows, when to stop, and what is not known."""
    return [is_worth_it(answer), opening(answer), unknown(answer)]


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
        f"{title(found.method)} changes {score} ×1000 by {sized(found.change, signed)}; "
        f"{share(found.harm)} of its {counted(found.change.units, 'run')} end worse than not "
        "fine-tuning.",
        "paired",
    )


def unknown(answer: Answer) -> Reply:
    """What these records cannot tell, whatever they say."""
    if not answer.tables:
        return Reply(UNKNOWN, "all of it: no dataset and fold is complete for all methods.")
    datasets, settings, score = answer.datasets, answer.settings, answer.metric.title
    models = joined(sorted(answer.kept["model"].dropna().astype(str).unique()), "and")
    many = "one dataset is" if datasets == 1 else f"{datasets} datasets are"
    few = (
        f"{many} too few to resolve differences of {settings.small_difference:g} {score}"
        if datasets < settings.few_datasets
        else f"it rests on {datasets} datasets"
    )
    return Reply(UNKNOWN, f"any other model than {models}; {few}.", "certainty")
