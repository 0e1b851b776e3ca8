"""Runs the cells of one Hydra job: one dataset, fold and seed with all its methods.

A job is a batch, so that the table is read, the model loaded and the libraries imported once.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from bench.cell import model
from bench.cell.checking import called, check_config, check_target, plain_node, reason_of
from bench.cell.config import Rerun
from bench.cell.known import require_taken, with_told
from bench.cell.record import Record
from bench.cell.scored import shown, steps_told
from bench.cell.store import Store
from bench.cell.targets import TOLD
from bench.errors import BadInput
from bench.files import printable
from bench.finetune.settings import Layers, all_steps
from bench.finetune.stopping import rule_for
from bench.names import check
from bench.process import end_with_parent, invoked
from bench.score import Score
from bench.scores import problem_of_score, scores_of
from bench.sweep.entries import cells_of
from bench.sweep.folders import writable
from bench.sweep.interrupt import stop_if_interrupted
from bench.sweep.output import steady
from bench.sweep.overrides.line import config_dir
from bench.sweep.overrides.words import literal, quoted

if TYPE_CHECKING:  # left to the process of a job: pandas alone takes a second to import
    from bench.generator import Generator
    from bench.models.base import Backbone
    from bench.table import Table


def job(cfg: DictConfig) -> int:
    """Run one batch; give the number of cells that failed.

    Raises
    ------
    BadInput
        In a single run, when the config or the table cannot be used; nothing is written then. In
        a sweep it is noted in the journal instead, so that the other jobs go on.
    """
    steady()
    end_with_parent()
    store = Store(writable(cfg.results_dir))
    try:
        if not cfg.methods:  # else each entry's config is checked, the job's own is none's
            check_config(cfg)
        hydra = HydraConfig.get()
        cells = list(cells_of(cfg, typed(), hydra.runtime.choices.method))
        for _, cell in cells:
            check_config(cell)
            cell.results_dir = literal(str(store.root))
        table = load_table(cfg)
        made = with_told([cell for _, cell in cells])
        if not _is_sweep():  # whose jobs may have one method each
            require_taken(made)
        named = [
            Cell.of(cell, entry, table, store) for cell, (entry, _) in zip(made, cells, strict=True)
        ]
        return _run_all(named, store).count("failed")
    except BadInput as reason:
        if not _is_sweep():
            raise
        again = _command(cfg.methods or [HydraConfig.get().runtime.choices.method])
        store.log(
            {
                "event": "bad_input",
                "cell": _label(cfg),
                "reason": str(reason),
                "again": again,
                "cells": len(cfg.methods or [None]),
            }
        )
        return 1


def load_table(cfg: DictConfig) -> Table:
    """The config's dataset; a config that is no dataset is `BadInput`."""
    table: Table = called(check_target(cfg.dataset, "dataset"), "dataset")
    check("dataset", table.name)
    check("domain", table.domain)
    return table


@dataclass(frozen=True)
class Cell:
    """One cell of a job, and where its record lies or will lie.

    Attributes
    ----------
    cfg : DictConfig
    entry : str
        What `cells_of` gives with the config.
    table : bench.table.Table
    names : dict
        What a record calls the cell.
    what : dict
        `bench.cell.identity.identity`.
    code : str
        `bench.cell.identity.code_fingerprint`.
    path : Path
    words : tuple of str
        What its config sets beside the words of the job.
    """

    cfg: DictConfig
    entry: str
    table: Table
    names: dict[str, Any]
    what: dict[str, Any]
    code: str
    path: Path
    words: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, cfg: DictConfig, entry: str, table: Table, store: Store, words: tuple[str, ...] = ()
    ) -> Self:
        """Put a config and its table together with what follows of both."""
        from bench.cell.identity import code_fingerprint, identity, targets

        names = {
            "dataset": table.name,
            "domain": table.domain,
            "method": cfg.method.name,
            "fold": int(cfg.fold),
            "seed": int(cfg.seed),
            "model": HydraConfig.get().runtime.choices.model,
        }
        cfg = _settled(cfg, table)
        what = identity(cfg, table)
        code = code_fingerprint(targets(cfg))
        return cls(cfg, entry, table, names, what, code, store.path(names, what["hash"]), words)

    def is_due(self, record: Record | None) -> bool:
        """Whether the cell runs, given its record."""
        return must_run(record, self.code, self.cfg.rerun)


