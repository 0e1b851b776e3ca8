"""Is the adapted model robust, and as accurate: what each arm does to targets."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.analysis.safety import Outcome
from bench.analysis.transfer.runs import ACROSS
from bench.phrases import percent
from bench.report.columns import THOUSANDTHS
from bench.report.readable import hundredths, p_value, share, unsigned, with_interval
from bench.report.table import Column
from bench.report.transfer.reading import (
    DIRECTION,
    OUTCOMES,
    Reading,
    TransferTable,
    arms_and,
    by_arm,
    in_context,
    order_of_direction,
    sorted_by,
)


def _interval(name: str) -> tuple[str, str, str]:
    return (name, f"{name}_low", f"{name}_high")


def _columns(reading: Reading, _rows: pd.DataFrame) -> list[Column]:
    level = f"[{percent(reading.settings.confidence)} interval]"
    scaled, show = f"{THOUSANDTHS} {level}", partial(with_interval, show=hundredths)
    worst = reading.settings.worst_share
    return [
        Column(_interval("mean"), "mean gain", show, scaled, better=1),
        Column(("kept", "kept_targets", "targets"), "accuracy kept", _kept),
        Column(_interval("harm"), "harm", partial(with_interval, show=share), level, better=-1),
        Column(_interval("worst"), f"worst {percent(worst)} of targets", show, scaled, better=1),
        Column(("lowest", "lowest_target"), "largest loss", _lowest, THOUSANDTHS, better=1),
    ]


def _more_columns(reading: Reading, rows: pd.DataFrame) -> list[Column]:
    show, level = partial(with_interval, show=hundredths), f"{percent(reading.settings.confidence)}"
    margin = 1000 * reading.settings.transfer_margin
    return [
        Column("spread", "spread over corpora", unsigned, THOUSANDTHS, better=-1),
        Column(_interval("gap"), "transfer gap", show, f"{THOUSANDTHS} [{level} interval]"),
        Column("clear_harm", f"losses above {margin:g}", share, better=-1),
        Column("unmoved", "base model kept", share),
        Column("p_holm", "p (Holm)", p_value),
        Column("smallest", "resolves from", unsigned, THOUSANDTHS),
        Column("targets", "targets"),
        Column("corpora", "corpora"),
        Column("runs", "runs"),
    ]


def _kept(kept: Outcome, targets: int, of: int) -> str:
    return f"{OUTCOMES[kept]} ({targets} of {of})"


def _lowest(gain: float, target: str) -> str:
    return f"{hundredths(gain)} ({target})"


def _across(table: pd.DataFrame) -> pd.DataFrame:
    return in_context(table[table["direction"] == ACROSS])


def _elsewhere(table: pd.DataFrame) -> pd.DataFrame:
    return in_context(table[table["direction"] != ACROSS])


def _caption(reading: Reading, rows: pd.DataFrame) -> str:
    settings = reading.settings
    text = (
        "In context with all training rows, against the base model. Accuracy is kept where "
        f"the interval of the mean gain lies above −{1000 * settings.transfer_margin:g} ×1000 "
        "(analysis.transfer_margin), not where it lies below; behind it the targets whose mean "
        "does. Harm: share of (target, corpus) with a gain below 0. Worst: mean gain of the worst "
        f"{percent(settings.worst_share)} of targets (analysis.worst_share). Largest loss: of a "
        "(target, corpus)."
    )
    lacking = rows.loc[rows["lacking"] > 0, "lacking"]
    if len(lacking):
        named = "; ".join(f"{name}: {n}" for name, n in lacking.items())
        text += f" Runs that other arms have and one lacks ({named}) are not made up."
    return text


def _more_caption(reading: Reading, _rows: pd.DataFrame) -> str:
    return (
        "Of the same runs. Spread: standard deviation over the corpora of one source within a "
        "target. Transfer gap: gain from the target's own domain minus that from the other one, on "
        f"the same targets. Losses above {1000 * reading.settings.transfer_margin:g}: share of "
        "(target, corpus) that lose more than that ×1000. Base model kept: runs whose weights "
        "are its own, as no step was better on the held-out sources. p: Wilcoxon's test "
        "of the gain over targets, Holm-corrected over the arms. Resolves from: the mean gain that "
        f"would have been found with {percent(reading.settings.power)} power."
    )


robustness = TransferTable(
    key="robustness",
    title="Robustness and accuracy across domains",
    make=lambda reading: reading.answer.robustness,
    row="arm",
    rows=lambda reading, numbers: by_arm(reading, _across(numbers)),
    columns=_columns,
    caption=_caption,
    empty="Left out: no run from healthcare to finance or back has a score.",
    behind=arms_and("direction", "on_target"),
    place=20,
    terminal=True,
)
spread = TransferTable(
    key="spread",
    title="Spread, transfer gap and what resolves across domains",
    make=lambda reading: _across(reading.answer.robustness),
    row="arm",
    rows=by_arm,
    columns=_more_columns,
    caption=_more_caption,
    empty="",
    behind=arms_and("direction", "on_target"),
    place=21,
    has_file=False,
)
elsewhere = TransferTable(
    key="robustness_elsewhere",
    title="Robustness and accuracy in other directions",
    make=lambda reading: _elsewhere(reading.answer.robustness),
    row="arm",
    rows=lambda reading, numbers: sorted_by(
        by_arm(reading, numbers), "direction", order_of_direction
    ),
    columns=lambda reading, rows: [Column("direction", DIRECTION), *_columns(reading, rows)],
    caption="As across domains. Within: from the target's own domain, the target itself left out.",
    empty="",
    behind=arms_and("direction", "on_target"),
    place=60,
    has_file=False,
)
last = TransferTable(
    key="robustness_last",
    title="Robustness at the last step on the sources",
    make=lambda reading: _across(reading.answer.last.robustness),
    row="arm",
    rows=by_arm,
    columns=_columns,
    caption=(
        "As across domains, but of the last step, whatever the held-out sources chose: it decides "
        "nothing, and tells what choosing was worth."
    ),
    empty="",
    behind=arms_and("direction", "on_target"),
    place=22,
)
