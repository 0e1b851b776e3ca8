"""What a saved model's ``manifest.json`` says of its folder, and whether the folder is like that.

It shows damage, not malice: who changes a file can change its hash. So what the files hold is
checked where they are read, too.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import TableError
from bench.files import Unsound, content, digest, opened, parse_json, shown, walk

NAME = "manifest.json"
FORMAT = 1  # another number where older code cannot read what newer code writes
MOST = 2**24  # bytes of the manifest
MOST_OF_A_FILE = 2**34
MOST_CHILDREN = 1000
BLOCK = 2**20  # bytes that are hashed at a time
A_FOLDER = "it is a folder"  # as `bench.files.walk` tells
ARRAYS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|U\d{1,5}|M8\[\w{1,3}\])")

Setting = bool | int | float | str | None


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class SavedFile(_Strict):
    """What a file was when it was saved."""

    size: Annotated[int, Field(ge=0, le=MOST_OF_A_FILE)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class SavedChild(_Strict):
    """Where a child's network lies (a folder; ``.`` is the model's own), and its context."""

    network: str
    context: str


class SavedLabels(_Strict):
    """The classes as the person wrote them, with numpy's name of their type."""

    dtype: str
    values: list[bool | int | float | str]

    @classmethod
    def of(cls, labels: np.ndarray) -> SavedLabels:
        """Classes in JSON.

        Raises
        ------
        TableError
            If they are neither text, numbers, truth values nor dates.
        """
        dtype = labels.dtype.str if labels.dtype != object else "object"
        values = labels.view(np.int64) if labels.dtype.kind == "M" else labels
        plain = [v.item() if isinstance(v, np.generic) else v for v in values.tolist()]
        known = dtype == "object" or ARRAYS.fullmatch(dtype)
        if other := [value for value in plain if type(value) not in (bool, int, float, str)]:
            raise TableError(
                f"The classes are of type {type(other[0]).__name__}, which cannot be saved; fit on "
                "a target of text or numbers."
            )
        if not known:
            raise TableError(f"The classes are of type {labels.dtype}, which cannot be saved.")
        return cls(dtype=dtype, values=plain)

    def array(self) -> np.ndarray:
        """The classes; `Unsound` if they are none."""
        if self.dtype != "object" and not ARRAYS.fullmatch(self.dtype):
            raise Unsound(f"its classes are of type {shown(self.dtype)}, which is never saved")
        try:
            if "M8" in self.dtype:
                return np.array(self.values, dtype=np.int64).view(self.dtype)
            return np.array(self.values, dtype=self.dtype)
        except (ValueError, TypeError, OverflowError) as error:
            raise Unsound(f"its classes are not of type {shown(self.dtype)}") from error


class Manifest(_Strict):
    """What the file holds.

    Attributes
    ----------
    format : int
        `FORMAT`.
    package : str
        The version that saved it.
    network : dict
        What the network's loader takes, but for where it lies and the device.
    model : dict
        The base model's config, for people: nothing is loaded by it.
    seed : list
        Named parts.
    labels : SavedLabels or None
    report : dict
        Of `bench.estimator.report.Report`.
    children : list of SavedChild
    files : dict of path to SavedFile
        Every other file of the folder.
    checksum : str
        SHA-256 of all other keys (`bench.files.digest`).
    """

    format: Literal[1]
    package: str
    network: dict[str, Setting]
    model: dict[str, Setting | dict[str, str]]
    seed: list[int | str]
    labels: SavedLabels | None
    report: dict[str, Any]
    children: Annotated[list[SavedChild], Field(min_length=1, max_length=MOST_CHILDREN)]
    files: dict[str, SavedFile]
    checksum: str


def sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with its format and checksum."""
    of_format = {"format": FORMAT, **manifest}
    return {**of_format, "checksum": digest(of_format)}


def read(folder: Path, version: str) -> Manifest:
    """The manifest of a folder.

    Parameters
    ----------
    folder : path
    version : str
        Of this package, to be told where another one is needed.

    Raises
    ------
    FileNotFoundError
        If there is none.
    Unsound
        If it is damaged, or of another format.
    """
    found = _parsed(folder)
    if not isinstance(found, dict) or not {"format", "checksum"} <= set(found):
        raise Unsound(f"its {NAME} is none of a saved model")
    if found["format"] != FORMAT:
        raise Unsound(
            f"it was saved in format {shown(found['format'])} by version "
            f"{shown(found.get('package'))}; this is version '{version}', which reads format "
            f"{FORMAT}: install the version that saved it"
        )
    if digest({k: v for k, v in found.items() if k != "checksum"}) != found["checksum"]:
        raise Unsound(f"its {NAME} does not match its checksum: it was edited or damaged")
    try:
        return Manifest.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise Unsound(f"its {NAME} is not as it is written: {key}: {first['msg']}") from error


def _parsed(folder: Path) -> Any:
    try:
        return parse_json(content(folder / NAME, MOST))
    except Unsound as error:
        raise Unsound(f"its {NAME} is not sound: {error}") from error


def names(folder: Path) -> list[str]:
    """Every file below the folder, by its path in it.

    Raises
    ------
    Unsound
        If there is a link, or a folder that cannot be read.
    """
    found = [(path, why) for path, why in walk(folder, "") if why != A_FOLDER]
    for path, why in found:
        if why:
            raise Unsound(f"its {path.name} is not sound: {why}")
    return [path.relative_to(folder).as_posix() for path, _ in found]


def saved_file(path: Path) -> SavedFile:
    """A file as it is: its size and SHA-256."""
    hashed, size = hashlib.sha256(), 0
    with opened(path) as file:
        while block := file.read(BLOCK):
            hashed.update(block)
            size += len(block)
    return SavedFile(size=size, sha256=hashed.hexdigest())


def check_files(folder: Path, manifest: Manifest) -> None:
    """Hold the folder's files to what they were when they were saved; hidden ones are let be.

    Raises
    ------
    Unsound
        If one is missing, too many, or another one.
    """
    found = [name for name in names(folder) if not Path(name).name.startswith(".")]
    if absent := sorted({*manifest.files} - {*found}):
        raise Unsound(f"it lacks {shown(absent[0])}")
    if others := sorted({*found} - {*manifest.files, NAME}):
        raise Unsound(f"it holds {shown(others[0])}, which is no part of it and goes elsewhere")
    for name, saved in manifest.files.items():
        try:
            fault = _fault(folder / name, saved)
        except Unsound as error:
            fault = f"is not sound: {error}"
        if fault:
            raise Unsound(f"its {shown(name)} {fault}")


def _fault(path: Path, saved: SavedFile) -> str | None:
    """What is wrong with a file, in a clause; None if it is the one that was saved."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size  # before what is large is hashed
    if size != saved.size:
        return f"has {size:,} bytes, not the {saved.size:,} that were saved"
    return None if saved_file(path) == saved else "was changed since it was saved"
