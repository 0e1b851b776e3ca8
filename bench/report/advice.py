"""What a report of one table advises: in a sentence, and as the folds' differences drawn."""

from __future__ import annotations

from collections.abc import Hashable
from math import isnan
from typing import Any

from bench.analysis.advice import Advice, Kind, proper_of
from bench.analysis.answer import Answer
from bench.phrases import counted, percent
from bench.report.drawing import GREY, INK, Drawing, name_rows, points, single
from bench.report.looks import looks, title
from bench.report.question import Reply
from bench.report.readable import share
from bench.score import Score

KEEP = "Keep the base model"
LIMITS = (
    "what fine-tuning on all rows gains, as each fold learns from a part of them; how a model does "
    "on rows that come later, or from elsewhere"
)
UNTIL = "Until then the base model is the safe choice."


def reply(advice: Advice, metric: Score, confidence: float) -> Reply:
    """The advice in plain words: what to do, and what that rests on."""
    told = {Kind.keep: _keep, Kind.finetune: _finetune, Kind.unknown: _unknown}
    opening, because = told[advice.kind](advice, metric, confidence)
    left_out = f" Left out: {'; '.join(advice.left_out)}." if advice.left_out else ""
    return Reply(opening, f"{because}{left_out}", "advice")


def _keep(advice: Advice, metric: Score, confidence: float) -> tuple[str, str]:
    if (advice.methods["kept"] == 1).all():
        return KEEP, (
            f"in each of {counted(advice.folds, 'fold')} the stopping rule found no step of any "
            f"of {counted(len(advice.methods), 'method')} that is better on validation rows."
        )
    most = advice.methods["high"].max()
    return KEEP, (
        f"a worthwhile gain is excluded. Of {counted(len(advice.methods), 'method')} none reaches "
        f"{changed(most, metric)} in {counted(advice.folds, 'fold')} "
        f"({percent(confidence)} intervals)."
    )


def _finetune(advice: Advice, metric: Score, confidence: float) -> tuple[str, str]:
    row = _row(advice)
    agrees = "" if isnan(row["proper"]) else f", and {proper_of(metric).title} agrees"
    expected = f"{changed(advice.gain, metric)} ± {_half(advice):.3f}"
    opening = f"Fine-tune with {title(str(advice.method))}, expect test {expected}"
    base, score = (metric.oriented(row[name]) for name in ("base", "score"))
    return opening, (
        f"over {counted(advice.folds, 'fold')} it went from {base:.3f} to {score:.3f}, worse than "
        f"the base model in {share(row['harm'])} of them{agrees} "
        f"({percent(confidence)} interval; the gain is drawn to 0 for being the best of "
        f"{len(advice.methods)})."
    )


def _unknown(advice: Advice, metric: Score, confidence: float) -> tuple[str, str]:
    rows = f" with {counted(advice.rows, 'row')}" if advice.rows else ""
    opening = f"Whether to fine-tune cannot be told{rows}"
    if advice.method is None:
        return opening, f"{'; '.join(advice.reasons)}. {UNTIL}"
    row = _row(advice)
    reasons = f" ({'; '.join(advice.reasons)})" if advice.reasons else ""
    return opening, (
        f"the most promising, {title(advice.method)}, changes test {changed(row['gain'], metric)} "
        f"± {_half(advice):.3f} in {counted(advice.folds, 'fold')} ({percent(confidence)} "
        f"interval){reasons}. {_needed(advice, metric)}{UNTIL}"
    )


def _row(advice: Advice) -> dict[Hashable, Any]:
    """The numbers of the method that the advice is of."""
    (row,) = advice.methods[advice.methods["method"] == advice.method].to_dict("records")
    return row


def _needed(advice: Advice, metric: Score) -> str:
    needed = advice.needed
    if needed is None or (needed.folds is None and needed.rows is None):
        return ""
    to_tell = f"To tell a change of {needed.gain:.3f} would take about"
    if needed.folds is not None:
        return f"{to_tell} {counted(needed.folds, 'fold')}. "
    return (
        f"{to_tell} {counted(needed.rows or 0, 'row')}: more folds of these share their rows, and "
        "tell no more. "
    )


def changed(gain: float, metric: Score) -> str:
    """A gain in the score's own direction: where less is better, it is below 0."""
    sign = 1 if metric.greater_is_better else -1
    return f"{metric.title} {sign * gain:+.3f}"


def _half(advice: Advice) -> float:
    return (advice.high - advice.low) / 2


def differences(answer: Answer) -> Drawing | None:
    """The gain of every fold by every method; a line joins a fold's, which see the same rows."""
    advice = answer.advice
    if advice is None or advice.methods.empty:
        return None
    methods = list(map(str, advice.methods["method"]))
    wide = 1000 * advice.differences[methods]
    seen = looks(answer.methods or methods)
    figure, axes = single(1.0 + 0.5 * len(methods))
    axes.plot(wide.T, range(len(methods)), color=GREY, linewidth=0.5, alpha=0.5)
    for y, method in enumerate(methods):
        points(axes, wide[method], [y] * len(wide), seen[method], wide.size)
        row = 1000 * advice.methods.loc[y, ["gain", "low", "high"]].astype(float)
        below = y + 0.22  # no point lies there
        axes.plot(row[["low", "high"]], [below, below], color=INK, linewidth=1.5)
        axes.plot(row["gain"], below, color=INK, marker="|", markersize=9, markeredgewidth=2)
    axes.axvline(0, color=INK, linewidth=0.8)
    name_rows(axes, [seen[method] for method in methods])
    axes.set_xlabel(f"change of test {answer.metric.turned_title()} against the base model, ×1000")
    level = percent(answer.settings.confidence)
    caption = (
        "A point is a fold, a grey line joins one fold's. Below them the mean with its "
        f"{level} interval, corrected for the rows that folds share."
    )
    return Drawing("differences", "Every fold against the base model", caption, figure)
