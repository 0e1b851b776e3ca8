"""The tables that a cell's weights are fine-tuned on before its own: which, and in which order.

None of them is of one origin with the cell's table or holds its rows; nothing is trained here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.cell.checking import called, check_target, plain_node
from bench.cell.config import register
from bench.datasets import embedded
from bench.datasets.alike import shared
from bench.errors import BadInput, ModelError, TableError, closest, sentence
from bench.files import CONF, plain, shown
from bench.finetune.settings import is_on
from bench.names import check
from bench.phrases import counted, joined, numbered
from bench.seeds import derive
from bench.table import Table

if TYPE_CHECKING:
    from bench.models.base import Backbone

# Words in place of a domain's name: all but that of the cell's table, that domain itself, and the
# study's other domain (of a table of neither, both).
OTHERS, OWN, ACROSS = "others", "own", "across"
STUDIED = {"healthcare", "finance"}
LEAST = 3  # source tables: two to learn from, one to choose the step on
NAME = re.compile(r"[\w.+-][\w.+ -]*(/[\w.+ -]+)?")  # of a dataset's config
FETCHING = ("openml", "offline")  # settings that say how a table is had
TOLD = 5  # names that a sentence lists


@dataclass(frozen=True)
class Corpus:
    """Source tables of a cell.

    Attributes
    ----------
    domains : tuple of str
        Of the sources, sorted.
    train : tuple of Table
        Whole tables that are learned from, in an order that the seed decides.
    held_out : tuple of Table
        Whole tables on which the step is chosen.
    dropped : dict of name → clause
        Why a table of those asked for is neither: "it is of one origin with wdbc".
    """

    domains: tuple[str, ...]
    train: tuple[Table, ...]
    held_out: tuple[Table, ...]
    dropped: dict[str, str]


@dataclass(frozen=True)
class _Asked:
    """What decides a corpus; how its tables are had does not."""

    target: str  # the table's fingerprint
    own: tuple[str, ...]  # its names: its own, and its config's
    domain: str
    seed: int
    domains: tuple[str, ...] | None
    tables: tuple[str, ...] | None
    leave_out: tuple[str, ...]
    alike: tuple[tuple[str, ...], ...]
    share: float
    table: Table = field(compare=False)
    fetching: Mapping[str, Any] = field(compare=False)  # `FETCHING` of the cell


def corpus_of(cfg: Any, table: Table) -> Corpus:
    """The source tables of a cell whose transfer is on.

    Their order is that of a random key of each, by the seed and the table's name alone: one more or
    one less leaves the order of the others. The first ``round(share · n)`` are learned from, at
    least two, and at least one is held out; both are made of what is left when tables of one
    origin with the target, by name or by content, are gone. A held-out table of one origin with
    one that is learned from goes too; where none is left, fewer are learned from.

    Parameters
    ----------
    cfg : DictConfig or bench.cell.config.CellConfig
    table : Table
        The cell's own: the target.

    Raises
    ------
    BadInput
        If the target is among the sources, a domain or a table is none, a source is of another
        problem than the target, or fewer than three are left.
    """
    return _corpus(_asked(cfg, table))


def given(cfg: Any, table: Table) -> Corpus | None:
    """`corpus_of` a cell; None where its transfer is off."""
    return corpus_of(cfg, table) if is_on(cfg.transfer) else None


def to_fetch(cfg: DictConfig) -> dict[str, dict[str, Any]]:
    """The configs of those of a cell's source tables that are not embedded, by name.

    Empty where its transfer is off, or names no tables. Hydra must be ready to compose.

    Raises
    ------
    BadInput
        If a name is no dataset's.
    """
    transfer, here = cfg.transfer, set(embedded.names())
    left_out = [name for name in transfer.leave_out if name is not None]
    names = [n for n in transfer.tables or () if not any(_is_same(n, out) for out in left_out)]
    return {name: _dataset(name, _fetching(cfg)) for name in names if name not in here}


def require(sources: Corpus, backbone: Backbone) -> None:
    """Refuse sources that the model does not take.

    Raises
    ------
    BadInput
        Names the first table with more classes or features than the model has, and the limit.
    """
    for table in (*sources.train, *sources.held_out):
        try:
            backbone.check(table)
        except (ModelError, TableError) as error:
            raise BadInput(
                f"transfer: '{table.name}' cannot be a source: {error} "
                f"transfer.leave_out=[{table.name}] leaves it out."
            ) from error


def _asked(cfg: Any, table: Table) -> _Asked:
    transfer, domains = cfg.transfer, cfg.transfer.domain
    if domains is not None:
        domains = domains.split("+") if isinstance(domains, str) else list(domains)
    own = [name for name in (table.name, cfg.dataset.get("name")) if name]
    return _Asked(
        target=table.fingerprint(),
        own=tuple(dict.fromkeys(own)),
        domain=table.domain,
        seed=int(cfg.seed),
        domains=None if domains is None else tuple(map(str.strip, domains)),
        tables=None if transfer.tables is None else tuple(dict.fromkeys(transfer.tables)),
        leave_out=tuple(name for name in transfer.leave_out if name is not None),
        alike=tuple(map(tuple, transfer.alike)),
        share=float(transfer.share),
        table=table,
        fetching=_fetching(cfg),
    )


def _fetching(cfg: Any) -> dict[str, Any]:
    """How the cell's config says that tables are had; none where it does not say."""
    found = {key: getattr(cfg, key, None) for key in FETCHING}
    if None in found.values():
        return {}
    return {
        key: asdict(value)
        if is_dataclass(value) and not isinstance(value, type)
        else plain_node(value)
        for key, value in found.items()
    }


