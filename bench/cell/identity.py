"""What decides a cell's numbers, hashed; and the fingerprint of the code that makes them.

Light on purpose: whether a cell is already done is answered without importing torch.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from bench.cell.corpus import Corpus, corpus_of
from bench.cell.meaning import Code
from bench.cell.model import identity_of
from bench.cell.record import Record
from bench.cell.targets import by_role, modules
from bench.datasets.splits import protocol
from bench.files import digest, plain
from bench.finetune.settings import deciding, is_on
from bench.finetune.stopping import RULES
from bench.scores import RANKED, SCORES
from bench.table import Table, for_problem

if TYPE_CHECKING:
    from bench.models.base import Backbone

OURS = ("bench", "generators")  # project code wherever it is installed
PARTS = ("validation", "test")
ENTRY = "bench.cell.run"  # the module that computes a cell; all it imports belongs to its code


def identity(
    cfg: DictConfig, table: Table, load: Callable[[], Backbone] | None = None
) -> dict[str, Any]:
    """``{"hash": …, "parts": …}`` of a cell.

    The name of the method is no part: a generator and its mixing decide the numbers. Threads and
    device are in the record's provenance: they may change the last bits, not the experiment.
    ``load`` is as in `bench.cell.model.identity_of`.
    """
    method = plain(cfg.method)
    method["generator"] = for_problem(method["generator"], table.problem)
    parts = {
        "dataset": table.fingerprint(),
        "split": {**protocol(table), "index": int(cfg.fold)},
        "validation_share": float(cfg.validation_share),
        "model": identity_of(plain(cfg.model), load, table.problem),
        "method": {k: method[k] for k in ("finetune", "generator", "mixing")},
        "finetune": deciding(plain(cfg.finetune)) if cfg.method.finetune else None,
        "seed": int(cfg.seed),
    }
    if is_on(cfg.transfer):
        transfer = plain(cfg.transfer)
        told = learned_from(transfer, corpus_of(cfg, table))
        parts["transfer"] = {**told, "support": transfer["support"]}
    elif not cfg.method.finetune:
        del parts["seed"]
    return {"hash": digest(parts), "parts": parts}


def learned_from(transfer: Mapping[str, Any], corpus: Corpus) -> dict[str, Any]:
    """What of a plain ``transfer`` decides the weights, beside the model and the seed."""
    problem = corpus.train[0].problem
    method = transfer["method"]
    return {
        "train": [table.fingerprint() for table in corpus.train],
        "held_out": [table.fingerprint() for table in corpus.held_out],
        "method": {
            "generator": for_problem(method["generator"], problem),
            "mixing": method["mixing"],
        },
        "finetune": deciding(transfer["finetune"]),
    }


def targets(cfg: DictConfig) -> list[str]:
    """Modules of the classes and functions that the config names by ``_target_``, at any depth."""
    nodes = [cfg.dataset, cfg.model, cfg.method.generator]
    nodes += [cfg.transfer.method.generator] if is_on(cfg.transfer) else []
    return modules([plain(node) for node in nodes if node])


def code_fingerprint(named: Iterable[str]) -> str:
    """SHA-256 of what the code means that computing a cell runs; see `bench.cell.meaning`.

    Found from `bench.cell.run` and the modules given: another constant in a helper counts, another
    docstring, another file for it or an edit to the report does not. Installed libraries are
    recorded by their versions instead.
    """
    return _fingerprint(frozenset([ENTRY, *named]))


@cache
def _fingerprint(roots: frozenset[str]) -> str:
    return _code().fingerprint(roots)


@cache
def _code() -> Code:
    """The code as it was when it was first asked for: what a process has imported, it runs."""
    return Code(_project_file)


def _project_file(name: str) -> Path | None:
    """The source file of a module that is no installed library and no part of Python.

    Found by its path: asking the import system would import the module's parents, and torch with
    them.
    """
    top, *rest = name.split(".")
    root = _project_root(top)
    if root is None:
        return None
    place = root.joinpath(*rest)
    candidates = [place.with_suffix(".py") if rest else root.with_suffix(".py")]
    return next((f for f in [place / "__init__.py", *candidates] if f.is_file()), None)


def is_here(module: str) -> bool:
    """Whether there is code for it: a file of the project or the user's, or a library of its name.

    It is looked for by name; nothing is imported.
    """
    top = module.partition(".")[0]
    if _project_root(top) is None:
        return top in sys.stdlib_module_names or _spec(top) is not None
    while module and _project_file(module) is None:
        module = module.rpartition(".")[0]  # a class with a method that is named
    return bool(module)


@cache
def _project_root(package: str) -> Path | None:
    """Where a top-level package or module of the project lies, without its suffix."""
    if not package or package in sys.stdlib_module_names:
        return None
    spec = _spec(package)
    if spec is None:
        return None
    if spec.origin is not None:
        origin = Path(spec.origin)
        root = origin.parent if origin.name == "__init__.py" else origin.with_suffix("")
    elif spec.submodule_search_locations:  # a folder without __init__.py
        root = Path(next(iter(spec.submodule_search_locations)))
    else:
        return None
    installed = {"site-packages", "dist-packages"} & set(root.parts)
    return None if installed and package not in OURS else root


def _spec(package: str) -> ModuleSpec | None:
    if package == "__main__":  # whatever runs; no two processes mean the same by it
        return None
    try:
        return importlib.util.find_spec(package)  # without a dot: nothing is imported for it
    except ValueError:  # it is loaded, and has no spec
        return None


@cache
def score_fingerprints() -> dict[str, str]:
    """SHA-256 of what each score's definition means, by name."""
    return {name: _fingerprint(frozenset([f"bench.scores.{name}"])) for name in SCORES}


