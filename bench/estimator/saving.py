"""A fitted model in a folder, and back: weights, context and schema; nothing is pickled or run.

Layout
------
manifest.json : what is in the folder (`bench.estimator.manifest.Manifest`)
schema.json : how the table's columns were read (`bench.datasets.own.schema.Schema`)
config.json, model.safetensors : the network, as its `Backbone.save` writes it: as AutoGluon's own
    `save_pretrained` does, so that its `from_pretrained` reads the folder
context.parquet : the rows that the model reads in context (`bench.estimator.context`)

Of several children each has ``children/<i>/`` with those three files, but for what an earlier child
has alike: the manifest says where each child's lie. The folder holds rows of the table that was
learnt from: who may not see those may not have it. No path of a machine stands in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hydra.utils import get_object

import bench
from bench.datasets.own.schema import Schema
from bench.errors import BadInput, ModelError, TableError, sentence
from bench.estimator import context, manifest
from bench.estimator.fitted import Child, Fitted
from bench.estimator.manifest import Manifest, SavedChild, SavedLabels
from bench.estimator.report import Report
from bench.estimator.whole_folder import writing_folder
from bench.files import CONF, Unsound, content, parse_json, shown, write_whole
from bench.models import loading
from bench.models.loading import TARGET
from bench.models.weights import FILES, state_hash
from bench.table import Table

if TYPE_CHECKING:
    from bench.models.base import Backbone

SCHEMA, CONTEXT = "schema.json", "context.parquet"
MOST_OF_SCHEMA, MOST_OF_CONTEXT = 2**26, 2**31  # bytes


def save(fitted: Fitted, folder: str | os.PathLike[str]) -> None:
    """Write a fitted model to a folder, whole or not at all; a model that lies there is replaced.

    What was written is read back before it takes its place.

    Parameters
    ----------
    fitted : Fitted
    folder : path
        It holds rows of the training table afterwards.

    Raises
    ------
    BadInput
        If something else lies there, or it cannot be written.
    ModelError
        If the model is of another class than Mitra's.
    TableError
        If there is text or a class that no file can keep.
    """
    place = check_folder(folder)
    described = _described(fitted)
    with _told(folder), writing_folder(place) as new:
        children, network = _written(fitted, new)
        _write_json(new / SCHEMA, fitted.schema.as_json())
        files = {name: manifest.saved_file(new / name).model_dump() for name in manifest.names(new)}
        told = {"children": [c.model_dump() for c in children], "network": network, "files": files}
        _write_json(new / manifest.NAME, manifest.sealed({**described, **told}))
        _read(new, "cpu")


def check_folder(folder: str | os.PathLike[str]) -> Path:
    """The place that a model may be saved to: nothing there, an empty folder or a saved model.

    Raises
    ------
    BadInput
        If something else lies there, which would be lost.
    """
    place = Path(os.path.abspath(Path(folder).expanduser()))
    what = f"No model can be saved to '{folder}'"
    if place.is_symlink():
        raise BadInput(f"{what}: it is a link; name the folder that it leads to.")
    if Path.cwd().resolve().is_relative_to(place.resolve()):
        raise BadInput(
            f"{what}: it is the folder you are in, or one above it, and would be replaced; name a "
            "folder within it."
        )
    if place.exists() and not place.is_dir():
        raise BadInput(f"{what}: it is a file; expected a folder, a new one or a saved model's.")
    try:
        found = manifest.names(place) if place.is_dir() else []
        known = {*manifest.read(place, bench.__version__).files, manifest.NAME} if found else set()
    except (Unsound, OSError) as error:
        raise BadInput(
            f"{what}: it is a folder with other things than a saved model; name another one."
        ) from error
    if others := sorted({*found} - known):
        raise BadInput(
            f"{what}: it holds {shown(others[0])} beside the model, which would be lost; move it "
            "elsewhere, or name another folder."
        )
    return place


def load(
    folder: str | os.PathLike[str], device: str = "auto", threads: int | None = None
) -> Fitted:
    """The fitted model that a folder holds; it predicts the same bits as the one that was saved.

    Parameters
    ----------
    folder : path
        As `save` wrote it.
    device : {"auto", "cpu", "cuda", …}
        ``auto`` takes a GPU where there is one.
    threads : int, optional
        Of predicting; None leaves them as they are.

    Raises
    ------
    ModelError
        If it holds no model, one of another version, one that was changed since it was saved, or
        the device is not here.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise ModelError(_nothing(place, folder))
    try:
        return replace(_read(place.resolve(), device), threads=threads)
    except FileNotFoundError as error:
        raise ModelError(_nothing(place, folder)) from error
    except ModelError:  # the network's loader names its file, or the device
        raise
    except (Unsound, OSError, BadInput) as error:
        reason = sentence(error).rstrip(".")
        raise ModelError(
            f"The model in '{folder}' cannot be used: {reason}; get the folder again, or fit anew."
        ) from error


def _nothing(place: Path, folder: str | os.PathLike[str]) -> str:
    """What to say where there is no manifest."""
    if not place.is_dir():
        what = f"'{folder}' is a file" if place.exists() else f"There is no saved model '{folder}'"
        return f"{what}; expected a folder that a fitted model was saved to."
    told = f"'{folder}' holds no saved model: it has no {manifest.NAME}."
    if all((place / name).is_file() for name in FILES):
        told = told[:-1] + "; a checkpoint is fine-tuned with model=mitra_local model.path=FOLDER."
    return told


# Writing


