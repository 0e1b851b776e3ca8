"""How long kept runs will take: the cost model's word, held to what the cells of this run took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import nan
from statistics import mean

from bench.phrases import counted, duration
from bench.sweep.costs import Costs, Fit
from scripts.reference.asked import Cell

ENOUGH = 4  # cells of this run that tell how much faster or slower it is


@dataclass
class Estimate:
    """Seconds of cells.

    Parameters
    ----------
    costs : Costs
        Fitted to the records at hand.
    workers : int
        Cells that run at once.
    """

    costs: Costs
    workers: int
    told: float = 0.0  # of the cells that this run has made
    took: float = 0.0
    made: int = 0
    _fits: dict[str, dict[str, Fit]] = field(default_factory=dict)

    def seconds(self, cells: Iterable[Cell]) -> tuple[float, int]:
        """What cells should take one after the other, and how many there is no word of.

        These count as much as the mean of the others.
        """
        known = [self._one(cell) for cell in cells]
        told = [seconds for seconds in known if seconds == seconds]
        lacking = len(known) - len(told)
        return sum(told) + lacking * (mean(told) if told else 0.0), lacking

    def _one(self, cell: Cell) -> float:
        if cell.model not in self._fits:
            fitted = [of for (model, _), of in self.costs.fits.items() if model == cell.model]
            self._fits[cell.model] = fitted[0] if fitted else {}
        fit = self._fits[cell.model].get(cell.kind)
        return fit.seconds(cell.size) if fit else nan

    def learn(self, cell: Cell, seconds: float) -> None:
        """Take in what a cell of this run took."""
        told = self._one(cell)
        if told == told:
            self.told, self.took, self.made = self.told + told, self.took + seconds, self.made + 1

    def left(self, cells: Iterable[Cell]) -> str:
        """When these will be done, at the pace of this run."""
        rest = list(cells)
        seconds, _ = self.seconds(rest)
        if not rest:
            return "nothing left"
        if not seconds:
            return "no record tells how long the rest takes"
        pace = self.took / self.told if self.made >= ENOUGH else 1.0
        return f"about {duration(seconds * pace / self.workers)} left"

    def beforehand(self, cells: list[Cell]) -> str:
        """A sentence before they are run."""
        seconds, lacking = self.seconds(cells)
        if not seconds:
            return f"{counted(len(cells), 'cell')} to run; no record tells how long they take."
        many = "1 process" if self.workers == 1 else f"{self.workers} processes"
        line = (
            f"{counted(len(cells), 'cell')} to run, about {duration(seconds / self.workers)} on "
            f"{many}"
        )
        errors = [f"{error:.1f}" for error in sorted(self.costs.errors.values())[-1:]]
        line += f", typically wrong by a factor of {errors[0]} a cell" if errors else ""
        return line + (f"; {lacking} of them are guessed" if lacking else "") + "."
