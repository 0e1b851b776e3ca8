"""The results folder that a verb is pointed at."""

from __future__ import annotations

from pathlib import Path

from bench.cell.store import Store
from bench.errors import BadInput, closest
from bench.names import check
from bench.sweep.folders import place


def folder(arguments: list[str], usage: str, may_be_new: bool = False) -> Path:
    """The results folder that is named by ``results_dir`` or ``experiment=NAME``.

    ``may_be_new``: it need not hold records yet, as long as it is there.

    Raises
    ------
    BadInput
        If something else is named, or it holds no records.
    """
    named = [*arguments] or ["experiment=embedded"]
    flag = next((word for word in named if word.startswith("-") and not Path(word).is_dir()), None)
    if flag is not None:
        meant = closest(flag, [word.strip("[]") for word in usage.split()])
        raise BadInput(f"There is no flag '{flag}';{meant} {usage}.")
    if len(named) > 1:
        raise BadInput(f"One results folder, not {' and '.join(named)}: {usage}.")
    key, is_key, value = named[0].partition("=")
    if not is_key or Path(named[0]).is_dir():
        root = Path(place(named[0]))
    elif key == "results_dir":
        root = Path(place(value))
    elif key == "experiment":
        root = Path("results", check("experiment", value))
    else:
        keys = ("experiment", "results_dir")
        raise BadInput(f"There is no setting '{key}';{closest(key, keys)} {usage}.")
    if not Store(root).is_there and not (may_be_new and root.is_dir()):
        beside = sorted(path.name for path in root.parent.glob("*") if Store(path).is_there)
        if not arguments:
            raise BadInput(
                f"no records under '{root}', which is read where no folder is named: {usage}."
            )
        raise BadInput(f"no records under '{root}';{closest(root.name, beside)} run it first.")
    return root
