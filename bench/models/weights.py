"""Finds a checkpoint's files and hashes them, without loading the model."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

NANO = Path(__file__).parent / "mitra_nano"
FILES = ("config.json", "model.safetensors")


class ModelError(ValueError):
    """A checkpoint that cannot be used; the message is one sentence for a person."""


def files(path: str | None) -> list[Path]:
    """``config.json`` and ``model.safetensors`` of a folder or hub id; None is mitra-nano.

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
        return [Path(hf_hub_download(repo_id=str(path), filename=name)) for name in FILES]
    except (OSError, ValueError) as error:  # every error of huggingface_hub derives from these
        raise ModelError(
            f"Checkpoint '{path}' is no folder here and could not be had from the hub "
            f"({type(error).__name__}); give a local folder with model=mitra_local "
            "model.path=FOLDER, or use model=mitra_nano."
        ) from error


@cache
def weights_hash(path: str | None) -> str:
    """SHA-256 over the checkpoint's files."""
    digest = hashlib.sha256()
    for file in files(path):
        with file.open("rb") as stream:
            while block := stream.read(2**20):  # Mitra's weights would be 300 MB at once
                digest.update(block)
    return digest.hexdigest()
