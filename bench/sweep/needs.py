"""What a cell needs on this machine before it can run: its tables, and its model's weights."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from bench.cell.corpus import to_fetch
from bench.cell.model import files_of, name_of
from bench.errors import BadInput, ModelError
from bench.files import digest, plain
from bench.phrases import numbered
from bench.process import invoked
from bench.sweep.job import load_table
from bench.sweep.overrides.words import literal

if TYPE_CHECKING:
    from bench.table import Table


def table(cfg: DictConfig) -> Table | None:
    """The table; None if it would have to be fetched, which is never done here.

    Raises
    ------
    BadInput
        If a `run` would refuse it, and `fetch` could not help.
    """
    from bench.datasets.openml.read import Absent

    try:
        return load_table(cfg)
    except BadInput as reason:
        if isinstance(reason.__cause__, Absent):
            return None
        raise


def sources(cfg: DictConfig) -> dict[str, DictConfig]:
    """The other tables that a cell is made from and that may have to be fetched, by name.

    A config each, of its dataset alone, as `table` takes it.

    Raises
    ------
    BadInput
        If a name among them is no dataset's.
    """
    return {
        name: OmegaConf.create({"dataset": literal(node)}) for name, node in to_fetch(cfg).items()
    }


def has_weights(cfg: DictConfig) -> bool:
    """Whether the model's files are here."""
    try:
        files_of(plain(cfg.model), offline=True)
    except ModelError:
        return False
    return True


@dataclass
class Lacks:
    """What offline jobs lack, each table and model looked at once.

    Attributes
    ----------
    tables, weights : dict of key → name
        What is not here.
    """

    tables: dict[str, str] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    _here: set[str] = field(default_factory=set)
    _said: set[str] = field(default_factory=set)

    def of(self, cfg: DictConfig) -> str:
        """Why a job cannot run offline; "" if it can, or may ask the network."""
        if not cfg.offline:
            return ""
        name, model = str(cfg.dataset.get("name") or "its table"), name_of(plain(cfg.model))
        if self._is_absent(self.weights, cfg.model, model, cfg):
            return self._saying(f"the weights of {model}")
        if self._is_absent(self.tables, cfg.dataset, name, cfg):
            return self._saying(f"the table {name}")
        others = sources(cfg).items()
        absent = [n for n, of in others if self._is_absent(self.tables, of.dataset, n, of)]
        if absent:
            tables = "source table" if len(absent) == 1 else "source tables"
            return self._saying(f"the {tables} {numbered(absent, 5)}")
        return ""

    def explains(self, faults: list[str]) -> bool:
        """Whether these are all of what is not here."""
        return all(fault in self._said for fault in faults)

    def all(self) -> str:
        """Everything that is not here, in one sentence."""
        weights, tables = list(self.weights.values()), list(self.tables.values())
        told = [f"the weights of {numbered(weights, 3)}"] if weights else []
        told += [f"the tables {numbered(tables, 5)}"] if tables else []
        return self._told(told)

    def _is_absent(
        self, absent: dict[str, str], node: DictConfig, name: str, cfg: DictConfig
    ) -> bool:
        key = digest(plain(node))
        if key not in absent and key not in self._here:
            here = has_weights(cfg) if absent is self.weights else _is_here(cfg)
            if here:
                self._here.add(key)
            else:
                absent[key] = name
        return key in absent

    def _saying(self, what: str) -> str:
        self._said.add(told := self._told([what]))
        return told

    def _told(self, what: list[str]) -> str:
        return (
            f"offline=true, and this machine lacks {' and '.join(what)}; where there is a network, "
            f"`{invoked()} fetch` with the same words gets what is missing."
        )


def _is_here(cfg: DictConfig) -> bool:
    try:
        return table(cfg) is not None
    except BadInput:
        return True  # the job says why it cannot be used
