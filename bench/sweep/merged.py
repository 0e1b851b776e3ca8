"""Configs of a sweep's cells, put together of parts: each job and each method is composed once.

Hydra composes a config in a tenth of a second, which thousands of cells would add up to minutes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from bench.cell.checking import check_config
from bench.cell.known import with_told
from bench.sweep.entries import cells_of


class Cells:
    """The configs of any job's cells; those of the first job are composed, each by itself."""

    def __init__(self) -> None:
        self._first: tuple[DictConfig, list[tuple[str, DictConfig]]] | None = None

    def of(self, words: Sequence[str]) -> list[DictConfig]:
        """The config of each entry of ``methods``, as `cells_of` composes them of these words.

        Raises
        ------
        BadInput
            If a config cannot be composed, or a key is unknown.
        """
        cfg = compose("config", list(words))
        if not cfg.methods:
            check_config(cfg)
        found = [cell for _, cell in self._cells(cfg, words)]
        for cell in found:
            check_config(cell)
        return with_told(found)

    def _cells(self, cfg: DictConfig, words: Sequence[str]) -> Iterator[tuple[str, DictConfig]]:
        if self._first is not None and cfg.methods and cfg.methods == self._first[0].methods:
            base, entries = self._first
            merged = [(entry, _merged(cfg, base, cell)) for entry, cell in entries]
            if all(cell is not None for _, cell in merged):
                yield from ((entry, cell) for entry, cell in merged if cell is not None)
                return
        composed = list(cells_of(cfg, words, cfg.method.name))
        self._first = self._first or (cfg, composed)
        yield from composed


def _merged(cfg: DictConfig, base: DictConfig, cell: DictConfig) -> DictConfig | None:
    """What the cell adds to its base, put on another config; None where both change one key.

    Both stand side by side unresolved, so that a reference follows what it names afterwards.
    """
    ours, before, theirs = (_unresolved(node) for node in (cfg, base, cell))
    if not ours.keys() == before.keys() == theirs.keys():
        return None
    changed = [key for key in theirs if theirs[key] != before[key]]
    if any(ours[key] != before[key] for key in changed):
        return None
    out = cfg.copy()
    with read_write(out), open_dict(out):
        for key in changed:
            out._set_item_impl(key, cell._get_node(key))  # the node itself: `cell[key]` resolves
    return out


def _unresolved(node: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(node, resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}
