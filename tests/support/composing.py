"""Hydra with the project's configs, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hydra import initialize_config_dir

from bench.cell.config import register
from bench.files import CONF


@contextmanager
def composing() -> Iterator[None]:
    """Within it, `hydra.compose` reads `conf/`."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield
