"""Numbers of the analysis → strings for people: headings, units, signs; no number is made here."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.phrases import counted

NONE = "–"


def signed(value: float) -> str:
    """A score ×1000 with its sign."""
    return f"{round(1000 * value, 2) + 0.0:+.2f}"  # a zero has no minus


def tenths(value: float) -> str:
    """A score ×1000 with its sign, where more decimals would say nothing."""
    return f"{round(1000 * value, 1) + 0.0:+.1f}"  # a zero has no minus


def hundredths(value: float) -> str:
    """A difference ×1000 with its sign, but for a zero's minus."""
    return f"{round(1000 * value, 2) + 0.0:+.2f}"


def unsigned(value: float) -> str:
    """A score ×1000, of what is never below 0."""
    return f"{1000 * value:.2f}"


def with_interval(value: float, low: float, high: float, show: Callable[[float], str]) -> str:
    """``value [low, high]``; the value alone where one dataset gives no interval."""
    if pd.isna(value):
        return NONE
    return show(value) if pd.isna(low) else f"{show(value)} [{show(low)}, {show(high)}]"


def with_error(mean: float, error: float, show: Callable[[float], str] = signed) -> str:
    """``mean ± error``; the mean alone where one table gives no standard error."""
    return show(mean) if pd.isna(error) else f"{show(mean)} ± {show(error).lstrip('+')}"


def two(value: float) -> str:
    """A number with two decimals."""
    return f"{value:.2f}"


def three(value: float) -> str:
    """A number with three decimals."""
    return f"{value:.3f}"


def share(value: float) -> str:
    """A share in percent; neither none nor all where it is not.

    >>> share(0.25), share(0.004), share(0.996), share(1.0)
    ('25%', '<1%', '>99%', '100%')
    """
    shown = f"{value:.0%}"
    if value > 0 and shown == "0%":
        return "<1%"
    return ">99%" if value < 1 and shown == "100%" else shown


def digits(value: float) -> str:
    """A number in any unit with four digits that count.

    >>> digits(123456.7), digits(0.0123456)
    ('123500', '0.01235')
    """
    return f"{float(f'{value:.4g}'):.10g}"


def whole(value: float) -> str:
    """A number without decimals."""
    return f"{value:.0f}"


def sign_three(value: float) -> str:
    """A difference with its sign and three decimals."""
    return f"{value:+.3f}"


def sign_two(value: float) -> str:
    """A difference with its sign and two decimals."""
    return f"{value:+.2f}"


def p_value(value: float) -> str:
    """A p-value with three decimals; one too small for them as a bound."""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def edges_in_words(drawn: float, added: float) -> str:
    """How many edges of a DAG, or of DAGs on average, come from where; whole where they are."""
    total = drawn + added
    if not added:
        return f"{_in_full(total)}, all drawn from the edge probabilities"
    return (
        f"{_in_full(total)}: {drawn:.3g} drawn from the edge probabilities, {added:.3g} "
        f"({added / total:.0%}) added by repair, because the training rows ask for them"
    )


def _in_full(n: float) -> str:
    return counted(int(n), "edge") if n.is_integer() else f"{n:.1f} edges"