@lru_cache(maxsize=256)
def _corpus(asked: _Asked) -> Corpus:
    dropped: dict[str, str] = {}
    sources: list[Table] = []
    for source in _candidates(asked):
        if source.name in dropped or source.name in {table.name for table in sources}:
            raise BadInput(
                f"Two of transfer.tables are called '{source.name}'; give one a name of its own."
            )
        why = _relation(source, asked.table, asked)
        if why is None:
            sources.append(source)
        else:
            dropped[source.name] = why
    if len(sources) < LEAST:
        raise BadInput(f"{_left(sources, asked)}{_told(dropped)}")
    sources.sort(key=lambda table: derive("transfer", asked.seed, table.name))
    train, held_out, beside = _parted(sources, asked)
    dropped |= beside
    if not held_out:
        raise BadInput(
            f"transfer: no source table is left for '{asked.table.name}' to choose the step on"
            f"{_told(dropped)}"
        )
    domains = tuple(sorted({table.domain for table in (*train, *held_out)}))
    return Corpus(domains, tuple(train), tuple(held_out), dropped)


def _parted(sources: list[Table], asked: _Asked) -> tuple[list[Table], list[Table], dict[str, str]]:
    """Sources in order as those that are learned from, those that are held out, and the others.

    Fewer than asked are learned from where all others are of one origin with some of them.
    """
    n = min(max(LEAST - 1, round(asked.share * len(sources))), len(sources) - 1)
    while True:
        train, held_out, dropped = sources[:n], [], {}
        for source in sources[n:]:
            of = (why for table in train if (why := _relation(source, table, asked)))
            if why := next(of, None):
                dropped[source.name] = f"{why}, which is learned from"
            else:
                held_out.append(source)
        if held_out or n < LEAST:
            return train, held_out, dropped
        n -= 1


def _left(sources: list[Table], asked: _Asked) -> str:
    names = numbered([table.name for table in sources], TOLD)
    return (
        f"transfer: {counted(len(sources), 'source table')} of {asked.table.problem} "
        f"{'is' if len(sources) == 1 else 'are'} left for '{asked.table.name}'"
        f"{names and f' ({names})'}; expected {LEAST} or more, two to learn from and one to choose "
        "the step on"
    )


def _told(dropped: Mapping[str, str]) -> str:
    """The end of a sentence: what was dropped, and why."""
    told = [f"{name} was dropped, as {why}" for name, why in dropped.items()]
    return f"; {numbered(told, TOLD)}." if told else "."


