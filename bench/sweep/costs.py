"""How long cells take: a model fitted to the records at hand, which also says how wrong it is.

For each model, device and method, log seconds are linear in the logs of rows, features and steps: a
ridge regression over the records. Its error is measured on tables that it was not fitted to.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.cell.model import name_of
from bench.cell.record import Record
from bench.cell.store import Store
from bench.finetune.settings import all_steps
from bench.phrases import counted

LEAST_TABLES = 3  # of different sizes; with less there is no slope to fit
GPU = "cuda"  # what the device of one begins with
REFERENCE = "reference"  # of results/: where kept runs lie
RIDGE = 0.1  # towards a time that does not depend on the size


@dataclass(frozen=True)
class Size:
    """What a cell's time is read from: the table's rows and features, and the steps."""

    rows: int
    features: int
    steps: int

    def row(self) -> list[float]:
        """The size on the scales on which times are fitted."""
        # Records and journals are anybody's, and may tell of no rows at all.
        rows, features = (math.log(max(1, n)) for n in (self.rows, self.features))
        return [rows, features, math.log1p(self.steps)]


@dataclass(frozen=True)
class Measured:
    """One record's time."""

    model: str
    device: str
    dataset: str
    method: str
    size: Size
    seconds: float


def measured(results: Path, but: Path | None = None) -> Iterator[Measured]:
    """The times of all done cells under a folder of results folders, with a device each.

    ``but`` one of them. The neighbours' records are read as strictly as one's own; what is no sound
    record tells no time, and a run will set it aside.
    """
    seen = set[str]()  # a cell that several folders hold was made once
    for root in _folders(results):
        if but is not None and root.resolve() == but.resolve():
            continue
        for record in Store(root).records():
            what = record["identity"]["hash"]
            if record["status"] == "done" and what not in seen:
                seen.add(what)
                yield _measured(record)


def _folders(results: Path) -> list[Path]:
    """Results folders, also of kept references; one that cannot be looked at tells nothing."""
    found: list[Path] = []
    for place in (results, results / REFERENCE):
        try:
            found += sorted(path for path in place.iterdir() if Store(path).is_there)
        except OSError:
            continue
    return found


def _measured(record: Record) -> Measured:
    settings, where, data = record["settings"], record["provenance"], record["data"]
    steps = all_steps(settings["finetune"]) if settings["method"]["finetune"] else 0
    return Measured(
        model=name_of(settings["model"]),
        device=f"{where['device']}, {where['threads']} threads",
        dataset=record["cell"]["dataset"],
        method=kind(record["cell"]["method"], settings.get("transfer")),
        size=Size(sum(data["rows"].values()), data["features"], steps),
        seconds=record["timings"]["seconds"]["total"],
    )


def kind(method: str, transfer: Any) -> str:
    """What cells take alike by: their method, and the arm that adapts its weights, if one does.

    >>> kind("pretrained", None), kind("pretrained", {"method": {"name": "causal"}})
    ('pretrained', 'pretrained from causal')
    """
    return method if transfer is None else f"{method} from {transfer['method']['name']}"


@dataclass(frozen=True)
class Fit:
    """log seconds as a linear function of a size."""

    mean: np.ndarray
    base: float
    slope: np.ndarray

    @classmethod
    def of(cls, records: list[Measured]) -> Fit:
        """Fit the times of records by ridge regression."""
        x = np.array([record.size.row() for record in records])
        y = np.log([max(record.seconds, 1e-3) for record in records])
        mean = x.mean(axis=0)
        centred = x - mean
        gram = centred.T @ centred + RIDGE * np.eye(x.shape[1])
        slope = np.linalg.solve(gram, centred.T @ (y - y.mean()))
        # Of logs the fit is a typical time; what is summed are means (Duan 1983, smearing).
        smear = np.log(np.mean(np.exp(y - y.mean() - centred @ slope)))
        return cls(mean, float(y.mean() + smear), slope)

    def seconds(self, size: Size) -> float:
        """The seconds that a cell of this size should take."""
        return float(np.exp(self.base + (np.array(size.row()) - self.mean) @ self.slope))


class Costs:
    """Fits by (model, device), one for each method."""

    def __init__(self) -> None:
        self.fits: dict[tuple[str, str], dict[str, Fit]] = {}
        self.errors: dict[tuple[str, str], float] = {}
        self.sources: dict[tuple[str, str], tuple[int, int]] = {}  # records, tables

    @classmethod
    def fit(cls, records: Iterable[Measured]) -> Costs:
        """Fit whatever there are records for."""
        costs = cls()
        groups: dict[tuple[str, str], list[Measured]] = defaultdict(list)
        for record in records:
            groups[record.model, record.device].append(record)
        for key, group in groups.items():
            tables = {record.dataset for record in group}
            if len(tables) < LEAST_TABLES:
                continue
            costs.fits[key] = _by_method(group)
            costs.errors[key] = _error(group, tables)
            costs.sources[key] = len(group), len(tables)
        return costs

    def lines(self, left: list[tuple[str, str, Size | None]]) -> list[str]:
        """Lines with the time that cells will take, for each device that there are records of."""
        lines = []
        for model in sorted({model for model, _, _ in left}):
            mine = [(method, size) for of, method, size in left if of == model]
            fitted = [key for key in self.fits if key[0] == model]
            if not fitted:
                lines.append(
                    f"time      no estimate for {model}: no record of it exists, on a GPU or "
                    f"elsewhere, of {LEAST_TABLES} tables or more; run a few cells, then plan again"
                )
            lines += [self._line(key, mine) for key in sorted(fitted)]
            if fitted and not any(device.startswith(GPU) for _, device in fitted):
                lines.append(f"time      no estimate for {model} on a GPU: no record is of one")
        return lines

    def _line(self, key: tuple[str, str], left: list[tuple[str, Size | None]]) -> str:
        fits = self.fits[key]
        known = [(fits[method], size) for method, size in left if method in fits and size]
        seconds = sum(fit.seconds(size) for fit, size in known)
        records, tables = self.sources[key]
        cells = counted(len(known), "cell")
        line = (
            f"time      {_readable(seconds)} for {cells} one after the other on "
            f"{key[1]} ({key[0]}); fitted to {records} records of {tables} tables; on a table that "
            f"it was not fitted to, it is typically wrong by a factor of {self.errors[key]:.1f}"
        )
        unknown = len(left) - len(known)
        return line + (f"; no estimate for {unknown} more" if unknown else "")


def _by_method(records: Iterable[Measured]) -> dict[str, Fit]:
    groups: dict[str, list[Measured]] = defaultdict(list)
    for record in records:
        groups[record.method].append(record)
    return {method: Fit.of(group) for method, group in groups.items()}


def _error(records: list[Measured], tables: set[str]) -> float:
    """The median factor between estimate and truth, each table's from a fit to the others."""
    factors = []
    for held_out in sorted(tables):
        fits = _by_method(record for record in records if record.dataset != held_out)
        factors += [
            abs(math.log(fits[record.method].seconds(record.size) / max(record.seconds, 1e-3)))
            for record in records
            if record.dataset == held_out and record.method in fits
        ]
    return math.exp(float(np.median(factors))) if factors else math.inf


def _readable(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"about {seconds / length:.1f} {unit}"
    return f"about {seconds:.0f} s"
