"""Fetches an OpenML task with the real client, verifies it, and keeps it as parquet and a card.

The client works in a folder of its own that is thrown away after: its caches cannot be poisoned,
raced for, or read truncated, because none outlives the fetch that filled it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from bench.datasets.openml.gate import Gate
from bench.datasets.openml.task import CARD, FOLDS, ROWS, VERSION, Task, check_expected, hashes
from bench.datasets.own.as_text import text_of
from bench.datasets.own.kinds import features_of
from bench.datasets.own.labels import natural_order
from bench.datasets.own.written_numbers import Convention
from bench.errors import TableError
from bench.files import write_whole
from bench.phrases import counted
from bench.table import Problem


def fetch(wanted: Task, folder: Path) -> None:
    """Ask the server for a task and leave its verified copy in a folder, whole or not at all.

    Raises
    ------
    TableError
        If it cannot be had, or what came is not the task that was described.
    """
    with _client(wanted, folder.parent) as place:
        task, dataset, frame = _ask(wanted, place)
        card, content, folds = _verified(wanted, task, dataset, frame)
        card["source"]["format"] = "parquet" if dataset.parquet_file else "arff"
    card["sha256"] = hashes(card, content, folds)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write_whole(half / ROWS, content)
        write_whole(half / FOLDS, folds)
        write_whole(half / CARD, (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode())
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


@contextmanager
def _client(wanted: Task, near: Path) -> Iterator[Path]:
    """The client, pointed to the server, with a passing cache and our gate in its way."""
    place = Path(tempfile.mkdtemp(prefix=".client-", dir=near))
    # Importing the client makes folders for its settings and its cache: here, not at home.
    environment = {
        "OPENML_CACHE_DIR": str(place),
        "XDG_CONFIG_HOME": str(place),
        "OPENML_SKIP_PARQUET": str(wanted.asking.format == "arff").lower(),
    }
    try:
        with patch.dict(os.environ, environment):
            import openml

            with (
                patch.object(openml.config, "server", wanted.asking.server),
                patch.object(openml.config, "apikey", ""),
                patch.object(openml.config, "_root_cache_directory", place),
                Gate(wanted).instead(),
                warnings.catch_warnings(),
                _silent(),
            ):
                warnings.simplefilter("ignore")
                yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the client's log quiet: what is amiss is told by our errors, and once."""
    import logging

    logger = logging.getLogger("openml")
    root = logging.getLogger()
    level, of_root = logger.level, root.level
    logger.setLevel(logging.CRITICAL)
    root.setLevel(logging.CRITICAL)  # openml._api_calls logs to the root
    try:
        yield
    finally:
        logger.setLevel(level)
        root.setLevel(of_root)


def _ask(wanted: Task, place: Path) -> tuple[Any, Any, pd.DataFrame]:
    """The client's task, dataset and frame."""
    import openml

    try:
        task = openml.tasks.get_task(wanted.task_id, download_features_meta_data=True)
        if task.task_type_id not in _problems():
            raise TableError(
                f"Dataset '{wanted.name}': OpenML's task {wanted.task_id} is a "
                f"{task.task_type.lower()}; only supervised classification and regression can be "
                "run."
            )
        dataset = openml.datasets.get_dataset(
            task.dataset_id,
            download_data=True,
            download_features_meta_data=True,
            download_qualities=True,
        )
        frame, *_ = dataset.get_data()
        task.split = task.download_split()
    except (TableError, MemoryError, KeyboardInterrupt):
        raise
    except OSError as error:
        raise TableError(
            f"Dataset '{wanted.name}': {place.parent} cannot be written "
            f"({error.strerror or error}); make room, or name another folder with "
            "openml.cache_dir=FOLDER."
        ) from error
    # Broad on purpose: the client's parsers of XML, ARFF and parquet meet what a server sent, and
    # share no class of errors. It is told by its name, and ends the fetch of this table alone.
    except Exception as error:
        reason = f"{type(error).__name__} {' '.join(str(error).split())[:200]}".strip()
        raise TableError(
            f"Dataset '{wanted.name}': what OpenML sent for task {wanted.task_id} cannot be read "
            f"({reason}); try again later."
        ) from None
    if hasattr(frame, "sparse"):
        frame = frame.sparse.to_dense()
    return task, dataset, frame