def _settled(cfg: DictConfig, table: Table) -> DictConfig:
    """The config with its generator's settings as they stand for the table's problem."""
    from bench.table import for_problem

    cfg = cfg.copy()
    for method in (cfg.method, cfg.transfer.method):
        method.generator = for_problem(plain_node(method.generator), table.problem)
    return cfg


def _run_all(cells: list[Cell], store: Store) -> list[str | None]:
    """Run cells, those that another sweep is at last: then they are done, or free.

    What any of them cannot work with is found before the first is run.
    """
    for cell in cells:
        if cell.is_due(store.read(cell.path)):
            require(cell)
    ended = [_told(cell, store, wait=False) for cell in cells]
    return [
        status or _told(cell, store, wait=True) for cell, status in zip(cells, ended, strict=True)
    ]


def _told(cell: Cell, store: Store, wait: bool) -> str | None:
    """`run_cell`, announced unless a sweep is watched over; gives the status."""
    is_announced = not _is_sweep()
    ended = run_cell(cell, store, wait, is_announced)
    if ended is None:
        return None
    record, is_made = ended
    if is_announced:
        _announce(record, is_made, cell.path)
    return str(record["status"])


def run_cell(
    cell: Cell, store: Store, wait: bool = True, is_announced: bool = False
) -> tuple[Record, bool] | None:
    """Make one cell's record unless a good one is there; give it, and whether it was made now.

    None if another process is making the record, and we don't ``wait``. Where it ``is_announced``,
    a line says that it runs.
    """
    stop_if_interrupted()
    start = time.perf_counter()
    record, is_made = _record(cell, store, wait, is_announced)
    if record is None:
        return None
    record = _named_anew(record, cell, store)
    store.log(_event(cell, record, is_made, time.perf_counter() - start))
    return record, is_made


def _record(cell: Cell, store: Store, wait: bool, is_announced: bool) -> tuple[Record | None, bool]:
    """The cell's record, and whether it was made here and now; None as in `run_cell`."""
    before = store.read(cell.path)
    if not cell.is_due(before):
        return before, False
    backbone = _backbone(cell)
    with store.lock(cell.names, cell.what["hash"], wait) as ours:
        if not ours:
            return None, False
        now = store.read(cell.path)
        if now != before and not cell.is_due(now):
            return now, False  # another sweep has just made it
        if is_announced:
            print(f"{_named(cell.names)}: running …", flush=True)
        from bench.cell import run as way  # torch: only where there is something to compute
        from bench.cell.corpus import given
        from bench.cell.identity import score_fingerprints

        made = way.run(
            cell.cfg,
            cell.names,
            cell.table,
            backbone,
            cell.what,
            cell.code,
            score_fingerprints(),
            given(cell.cfg, cell.table),
        )
        store.write(made)
        return made, True


def _event(cell: Cell, record: Record, is_made: bool, seconds: float) -> dict[str, Any]:
    """What the journal keeps of a cell that has ended."""
    return {
        "event": "cell",
        "cell": " ".join(str(cell.names[k]) for k in ("dataset", "fold", "method")),
        "status": record["status"],
        "made": is_made,
        "seconds": seconds,
        "error": record["error"] and record["error"]["message"],
        "again": _command([cell.entry], cell.words),
        # For the time that the others take.
        "job": HydraConfig.get().job.num if _is_sweep() else None,
        "entry": cell.entry,
        "method": cell.names["method"],
        "dataset": cell.names["dataset"],
        "size": [
            len(cell.table),
            int(cell.table.n_features),
            all_steps(cell.cfg.finetune) if cell.cfg.method.finetune else 0,
        ],
    }


def _named_anew(record: Record, cell: Cell, store: Store) -> Record:
    """The record with the domain that was given last: it decides no number, so none is made."""
    domain = cell.names["domain"]
    if record["cell"]["domain"] == domain:
        return record
    settings = {**record["settings"]}
    if "domain" in settings["dataset"]:
        settings["dataset"] = {**settings["dataset"], "domain": domain}
    renamed = {**record, "cell": {**record["cell"], "domain": domain}, "settings": settings}
    del renamed["checksum"]
    store.write(renamed)
    return renamed


def _named(cell: dict[str, Any]) -> str:
    return f"{cell['dataset']} fold {cell['fold']} {cell['method']}"


