"""What fine-tuning gains and harms by its learning rate, and how far that may go before it loses.

Of methods that were run under several learning rates; `bench.analysis.variants` names each setting.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.analysis.intervals import draws, ends
from bench.analysis.references import References
from bench.analysis.settings import Analysis
from bench.analysis.variants import SEPARATOR, shown

STEPS = ("chosen", "last")
LABELS = ("lr", "finetune.lr")  # of a learning rate in a method's name


def lines(cells: pd.DataFrame) -> pd.DataFrame:
    """Each method that fine-tunes: its learning rate, and what it is called without.

    Parameters
    ----------
    cells : DataFrame
        Columns ``method`` and ``tuning`` (`bench.analysis.frame.SCHEMA`).

    Returns
    -------
    DataFrame
        A row a method, sorted: ``line``, which methods share that differ in the learning rate
        alone, and ``lr``. Empty where no line has several learning rates.
    """
    facts = cells.loc[~cells["method"].duplicated(), ["method", "tuning"]]
    tuned = facts[facts["tuning"].notna()]
    methods = list(map(str, tuned["method"]))
    settings = [json.loads(text) for text in tuned["tuning"]]
    rates = [float(of.pop("lr", np.nan)) for of in settings]
    # A name may leave settings out: what differs in more than the rate is no line.
    named = [_without(method, lr) for method, lr in zip(methods, rates, strict=True)]
    alike = Counter((line, json.dumps(of)) for line, of in zip(named, settings, strict=True))
    main = {line: of for (line, of), _ in reversed(alike.most_common())}
    own = [main[line] == json.dumps(of) for line, of in zip(named, settings, strict=True)]
    named = [line if is_own else method for line, is_own, method in zip(named, own, methods)]
    found = pd.DataFrame({"line": named, "lr": rates}, index=pd.Index(methods, name="method"))
    if not found["line"].duplicated().any():
        return found.iloc[:0]
    return found.sort_values(["line", "lr"])


def _without(method: str, lr: float) -> str:
    for label in LABELS:
        method = method.replace(f"{SEPARATOR}{label}={shown(lr)}", "", 1)
    return method


def by_rate(cells: pd.DataFrame, settings: Analysis) -> pd.DataFrame:
    """Mean gain over the pre-trained model, and share of runs that it harms, of each method.

    Parameters
    ----------
    cells : DataFrame
        Complete units (`bench.analysis.complete.complete`).

    Returns
    -------
    DataFrame
        `lines`, with ``gain_chosen``, ``harm_chosen``, ``gain_last``, ``harm_last``, means over
        tables, and the ends of each one's interval over tables (``gain_chosen_low``, …).
    """
    found = lines(cells)
    if found.empty:
        return found
    columns = {}
    for step in STEPS:
        gain = cells[f"score_{step}"] - cells["score_pretrained"]
        for what, values in (("gain", gain), ("harm", (gain < 0).astype(float))):
            means = _by_table(cells, values)[list(found.index)]
            resampled = _resampled(means, settings)
            columns[f"{what}_{step}"] = means.mean()
            limits = [ends(of, len(means), settings) for of in resampled.T]
            for end, name in enumerate(("low", "high")):
                columns[f"{what}_{step}_{name}"] = pd.Series(
                    [limit[end] for limit in limits], index=found.index
                )
    return found.join(pd.DataFrame(columns, index=found.index))


def margins(cells: pd.DataFrame, held: References, settings: Analysis) -> pd.DataFrame:
    """How high a learning rate may be before a line's mean gain is lost, and whether that is wider.

    Parameters
    ----------
    cells : DataFrame
        Complete units.
    held : References
        Of these: a line is compared with that of its methods' references, at the same rates.

    Returns
    -------
    DataFrame
        A row a line, the widest margin of the last step first: ``method``, the line; ``lowest``
        and ``highest``, the rates that it was run under; ``against``, the one that it is compared
        with; and, with the ends of its interval over tables
        (``margin_last_low``, …), for the steps ``last`` and ``chosen``: ``margin_last``, from
        `margin`, and ``factor_last``, it over the other line's. A margin beyond the rates that were
        run counts in a factor as the nearest of them.
    """
    found = lines(cells)
    if found.empty:
        return pd.DataFrame(columns=COLUMNS)
    rates = {str(line): of["lr"] for line, of in found.groupby("line") if len(of) > 1}
    rows: dict[str, dict[str, object]] = {
        line: {"method": line, "lowest": lr.min(), "highest": lr.max()}
        for line, lr in rates.items()
    }
    for step in reversed(STEPS):
        means = _by_table(cells, cells[f"score_{step}"] - cells["score_pretrained"])
        known = {}
        for line, lr in rates.items():
            mine = means[list(lr.index)]
            known[line] = margin(lr, np.vstack([mine.mean(), _resampled(mine, settings)]))
            rows[line] |= _told(f"margin_{step}", known[line], len(means), settings)
        for line, lr in rates.items():
            other = found["line"].get(held.of.get(lr.index[0], ""))
            if other in (None, line) or list(rates.get(str(other), [])) != list(lr):
                continue
            ours, theirs = (np.clip(known[name], lr.min(), lr.max()) for name in (line, other))
            rows[line] |= {"against": other}
            rows[line] |= _told(f"factor_{step}", ours / theirs, len(means), settings)
    table = pd.DataFrame(list(rows.values()), columns=COLUMNS)
    return table.sort_values(["margin_last", "method"], ascending=[False, True], ignore_index=True)


MEASURED = [f"{what}_{step}" for step in reversed(STEPS) for what in ("margin", "factor")]
COLUMNS = [
    *("method", "lowest", "highest"),
    "against",
    *(f"{name}{end}" for name in MEASURED for end in ("", "_low", "_high")),
]


def margin(rates: Sequence[float] | pd.Series, gains: np.ndarray) -> np.ndarray:
    """The learning rate above which every one that was run loses on average.

    Between the highest rate that does not lose and the next one the gain is linear in the logarithm
    of the rate.

    Parameters
    ----------
    rates : array of shape (r,)
        Rising.
    gains : ndarray of shape (n, r)

    Returns
    -------
    ndarray of shape (n,)
        0 where all lose; infinity where the highest does not.

    Examples
    --------
    >>> margin([1e-4, 1e-2], np.array([[1.0, -1.0], [-1.0, -2.0], [-1.0, 0.0]]))
    array([0.001, 0.   ,   inf])
    """
    logs = np.log(np.asarray(rates, dtype=float))
    good = gains >= 0
    highest = gains.shape[1] - 1
    last = highest - good[:, ::-1].argmax(axis=1)  # that does not lose
    inner = good.any(axis=1) & (last < highest)
    row, at = np.flatnonzero(inner), last[inner]
    above, below = gains[row, at], gains[row, at + 1]
    out = np.where(good.any(axis=1), np.inf, 0.0)
    out[row] = np.exp(logs[at] + above / (above - below) * (logs[at + 1] - logs[at]))
    return out


def _by_table(cells: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    """Means over a table's folds and seeds: tables × methods."""
    return values.groupby([cells["dataset"], cells["method"]]).mean().unstack("method")


def _resampled(means: pd.DataFrame, settings: Analysis) -> np.ndarray:
    """Means over tables in each resample of them, shape (resamples, methods)."""
    return draws(len(means), settings) @ means.to_numpy() / len(means)


def _told(name: str, values: np.ndarray, tables: int, settings: Analysis) -> dict[str, float]:
    """A statistic, the first of the values, and the interval of the others, its resamples."""
    tail = (1 - settings.confidence) / 2
    # Nearest: between two infinities nothing is interpolated.
    limits = np.quantile(values[1:], [tail, 1 - tail], method="nearest")
    low, high = limits if tables > 1 else (np.nan, np.nan)
    return {name: float(values[0]), f"{name}_low": float(low), f"{name}_high": float(high)}