def _problems() -> dict[Any, Problem]:
    """The kinds of task that can be run, and what each asks for."""
    from openml.tasks import TaskType

    return {
        TaskType.SUPERVISED_CLASSIFICATION: "classification",
        TaskType.SUPERVISED_REGRESSION: "regression",
    }


def _verified(
    wanted: Task, task: Any, dataset: Any, frame: pd.DataFrame
) -> tuple[dict[str, Any], bytes, bytes]:
    """Card, rows and folds of what came, if it is whole and is what was described."""
    described = {feature.name: feature for feature in dataset.features.values()}
    frame = frame.reset_index(drop=True)
    frame.columns = [str(column) for column in frame.columns]
    target = str(task.target_name)
    _check_shape(wanted, dataset, described, frame, target)
    folds = _folds(wanted, task, len(frame))
    problem = _problems()[task.task_type_id]
    counts = {
        "rows": len(frame),
        "features": frame.shape[1] - 1,
        "classes": int(frame[target].nunique()) if problem == "classification" else 0,
        "repeats": len(folds),
        "folds": int(folds.max()) + 1,
    }
    check_expected(counts, wanted)
    notes = _differences(wanted, described, frame)
    frame = pd.DataFrame({c: _plain(frame[c], described[c], wanted) for c in frame.columns})
    known = frame[target].notna().to_numpy()
    if not known.all():
        dropped = counted(int((~known).sum()), "row")
        notes.append(f"Dataset '{wanted.name}': {dropped} without a value of '{target}' left out.")
    frame, folds = frame[known].reset_index(drop=True), folds[:, known]
    if problem == "classification":
        values = text_of(frame[target], wanted.name, target)
        classes = sorted(set(values), key=natural_order)
    else:
        values, classes = _numbers(wanted, frame[target]), []
    # Text that OpenML calls a string is a category here: there is no third kind of column.
    categorical = {str(c) for c in frame if described[str(c)].data_type in ("nominal", "string")}
    features = features_of(
        frame.drop(columns=target), frozenset(categorical - {target}), Convention("."), wanted.name
    )
    card = {
        "version": VERSION,
        "target": target,
        "classes": classes,
        "columns": [
            {"name": c, "kind": kind}
            | ({"levels": list(features.X[c].cat.categories)} if kind == "categorical" else {})
            for c, kind in features.kinds.items()
        ],
        "counts": counts | {"classes": len(classes), "folds": int(folds.max()) + 1},
        "notes": [*notes, *features.notes],
        "source": _source(wanted, dataset),
    }
    levels = {c: object for c, kind in features.kinds.items() if kind == "categorical"}
    content = features.X.astype(levels)
    by_repeat = pd.DataFrame(folds.T, columns=[str(i) for i in range(len(folds))])
    return card, _parquet(content.assign(**{target: values})), _parquet(by_repeat)


def _numbers(wanted: Task, target: pd.Series) -> pd.Series:
    """A numeric target, of which every value is known and finite."""
    if target.dtype != np.float64:
        raise TableError(
            f"Dataset '{wanted.name}': OpenML's task {wanted.task_id} is a regression, but its "
            f"target '{target.name}' is no number."
        )
    infinite = int(np.isinf(target).sum())
    if infinite:
        raise TableError(
            f"Dataset '{wanted.name}': the numeric target '{target.name}' is infinite in "
            f"{infinite} of {len(target)} rows."
        )
    return target


def _source(wanted: Task, dataset: Any) -> dict[str, Any]:
    """Where a table comes from, as its card tells it."""
    return {
        "server": wanted.asking.server,
        "task_id": wanted.task_id,
        "data_id": int(dataset.dataset_id),
        "name": str(dataset.name),
        "data_version": dataset.version,
        "licence": dataset.licence,
        "md5_of_arff": dataset.md5_checksum,
        "client": f"openml {version('openml')}",
    }