def _announce(record: Record, is_made: bool, path: Path) -> None:
    """What a single run came to, in the terminal."""
    print(f"{_named(record['cell'])}: {record['status']}", end="")
    print("" if is_made else " before; rerun=all makes it anew")
    if record["error"]:
        print(f"  {printable(record['error']['message'] or record['error']['type'])}")
    drawn = [s for s in scores_of(problem_of_score(record["metric"]["name"])) if s.drawn]
    for when, scores in record["metrics"].items():
        parts = "  ".join(_scores(part, scores[part], drawn) for part in ("validation", "test"))
        print(f"  {when:10} {f'({steps_told(record, when)}):':10} {parts}")
    for note in record["data"].get("notes", []):
        print(f"  note: {printable(note)}")
    print(f"  {path}")


def _scores(part: str, scores: dict[str, float | None], drawn: list[Score]) -> str:
    known = [score for score in drawn if score.name in scores]
    values = (f"{score.title} {shown(score.name, scores[score.name]):^6}" for score in known)
    return " ".join([part, *values])


def must_run(record: Record | None, code: str, rerun: Rerun) -> bool:
    """Whether a cell runs, given its record, today's code and the rule of re-runs."""
    if record is None or rerun == Rerun.all:
        return True
    if rerun == Rerun.none:
        return False
    from bench.cell.identity import is_made_otherwise

    stale = is_made_otherwise(record, code)
    return record["status"] == "failed" or (stale and rerun == Rerun.needed)


def require(cell: Cell) -> None:
    """Refuse what cannot work with its table, before anything is computed or written.

    Raises
    ------
    BadInput
    """
    from bench.cell import corpus as sources
    from bench.datasets import bags
    from bench.generator import NotApplicable

    cfg, table, backbone = cell.cfg, cell.table, _backbone(cell)
    generator = serving(cfg, table, backbone)
    if (corpus := sources.given(cfg, table)) is not None:
        rule_for(str(cfg.transfer.finetune.select_by.value), table.problem)
        sources.require(corpus, backbone)
        _made(cfg.transfer.method.generator, "transfer.method.generator")
    n_pieces = cfg.finetune.bag if cfg.method.finetune else 1
    bags.require(table, cfg.fold, cfg.validation_share, n_pieces)
    if generator is not None and any(key in cfg.method.generator for key in TOLD):
        with suppress(NotApplicable):  # which the cell's record says
            generator.check(table)


def serving(cfg: DictConfig, table: Table, backbone: Backbone) -> Generator | None:
    """The method's generator, if it has one, where model, stopping rule and settings serve a table.

    Raises
    ------
    BadInput
        If they don't.
    """
    backbone.check(table)
    if cfg.method.finetune:
        rule_for(str(cfg.finetune.select_by.value), table.problem)
    if cfg.method.finetune and cfg.finetune.trained == Layers.last_layer:
        backbone.last_layer(backbone.module)
    return _made(cfg.method.generator, "method.generator")


def _made(node: DictConfig | None, key: str) -> Generator | None:
    """The generator of a node, if there is one."""
    if node is None:
        return None
    check_target(node, key)
    try:
        generator: Generator = instantiate(node)
    except InstantiationException as error:
        raise BadInput(reason_of(error, "generator")) from error
    return generator


def _backbone(cell: Cell) -> Backbone:
    loaded = model.backbone(plain_node(cell.cfg.model), cell.table.problem)
    model.require(loaded, cell.what)
    return loaded


def _is_sweep() -> bool:
    return HydraConfig.get().mode.name == "MULTIRUN"


def typed() -> list[str]:
    """The overrides of this job, as Hydra was given them: no reference in them is resolved."""
    task = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return [str(override) for override in cast(list[str], task)]


def _command(entries: Iterable[str], words: Iterable[str] = ()) -> str:
    """The command that runs just the cells of these entries again."""
    more = list(words)
    said = {"method", "methods", *(word.partition("=")[0] for word in more)}
    kept = [o for o in typed() if o.partition("=")[0] not in said] + more
    folder = config_dir(HydraConfig.get().runtime.config_sources)
    # Hydra's quotes; the shell's come on top.
    methods = ",".join(map(quoted, entries))
    return shlex.join([*invoked().split(), "run", *folder, *kept, f"methods=[{methods}]"])


def _label(cfg: DictConfig) -> str:
    return f"{HydraConfig.get().runtime.choices.dataset} {cfg.fold}"
