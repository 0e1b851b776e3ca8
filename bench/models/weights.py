"""Finds a checkpoint's files and hashes them, without loading the model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bench.errors import BadInput

NANO = Path(__file__).parent / "mitra_nano"
FILES = ("config.json", "model.safetensors")


class ModelError(BadInput):
    """A checkpoint that cannot be used; the message is one sentence for a person."""


def files(path: str | None, revision: str | None = None, offline: bool = False) -> list[Path]:
    """``config.json`` and ``model.safetensors`` of a folder or hub id; None is mitra-nano.

    Parameters
    ----------
    path : str or None
    revision : str, optional
        The hub's commit; a hub id without one is whatever its main branch holds today.
    offline : bool
        Take from the hub's cache on this machine only.

    Raises
    ------
    ModelError
        If one is missing, or the hub is out of reach.
    """
    folder = Path(path) if path else NANO
    if folder.is_dir():
        absent = [name for name in FILES if not (folder / name).is_file()]
        if absent:
            raise ModelError(f"Checkpoint folder '{folder}' lacks {' and '.join(absent)}.")
        return [folder / name for name in FILES]
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # its retries are no news; how it ends is
    try:
        return [
            Path(
                hf_hub_download(
                    repo_id=str(path), filename=name, revision=revision, local_files_only=offline
                )
            )
            for name in FILES
        ]
    except (OSError, ValueError) as error:  # every error of huggingface_hub derives from these
        where = "is not in the hub's cache here" if offline else "could not be had from the hub"
        raise ModelError(
            f"Checkpoint '{path}' is no folder and {where} ({type(error).__name__}); get it with "
            "`python -m bench fetch model=mitra` where there is a network, give a local folder "
            "with model=mitra_local model.path=FOLDER, or use model=mitra_nano."
        ) from None


def check(found: list[Path], sha256: Mapping[str, str]) -> None:
    """Hold a checkpoint's files to the SHA-256 that its config pins.

    Raises
    ------
    ModelError
        If one differs.
    """
    for file in found:
        pinned = sha256.get(file.name)
        if pinned and _digest([file]) != pinned:
            raise ModelError(
                f"{file} is not the file that the model's config pins by its SHA-256: it is "
                "damaged, or of another model; delete it and run `python -m bench fetch` again."
            )


@cache
def weights_hash(path: str | None, revision: str | None = None, offline: bool = False) -> str:
    """SHA-256 over the checkpoint's files."""
    return _digest(files(path, revision, offline))


def _digest(found: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in found:
        with file.open("rb") as stream:
            while block := stream.read(2**20):  # Mitra's weights would be 300 MB at once
                digest.update(block)
    return digest.hexdigest()
