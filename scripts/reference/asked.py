"""What an experiment asks for, cell by cell, and which of these there are by today's code."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bench.cell.identity import code_fingerprint, identity, is_made_otherwise, targets
from bench.cell.model import name_of
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import digest, plain
from bench.finetune.settings import all_steps, is_on
from bench.sweep.costs import Size, kind
from bench.sweep.needs import table
from bench.verbs._hydra import each_cell


@dataclass(frozen=True)
class Cell:
    """A cell that is asked for.

    Attributes
    ----------
    place : PurePosixPath
        Of its record, below the results folder.
    identity, code : str
        What its record is known by.
    model, kind, size
        What its time is told by (`bench.sweep.costs`).
    """

    place: PurePosixPath
    identity: str
    code: str
    model: str
    kind: str
    size: Size

    def is_done(self, record: Record) -> bool:
        """Whether a record is this cell's, by today's code, and no failure."""
        return (
            record["identity"]["hash"] == self.identity
            and record["status"] != "failed"
            and not is_made_otherwise(record, self.code)
        )


def asked(experiments: Iterable[str]) -> dict[PurePosixPath, Cell]:
    """The cells of experiments, by the places of their records.

    Raises
    ------
    BadInput
        If a table is not here: kept runs need no network.
    """
    found = [cell for name in experiments for cell in _cells(name)]
    return {cell.place: cell for cell in found}


def words(experiment: str) -> list[str]:
    """What `bench run` is told of an experiment, which may be followed by words that change it.

    >>> words("smoke fold=1 'methods=[pretrained, scm]'")
    ['experiment=smoke', 'fold=1', 'methods=[pretrained, scm]']
    """
    name, *rest = shlex.split(experiment)
    return [f"experiment={name}", *rest]


def _cells(experiment: str) -> Iterator[Cell]:
    tables: dict[str, Any] = {}
    nowhere = Store(Path())
    with each_cell(words(experiment), "offline=true") as configs:
        for cfg in configs:
            key = digest(plain(cfg.dataset))
            if key not in tables:
                tables[key] = table(cfg)
            here = tables[key]
            if here is None:
                raise BadInput(f"experiment={experiment} has a table that is not here.")
            what = identity(cfg, here)["hash"]
            names = {"dataset": here.name, "method": cfg.method.name, "fold": int(cfg.fold)}
            steps = all_steps(cfg.finetune) if cfg.method.finetune else 0
            adapting = cfg.transfer if is_on(cfg.transfer) else None
            yield Cell(
                PurePosixPath(nowhere.path(names, what)),
                what,
                code_fingerprint(targets(cfg)),
                name_of(plain(cfg.model)),
                kind(cfg.method.name, adapting),
                Size(len(here), here.n_features, steps),
            )


def done(store: Store, cells: dict[PurePosixPath, Cell]) -> Iterator[tuple[Cell, Record]]:
    """The cells that a folder has, with their records; others there are passed over."""
    for record in store.records():
        place = PurePosixPath(store.path(record["cell"], record["identity"]["hash"]))
        cell = cells.get(place.relative_to(store.root))
        if cell is not None and cell.is_done(record):
            yield cell, record
