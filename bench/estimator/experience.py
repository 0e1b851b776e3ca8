"""What gains on validation rows have come to on test rows: the gain to expect of one.

The rule that chooses a step reads validation rows, so its gain there is an optimistic figure.
`experience.json` holds what the kept reference runs made of such gains; `scripts/update_experience`
writes it, and a test holds it to the records.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.files import parse_json
from bench.phrases import counted

FILE = Path(__file__).with_name("experience.json")
# Within a table they order alike, and a ratio of gains has no unit.
WITHOUT_UNIT = {"rmse": "rmse_sd"}


@dataclass(frozen=True, kw_only=True)
class Experience:
    """Runs on tables of a size, those of a problem by one score.

    Parameters
    ----------
    problem, metric : str
    least, most : int or None
        Rows that a run had to learn from, those held out for validation included; from the least
        to below the most. None: without an end.
    promised, came : float
        Mean gains on validation and on test rows, over tables, each table's runs averaged within.
    ratio : float
        What came of what was promised.
    interval : tuple of float
        Of the ratio, 95 %: percentiles of resampled tables.
    runs, tables : int
        Those that the rule kept pre-trained count, too.
    """

    problem: str
    metric: str
    least: int | None
    most: int | None
    promised: float
    came: float
    ratio: float
    interval: tuple[float, float]
    runs: int
    tables: int

    def covers(self, problem: str, metric: str, n_rows: int) -> bool:
        """Whether its runs are on tables of that size, and read by that score."""
        is_of_size = (self.least or 0) <= n_rows and (self.most is None or n_rows < self.most)
        return is_of_size and (self.problem, self.metric) == (problem, metric)

    @property
    def size(self) -> str:
        """The rows, for people."""
        if self.most is None:
            return f"{self.least:,} rows or more" if self.least else "any number of rows"
        return (
            f"{self.least:,} to {self.most:,} rows" if self.least else f"up to {self.most:,} rows"
        )

    def told(self) -> str:
        """Where it comes from, in words."""
        low, high = (f"{100 * end:.0f}" for end in self.interval)
        return (
            f"of 100 points gained on validation, {100 * self.ratio:.0f} [{low}, {high}] came on "
            f"test in {counted(self.runs, 'reference run')} of finetune=default on "
            f"{counted(self.tables, 'table')} of {self.size}"
        )


def expected(metric: str, problem: str, n_rows: int, gain: float) -> tuple[float, str] | None:
    """The gain on new rows that a gain on validation rows lets one expect.

    Parameters
    ----------
    metric : str
        The score, one of `bench.scores.SCORES`.
    problem : {"classification", "regression"}
    n_rows : int
        Rows that were given to learn from, those held out for validation included.
    gain : float
        On validation rows, whichever unit the score has.

    Returns
    -------
    tuple of float and str, or None
        In the gain's unit, never above it nor of another sign; and its source in words. None of a
        score or size that no reference run tells.

    Examples
    --------
    >>> gain, source = expected("log_loss", "classification", 500, 0.020)
    >>> 0 < gain < 0.020
    True
    """
    for known in experiences():
        if known.covers(problem, WITHOUT_UNIT.get(metric, metric), n_rows):
            return gain * min(max(known.ratio, 0.0), 1.0), known.told()
    return None


@cache
def experiences() -> tuple[Experience, ...]:
    """All that the file holds."""
    return tuple(
        Experience(**{**entry, "interval": tuple(entry["interval"])})
        for entry in parse_json(FILE.read_bytes())["experiences"]
    )
