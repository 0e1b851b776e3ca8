"""Sources of rows by name: the generators of ``conf/method``, with parameters if wanted.

A source is written ``NAME`` or ``NAME:key=value;key=value``, the values in YAML:
``noise:scale=0.3`` or ``scm:target=sink;discovery.level=0.05``. A method is a source, ``real``, or
``real+SOURCE``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from bench.errors import BadInput
from bench.files import CONF
from bench.generator import Generator, InContextGenerator, TaskGenerator
from bench.table import Table

TARGET = "_target_"


class IndependentColumns(Generator):
    """Each column, the target too, permuted by itself: perfect marginals, no dependence."""

    problems = ("classification", "regression")

    def fit(self, table: Table, rng: np.random.Generator) -> IndependentColumns:
        """Keep the table."""
        self.table_ = table
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        """Draw every column's values without replacement as far as they reach."""
        columns = {
            name: column.iloc[self._positions(n, rng)].reset_index(drop=True)
            for name, column in self.table_.X.items()
        }
        X = pd.DataFrame(columns, index=range(n))
        return self.table_.with_rows(X, self.table_.y[self._positions(n, rng)])

    def _positions(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.resize(rng.permutation(len(self.table_)), n)


OWN = {"independent": {TARGET: f"{__name__}.{IndependentColumns.__name__}"}}


def names() -> list[str]:
    """What is known: the methods whose own file names a generator, and `independent`.

    Whether each draws rows from a table alone is seen when it is asked for (`config`).
    """
    files = {file.stem: OmegaConf.load(file) for file in sorted((CONF / "method").glob("*.yaml"))}
    return [*OWN, *(name for name, method in files.items() if method.get("generator"))]


def base(source: str) -> str:
    """A source's name without its parameters."""
    return source.partition(":")[0]


def config(source: str, params: tuple[str, ...] = ()) -> dict[str, Any]:
    """The plain config of a source's generator.

    Parameters
    ----------
    source : str
    params : tuple of str
        ``key=value`` as on Hydra's command line; ``a.b=value`` sets a part of the parameter ``a``,
        and a value with a ``_target_`` replaces what was there. What the source itself names comes
        last.

    Raises
    ------
    BadInput
        If there is no such generator, or it draws no rows from a table alone.
    """
    name, _, own = source.partition(":")
    if name not in names():
        raise BadInput(f"There is no source '{name}'; expected one of {', '.join(names())}.")
    found = OWN.get(name)
    if found is None:
        method = OmegaConf.load(CONF / "method" / f"{name}.yaml")
        found = OmegaConf.to_container(method["generator"], resolve=False)
    asks = issubclass(get_class(found[TARGET]), TaskGenerator | InContextGenerator)
    if asks:
        raise BadInput(f"'{name}' gives tasks, or asks a model: it draws no rows from a table.")
    given = OmegaConf.to_container(
        OmegaConf.from_dotlist([*params, *(part for part in own.split(";") if part)])
    )
    return {"_convert_": "all", **_merged(found, given)}


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict) or TARGET in new:
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}


def generator(source: str, params: tuple[str, ...] = ()) -> Generator:
    """An unfitted generator; see `config`."""
    return instantiate(config(source, params))
