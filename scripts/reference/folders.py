"""Which folders of kept runs there are (`conf/reference.yaml`), and where their records lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.cell.store import Store
from bench.errors import BadInput, closest
from bench.files import CONF

DEFAULTS = CONF / "reference.yaml"
KEPT, UNFINISHED = "reference", "unfinished"  # below the folder of results


class Folder(BaseModel):
    """A folder of kept runs.

    Attributes
    ----------
    name : str
    experiments : list of str
        Whose records it holds, in the order in which they are run.
    predictions : bool
        Whether its pack keeps them.
    graphs : list of str
        Tables whose causal graphs are drawn for its page.
    keeps : list of str
        Files of its report beside the tables.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    name: str
    experiments: list[str]
    predictions: bool
    graphs: list[str] = []
    keeps: list[str] = []

    def work(self, results: Path) -> Store:
        """Where it is made, as by `make reproduce`."""
        return Store(results / self.name)

    def kept(self, results: Path) -> Store:
        """Where it lies when it is whole."""
        return Store(results / KEPT / self.name)

    def unfinished(self, results: Path) -> Store:
        """Where what there is of it lies until then."""
        return Store(results / KEPT / UNFINISHED / self.name)


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    folders: list[Folder]


def folders(path: Path = DEFAULTS, only: Sequence[str] = ()) -> list[Folder]:
    """All folders of a file, or those of some names, in the file's order.

    Raises
    ------
    BadInput
        If the file is not as it should be, or has no folder of a name.
    """
    try:
        found = _File.model_validate(OmegaConf.to_container(OmegaConf.load(path))).folders
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"]))
        raise BadInput(f"'{path}': {place}: {wrong['msg']}.") from error
    names = [folder.name for folder in found]
    for name in only:
        if name not in names:
            raise BadInput(
                f"there is no kept run '{name}';{closest(name, names)} there are "
                f"{', '.join(names)}."
            )
    return [folder for folder in found if not only or folder.name in only]