def is_made_otherwise(record: Record, code: str) -> bool:
    """Whether other code than this made the record, or by other scores than today's."""
    return record["provenance"]["code"] != code or _is_scored_otherwise(record)


def _is_scored_otherwise(record: Record) -> bool:
    """Whether a score that cannot be computed anew has another definition today.

    That is one with curves, one of a distribution, and any where no predictions were kept. One that
    is new, or gone, changes nothing of what a record holds, unless it chose the step.
    """
    today, told = score_fingerprints(), record["provenance"]["scores"]
    tuned = {name for part in PARTS for name in record["curves"].get(part, {})}
    adapted = record["transfer"]["curves"]["held_out"] if record["transfer"] else {}
    stopped = [record["settings"]] if tuned else []
    stopped += [record["settings"]["transfer"]] if adapted else []
    rules = [RULES.get(str(of["finetune"].get("select_by", RANKED))) for of in stopped]
    if any(rule is None or not today.keys() >= set(rule.reads) for rule in rules):
        return True
    drawn = {*tuned, *adapted}
    recorded = record["metrics"].get("chosen", {}).get("test", {})
    lasting = {n for n in recorded if getattr(SCORES.get(n), "of_distribution", False)}
    held = {*drawn, *(lasting if record["predictions"] else recorded)}
    return any(told.get(name) != today[name] for name in held & set(today))


def is_stale(record: Record) -> bool:
    """Whether a run would make the record anew: `is_made_otherwise`, by today's code.

    What it names is looked up by name alone: nothing is imported, and no text in it is resolved. A
    record that names a class that is not here is stale: nobody could make it here.
    """
    return bool(stale([record]))


def stale(records: list[Record]) -> list[Record]:
    """Those that are `is_stale`; each kind of cell is looked up once."""
    known: dict[str, str | None] = {}
    out = []
    for record in records:
        named = modules(list(by_role(record["settings"]).values()))
        kind = digest(named)
        if kind not in known:
            known[kind] = code_fingerprint(named) if all(map(is_here, named)) else None
        code = known[kind]
        if code is None or is_made_otherwise(record, code):
            out.append(record)
    return out


ASKED = ("server", "format")  # of OpenML's loader: how a table is asked for


# What a cell is made from; where its record goes and what else runs beside it is no part.
SETTINGS = (
    "dataset",
    "method",
    "model",
    "finetune",
    "fold",
    "seed",
    "validation_share",
    "threads",
    "device",
)


# How a table was had, not which one: the identity holds its fingerprint.
HOW = ("cache_dir", "offline", "timeout", "tries", "patience", "least_rate", "most_mb")
