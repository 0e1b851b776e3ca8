"""Finds a checkpoint's files and hashes them, or the weights of a model that has none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bench.errors import ModelError
from bench.models.lock import Pin, moves, pin_of, place, settle
from bench.process import invoked
from bench.table import Problem
from bench.waiting import TooSlow, while_it_arrives

if TYPE_CHECKING:
    from torch import nn

Load = TypeVar("Load", bound=Callable[..., Any])

NANO = Path(__file__).parent / "mitra_nano"
CARRIED: dict[Problem, Path] = {  # with the repository
    "classification": NANO,
    "regression": NANO.with_name("mitra_nano_regressor"),
}
FILES = ("config.json", "model.safetensors")
MOST = 2**34  # bytes of one of them: Mitra's have 300 million
GRACE = 60.0  # seconds in which the hub may begin to send
LEAST_RATE = 10_000.0  # bytes a second that it must send from then on, on the whole


def files(
    path: str | None,
    revision: str | None = None,
    offline: bool = False,
    problem: Problem = "classification",
) -> list[Path]:
    """``config.json`` and ``model.safetensors`` of a folder or hub id; None is mitra-nano.

    Parameters
    ----------
    path : str or None
    revision : str, optional
        The hub's commit, or a branch: that is whatever it held when it was first fetched
        (`bench.models.lock`), ``main`` where none is named.
    offline : bool
        Take from the hub's cache on this machine only.
    problem : {"classification", "regression"}
        Which mitra-nano.

    Raises
    ------
    ModelError
        If one is missing, or the hub is out of reach.
    """
    folder = Path(path).expanduser() if path else CARRIED[problem]
    if folder.is_dir():
        absent = [name for name in FILES if not (folder / name).is_file()]
        if absent:
            raise ModelError(f"Checkpoint folder '{folder}' lacks {' and '.join(absent)}.")
        for name in FILES:
            if (folder / name).stat().st_size > MOST:
                raise ModelError(f"'{folder / name}' has more than {MOST:,} bytes; no model has.")
        return [folder / name for name in FILES]
    pin = pin_of(path, revision)
    commit = pin.commit if pin else revision
    found: list[Path] = []
    try:
        for name in FILES:
            found.append(_of_hub(str(path), name, commit, offline))
            commit = found[0].parent.name  # a branch may be moved between two files
        return found
    # Every error of huggingface_hub derives from the first two.
    except (OSError, ValueError, TooSlow) as error:
        where = "is not in the hub's cache here" if offline else "could not be had from the hub"
        why = f"only {error}" if isinstance(error, TooSlow) else type(error).__name__
        raise ModelError(
            f"Checkpoint '{path}' is no folder and {where} ({why}); get it with "
            f"`{invoked()} fetch` and the same words where there is a network, give a local folder "
            "with model=mitra_local model.path=FOLDER, or use model=mitra_nano."
        ) from None


def _of_hub(repo: str, name: str, revision: str | None, offline: bool) -> Path:
    """A file of a repository; what drips is not waited for, which the client would."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # its retries are no news; how it ends is
    folder = Path(constants.HF_HUB_CACHE, repo_folder_name(repo_id=repo, repo_type="model"))
    before, most = _incomplete(folder), 0

    def received() -> int:
        nonlocal most  # a file that is whole is no incomplete one any more
        most = max(most, _incomplete(folder) - before)
        return most

    def download() -> str:
        return hf_hub_download(
            repo_id=repo, filename=name, revision=revision, local_files_only=offline
        )

    return Path(while_it_arrives(download, received, GRACE, LEAST_RATE))


def _incomplete(folder: Path) -> int:
    """Bytes of the files that are on their way."""
    total = 0
    for path in folder.glob("blobs/*.incomplete"):
        with suppress(FileNotFoundError):  # it has just become whole
            total += path.stat().st_size
    return total


def check(found: list[Path], sha256: Mapping[str, str]) -> None:
    """Hold a checkpoint's files to the SHA-256 that its config pins.

    Raises
    ------
    ModelError
        If one differs.
    """
    _hold(found, sha256, "the model's config pins by its SHA-256")


def lock_branch(found: list[Path], path: str | None, revision: str | None = None) -> Pin | None:
    """Hold the files of a hub's branch to what they were at first; the first time, lock them.

    Parameters
    ----------
    found : list of path
        From `files`, of the same path and revision.

    Returns
    -------
    Pin or None
        Their commit and hashes; None if they are of a folder, or of a commit that is named.

    Raises
    ------
    ModelError
        If one differs, or the lock file cannot be used.
    """
    if path is None or not moves(path, revision):
        return None
    pin = pin_of(path, revision)
    if pin is None:
        pin = Pin(found[0].parent.name, {file.name: files_hash([file]) for file in found})
        settle(path, revision, pin)
    else:
        _hold(found, pin.sha256, f"was first fetched of '{path}', as {place()} says")
    return pin


def _hold(found: list[Path], sha256: Mapping[str, str], which: str) -> None:
    for file in found:
        pinned = sha256.get(file.name)
        if pinned and files_hash([file]) != pinned:
            raise ModelError(
                f"{file} is not the file that {which}: it is damaged, or of another model; "
                f"delete it and run `{invoked()} fetch` again."
            )


def reads(found: Callable[..., list[Path]]) -> Callable[[Load], Load]:
    """Mark a loader whose weights are told by files: which model it gives is then known unloaded.

    Parameters
    ----------
    found : callable
        Gives the files that the loader reads, from those of its settings that it names (as `files`
        does); whatever decides which model is loaded must be in them or in the settings.
    """

    def mark(load: Load) -> Load:
        load.reads = found  # type: ignore[attr-defined]
        return load

    return mark


def files_hash(found: Iterable[Path]) -> str:
    """SHA-256 over the bytes of files: what a loader that `reads` them calls its weights."""
    digest = hashlib.sha256()
    for file in found:
        with file.open("rb") as stream:
            while block := stream.read(2**20):  # Mitra's weights would be 300 MB at once
                digest.update(block)
    return digest.hexdigest()


def state_hash(module: nn.Module) -> str:
    """SHA-256 over what a module's ``state_dict`` holds: names, types, shapes and values.

    Raises
    ------
    ModelError
        If there is something else in it than tensors.
    """
    import torch

    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise ModelError(
                f"The model's state holds '{name}', which is a {type(value).__name__}; only "
                "tensors can be told by a hash."
            )
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        values = value.detach().cpu().contiguous().flatten()
        digest.update(values.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