@contextmanager
def _told(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever keeps a model from being written, as a sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (TableError, ModelError):
        raise
    except (OSError, SafetensorError, Unsound) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise BadInput(
            f"The model cannot be saved to '{folder}' ({reason or sentence(error)}); nothing there "
            "was changed."
        ) from error


def _described(fitted: Fitted) -> dict[str, Any]:
    """What the manifest says of the fit."""
    labels = None if fitted.labels is None else SavedLabels.of(fitted.labels)
    return {
        "package": bench.__version__,
        "model": _portable(fitted.model),
        "seed": [part if isinstance(part, str) else int(part) for part in fitted.seed],
        "labels": labels and labels.model_dump(),
        "report": _portable_report(fitted.report),
    }


def _portable(model: Mapping[str, Any]) -> dict[str, Any]:
    """A base model's config as it may be read: of a folder's path the last name, no other's loader.

    A path of this machine is nobody else's; what no config of the project names isn't followed.
    """
    kept = {k: v for k, v in model.items() if k != TARGET or v in _loaders()}
    path = str(kept.get("path") or "")
    is_of_hub = path.count("/") == 1 and not Path(path).expanduser().exists()
    return kept if is_of_hub or not path else {**kept, "path": Path(path).name}


def _portable_report(report: Report) -> dict[str, Any]:
    told = report.as_json()
    settings = {**told["settings"], "cache_dir": None}
    return {**told, "settings": {**settings, "model": _portable(settings.get("model", {}))}}


def _written(fitted: Fitted, folder: Path) -> tuple[list[SavedChild], dict[str, Any]]:
    """Write the children's files, each only once; where they lie, and their loader's config."""
    children, config = [], {}
    networks: dict[str, str] = {}
    contexts: dict[str, str] = {}
    for i, child in enumerate(fitted.children):
        own = f"children/{i}" if len(fitted.children) > 1 else "."
        weights, rows = state_hash(child.module), child.context.fingerprint()
        if weights not in networks:
            networks[weights] = own
            config = fitted.backbone.save(child.module, folder / own)
        if rows not in contexts:
            contexts[rows] = (Path(own) / CONTEXT).as_posix()
            write_whole(folder / contexts[rows], context.encode(child.context))
        children.append(SavedChild(network=networks[weights], context=contexts[rows]))
    return children, config


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False)
    write_whole(path, (text + "\n").encode())


# Reading


def _read(place: Path, device: str) -> Fitted:
    """As `load`; what is wrong with a file is `Unsound`, and that it has no manifest not found."""
    told = manifest.read(place, bench.__version__)
    manifest.check_files(place, told)
    for config in (told.network, told.model, _asked_for(told.report)):
        if TARGET in config and str(config[TARGET]) not in _loaders():
            raise Unsound(f"it names {shown(config[TARGET])} as a loader, which no config does")
    for child in told.children:
        of_network = ((Path(child.network) / name).as_posix() for name in FILES)
        needed = {SCHEMA, child.context, *of_network}
        if absent := sorted(needed - {*told.files}):
            raise Unsound(f"a child of it needs {shown(absent[0])}, which it lacks")
    schema = Schema.of_json(parse_json(content(place / SCHEMA, MOST_OF_SCHEMA)))
    contexts = {name: _context(place / name, schema) for name in {c.context for c in told.children}}
    networks = {
        name: _network({**told.network, "path": str(place / name), "device": device}, schema)
        for name in {c.network for c in told.children}
    }
    return _fitted(told, schema, networks, contexts)


def _asked_for(report: Any) -> dict[str, Any]:
    """The model that a report says was asked for, and may be asked for again."""
    settings = report.get("settings")
    model = settings.get("model") if isinstance(settings, dict) else None
    return model if isinstance(model, dict) else {}


@cache
def _loaders() -> frozenset[str]:
    """What loads models, as the project's own configs name it: nothing else that is read is run."""
    configs = sorted((CONF / "model").glob("*.yaml"))
    return frozenset(str(yaml.safe_load(path.read_bytes())[TARGET]) for path in configs)


def _network(config: dict[str, Any], schema: Schema) -> Backbone:
    """The network of a config that was read back, if its loader takes it."""
    if TARGET not in config:
        raise Unsound("nothing says what loads its network")
    given = {k: v for k, v in loading.of_problem(config, schema.problem).items() if k != TARGET}
    try:
        signature(get_object(config[TARGET])).bind(**given)
    except TypeError as error:
        raise Unsound(f"its network's settings are not its loader's: {error}") from error
    return loading.load(config, schema.problem)


def _context(path: Path, schema: Schema) -> Table:
    try:
        return context.decode(content(path, MOST_OF_CONTEXT), schema)
    except Unsound as error:
        raise Unsound(f"its {path.name} is not sound: {error}") from error


def _fitted(
    told: Manifest,
    schema: Schema,
    networks: dict[str, Backbone],
    contexts: dict[str, Table],
) -> Fitted:
    labels = None if told.labels is None else told.labels.array()
    if labels is not None and len(labels) != len(schema.classes):
        raise Unsound(f"it has {len(labels)} classes, and {len(schema.classes)} in its {SCHEMA}")
    for network in networks.values():
        for rows in contexts.values():
            network.check(rows)
    return Fitted(
        backbone=networks[told.children[0].network],
        children=tuple(
            Child(networks[c.network].copy(), contexts[c.context]) for c in told.children
        ),
        schema=schema,
        labels=labels,
        report=Report.of_json(told.report),
        model={**told.model},
        seed=tuple(told.seed),
    )
