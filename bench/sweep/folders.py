"""What the name of a results folder stands for, and whether results can lie there."""

from __future__ import annotations

import os
from pathlib import Path

from bench.errors import BadInput


def place(name: str, key: str = "results_dir") -> str:
    """A folder's name with `~` for one's home; it need not be there.

    Raises
    ------
    BadInput
        If the name is empty, or something lies there that is no folder.
    """
    if not name.strip() or "\0" in name:
        raise BadInput(f"{key} is {name!r}; expected the name of a folder.")
    try:
        path = Path(name).expanduser()
        is_other = path.exists() and not path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        why = str(error).rstrip(".")
        raise BadInput(f"{key} is '{name}', which can be no folder: {why}.") from error
    lost = next((at for at in (path, *path.parents) if at.is_symlink() and not at.exists()), None)
    if lost is not None:
        what = "which is" if lost == path else f"but {lost} is"
        raise BadInput(f"{key} is '{name}', {what} a link that leads nowhere.")
    if is_other:
        raise BadInput(f"{key} is '{name}', which is a file, not a folder.")
    above = next((folder for folder in path.absolute().parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise BadInput(f"{key} is '{name}', but {above} is a file, not a folder.")
    return str(path)


def writable(name: str, key: str = "results_dir") -> str:
    """Give the `place` of a folder that is about to be written to.

    Raises
    ------
    BadInput
    """
    found = place(name, key)
    path = Path(found).absolute()
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise BadInput(
            f"{key} is '{name}', but nothing can be written to {nearest}: name another folder."
        )
    return found