def _candidates(asked: _Asked) -> Iterator[Table]:
    """The tables that are asked for, but those that are left out.

    Raises
    ------
    BadInput
        If the target is among them, or a table cannot be had or is of another problem.
    """
    problem = asked.table.problem
    listed = embedded.names(problem) if asked.tables is None else asked.tables
    names = [n for n in listed if not any(_is_same(n, out) for out in asked.leave_out)]
    for name in names:
        if any(_is_same(name, own) for own in asked.own):
            raise BadInput(
                f"The target '{asked.table.name}' is among its own source tables, as '{name}'; "
                f"transfer.leave_out=[{name}] leaves it out."
            )
    here = set(embedded.names())
    tables = {name: None if name in here else _fetched(name, asked) for name in names}
    domains = {n: embedded.card(n)["domain"] if t is None else t.domain for n, t in tables.items()}
    wanted = _wanted(asked, set(domains.values()))
    for name, table in tables.items():
        source = _embedded(name) if table is None else table
        if source.problem != problem:
            raise BadInput(
                f"transfer.tables names '{name}', a table of {source.problem}, and the target "
                f"'{asked.table.name}' is of {problem}; expected tables of the same problem."
            )
        if domains[name] in wanted:
            yield source


def _wanted(asked: _Asked, known: set[str]) -> set[str]:
    """The domains of the sources.

    Raises
    ------
    BadInput
        If no table is of one that is named.
    """
    if asked.domains is None:
        return known
    meant = {OTHERS: known - {asked.domain}, OWN: {asked.domain}, ACROSS: STUDIED - {asked.domain}}
    named = {name for domain in asked.domains for name in meant.get(domain, {domain})}
    for domain in sorted(named):
        if domain not in known:
            there = f" there are {joined(sorted(known), 'and')}." if known else " there is none."
            raise BadInput(
                f"transfer.domain names {shown(domain)}, of which there is no source table of "
                f"{asked.table.problem};{closest(domain, {*known, *meant}) or there}"
            )
    return named


def _relation(source: Table, other: Table, asked: _Asked) -> str | None:
    """Why a table is no source beside another, in a clause; None if it may be."""
    for group in ((source.name,), *asked.alike):
        if all(any(_is_same(t.name, name) for name in group) for t in (source, other)):
            return f"it is of one origin with {other.name}"
    n = _shared(source, other)
    return f"it shares {counted(n, 'row')} with {other.name}" if n else None


@lru_cache(maxsize=10_000)
def _shared(one: Table, other: Table) -> int:
    return shared(one, other)


def _is_same(name: str, other: str) -> bool:
    """Whether two names are one table's: `tabarena/credit-g` and `credit_g` are."""
    return _bare(name) == _bare(other)


def _bare(name: str) -> str:
    return name.rpartition("/")[2].casefold().replace("_", "-")


@cache
def _embedded(name: str) -> Table:
    return embedded.load(name)


def _fetched(name: str, asked: _Asked) -> Table:
    """A table that is not embedded, had as ``dataset=NAME`` has it.

    Raises
    ------
    BadInput
        If there is no such config, or its table cannot be had.
    """
    node = _dataset(name, asked.fetching)
    try:
        table: Table = called(check_target(node, "dataset"), "dataset")
    except BadInput as error:
        raise BadInput(f"transfer.tables, '{name}': {error}") from error
    check("dataset", table.name)
    check("domain", table.domain)
    return table


def _dataset(name: str, fetching: Mapping[str, Any]) -> dict[str, Any]:
    """The config that ``dataset=NAME`` stands for, which asks nobody where nobody may be asked.

    Raises
    ------
    BadInput
        If there is none.
    """
    check("dataset", name)
    if not NAME.fullmatch(name):  # Hydra would read more than a name in it
        raise BadInput(f"transfer.tables names {shown(name)}, and no dataset is called so.")
    try:
        with _hydra():
            cfg = _composed(name, str(GlobalHydra.instance().config_loader().get_search_path()))
        merged = OmegaConf.merge(cfg, dict(fetching) or {"offline": True})
        return dict(plain(merged.dataset))
    except MissingConfigException as error:
        meant = closest(name, [*(error.options or ()), *embedded.names()])
        told = f"transfer.tables names {shown(name)}, and no dataset is called so"
        raise BadInput(f"{told};{meant}" if meant else f"{told}.") from error
    except (HydraException, OmegaConfBaseException) as error:
        raise BadInput(f"transfer.tables, '{name}': {sentence(error)}") from error


@lru_cache(maxsize=1000)
def _composed(name: str, folders: str) -> DictConfig:
    """The config with ``dataset=NAME``, of the folders that Hydra looks into; a plan asks often."""
    return compose("config", [f"dataset='{name}'"])


@contextmanager
def _hydra() -> Iterator[None]:
    """Hydra, ready to compose: as the job in which we are, or with our configs alone."""
    if GlobalHydra.instance().is_initialized():
        yield
        return
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield
