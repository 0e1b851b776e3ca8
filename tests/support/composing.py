"""Hydra with the project's configs, in this process."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra._internal.config_repository import ConfigRepository
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult

from bench.cell.config import register
from bench.files import CONF


@contextmanager
def composing() -> Iterator[None]:
    """Within it, `hydra.compose` reads `conf/`."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def reading_once(patch: pytest.MonkeyPatch) -> None:
    """Have Hydra parse each YAML once in this process, and again where its file has changed.

    A config is composed of twenty, which takes a third of the time, and tests compose thousands.
    """
    load = ConfigRepository.load_config
    parsed: dict[tuple[object, ...], bytes] = {}

    def known(repository: ConfigRepository, config_path: str) -> ConfigResult | None:
        source = repository._find_object_source(config_path, ObjectType.CONFIG)
        if source is None or source.scheme() != "file":
            return load(repository, config_path)
        file = Path(source.path, source._normalize_file_name(config_path)).resolve()
        state = file.stat()
        key = (source.provider, file, config_path, state.st_ino, state.st_size, state.st_mtime_ns)
        if key not in parsed:
            parsed[key] = pickle.dumps(load(repository, config_path))
        return pickle.loads(parsed[key])  # a copy for each: composing changes it

    patch.setattr(ConfigRepository, "load_config", known)