def _check_shape(
    wanted: Task, dataset: Any, described: dict[str, Any], frame: pd.DataFrame, target: str
) -> None:
    """Refuse a table that lacks rows or columns, or has others than OpenML describes."""
    stated = (dataset.qualities or {}).get("NumberOfInstances")
    if stated is not None and not np.isnan(stated) and int(stated) != len(frame):
        raise TableError(
            f"Dataset '{wanted.name}': {len(frame)} rows came, OpenML states {int(stated)}; "
            "the table is incomplete, try again."
        )
    strange = [c for c in frame.columns if c not in described]
    if strange:
        raise TableError(
            f"Dataset '{wanted.name}': column '{strange[0]}' came, which OpenML does not describe; "
            "openml.format=arff asks for the other file."
        )
    left_out = {*_names(dataset.ignore_attribute), *_names(dataset.row_id_attribute)}
    absent = [c for c in described if c not in frame.columns and c not in left_out]
    if absent:
        raise TableError(
            f"Dataset '{wanted.name}': column '{absent[0]}' did not come; openml.format=arff asks "
            "for the other file."
        )
    if frame.columns.has_duplicates:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise TableError(f"Dataset '{wanted.name}': column '{twice}' came twice.")
    if target not in frame.columns:
        raise TableError(f"Dataset '{wanted.name}': its target '{target}' did not come.")


def _names(attribute: str | list[str] | None) -> list[str]:
    """The columns that a description names, be it none, one or several."""
    return [attribute] if isinstance(attribute, str) else list(attribute or [])


def _folds(wanted: Task, task: Any, n_rows: int) -> np.ndarray:
    """The fold in which each row is tested, shape (n_repeats, n_rows), int8; −1 for never.

    A truncated file of splits parses as smaller splits (openml 0.15.1 takes them): each one must
    hold every row once, and there must be as many as the task says.
    """
    repeats = task.split.split
    where = f"Dataset '{wanted.name}': the splits that OpenML sent"
    stated = [task.estimation_parameters.get(f"number_{what}") for what in ("repeats", "folds")]
    found = [len(repeats), len(repeats[0])] if 0 in repeats else [0, 0]
    for what, count, said in zip(("repeats", "folds"), found, stated, strict=True):
        if said and int(said) != count:
            raise TableError(f"{where} have {count} {what}, its task says {said}; try again.")
    folds = np.full((len(repeats), n_rows), -1, dtype=np.int8)
    for repeat, by_fold in repeats.items():
        for fold, by_sample in by_fold.items():
            train, test = by_sample[0]
            held = np.bincount(np.concatenate([train, test]), minlength=n_rows)
            if len(held) != n_rows or (held != 1).any():
                raise TableError(
                    f"{where} do not hold every row once (repeat {repeat}, fold {fold}): "
                    "they are incomplete, try again."
                )
            if (folds[repeat, test] != -1).any():
                raise TableError(f"{where} test a row twice in repeat {repeat}.")
            folds[repeat, test] = fold
    return folds


def _differences(wanted: Task, described: dict[str, Any], frame: pd.DataFrame) -> list[str]:
    """Sentences on columns whose missing values are not those that OpenML counts."""
    notes = []
    for column in frame.columns:
        stated, came = described[column].number_missing_values, int(frame[column].isna().sum())
        if stated != came:
            notes.append(
                f"Dataset '{wanted.name}', column '{column}': {came} values are missing, "
                f"OpenML states {stated}."
            )
    return notes


def _plain(values: pd.Series, feature: Any, wanted: Task) -> pd.Series:
    """A column as it would come in either format: levels as the metadata write them, no order.

    The client makes ordered categories of ARFF's nominal columns, booleans of {true, false}, and
    numbers of some parquet levels.
    """
    if feature.data_type == "numeric":
        return values.astype(np.float64)
    if feature.data_type != "nominal":
        return values.astype(object).where(values.notna(), np.nan)
    text = text_of(values.astype(object), wanted.name, feature.name)
    exact = {str(level) for level in feature.nominal_values}
    known = {level.casefold(): level for level in exact}
    for level in exact:  # 1 and 1.0 are one level, written twice
        if natural_order(level)[0] == 0:
            known.setdefault(f"{float(level):g}", level)

    def canonical(level: str) -> str:
        if level in exact:
            return level
        number = natural_order(level)
        shown = f"{number[1]:g}" if number[0] == 0 else level.casefold()
        return known.get(shown, known.get(level.casefold(), level))

    return text.map(canonical, na_action="ignore")


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
