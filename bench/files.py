"""What is found on disk: regular files of a bounded size, and JSON that means one thing only.

A results folder may come from anybody. Nothing in it is opened before it is known to be a file,
nothing is read without a limit, and what cannot be used is told as a clause about that one file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from omegaconf import OmegaConf

_PACKAGED = Path(__file__).resolve().parent / "_conf"  # in a wheel, by `scripts/wheel.py`
#: Where the configs lie: in the package, or beside it in a checkout.
CONF = _PACKAGED if _PACKAGED.is_dir() else _PACKAGED.parents[1] / "conf"
DEEPEST = 32  # levels of JSON that are read; a record has about 7
WIDEST = 2**64  # whole numbers beyond it are nobody's count, seed or size
SHOWN = 60  # characters of what was found that are told
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_KINDS = (
    (stat.S_ISLNK, "it is a link, and links are not followed"),
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a FIFO"),
    (stat.S_ISSOCK, "it is a socket"),
    (lambda mode: not stat.S_ISREG(mode), "it is a device"),
)


class Unsound(ValueError):
    """A file that cannot be used; the message is one clause on it, 'it is …'."""


def content(path: Path, most: int) -> bytes:
    """A file's bytes, if it is a regular file of at most ``most`` bytes.

    Parameters
    ----------
    path : path
        A link is not followed; those among its folders are.
    most : int
        Bytes. Never more is read, also where the file grows meanwhile.

    Raises
    ------
    FileNotFoundError
        If nothing is there.
    Unsound
        If it is a link, a folder, a FIFO, a socket or a device, is larger, or cannot be read.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise Unsound(f"it has {size:,} bytes, more than the {most:,} that are read")
        read = file.read(size + 1)
    if len(read) > size:
        raise Unsound("it grew while it was read")
    return read


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open for reading; whatever goes wrong with it is `Unsound`.

    Raises
    ------
    FileNotFoundError, Unsound
        As `content`.
    """
    try:
        _check(os.lstat(path))  # before opening: a FIFO waits for its writer for ever
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            _check(os.fstat(handle))  # another one may have come under the name since
            yield file
    except (FileNotFoundError, BlockingIOError):  # gone; or locked by another process
        raise
    except OSError as error:
        raise Unsound(f"it cannot be read ({error.strerror})") from error


def _check(found: os.stat_result) -> None:
    for is_kind, why in _KINDS:
        if is_kind(found.st_mode):
            raise Unsound(why)


def walk(folder: Path, suffix: str) -> list[tuple[Path, str | None]]:
    """Every path below a folder that ends in ``suffix``, in order, with what is wrong with it.

    No link is followed. A folder that cannot be read and a link stand among the paths whatever they
    are called, since files may lie behind them; files of other names are passed over.
    """
    found: list[tuple[Path, str | None]] = []
    if folder.is_symlink():  # it would lead out of the results
        return [(folder, _KINDS[0][1])]
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    path = place / entry.name
                    if entry.is_symlink():
                        found.append((path, _KINDS[0][1]))
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                        if entry.name.endswith(suffix):
                            found.append((path, "it is a folder"))
                    elif entry.name.endswith(suffix):
                        found.append((path, None))
        except (FileNotFoundError, NotADirectoryError):
            continue  # a run has just moved it
        except OSError as error:
            found.append((place, f"it is a folder that cannot be read ({error.strerror})"))
    return sorted(found, key=lambda pair: pair[0])


def parse_json(text: bytes) -> Any:
    """JSON as its standard has it: UTF-8, finite numbers, no key twice, `DEEPEST` levels at most.

    Raises
    ------
    Unsound
        Python's own parser takes NaN, Infinity, 1e999, repeated keys and halves of characters.
    """
    try:
        decoded = text.decode("utf-8")
        value = json.loads(
            decoded,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
        _check_depth(value, DEEPEST)
        if _SURROGATE.search(decoded):  # astral characters are written so as well
            json.dumps(value, ensure_ascii=False).encode()
    except Unsound:
        raise
    except RecursionError:
        raise Unsound(_TOO_DEEP) from None
    except UnicodeEncodeError:
        raise Unsound("it is no JSON of whole characters") from None
    except ValueError as error:
        raise Unsound("it is no JSON: truncated or foreign") from error
    return value


_TOO_DEEP = f"it is JSON that is nested deeper than {DEEPEST} levels"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise Unsound(f"it is JSON that says {shown(key)} twice")
            seen.add(key)
    return value


def _constant(name: str) -> None:
    raise Unsound(f"it is no JSON: {name} is no number there")


def _float(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise Unsound(f"it is JSON with {shown(text)}, which no float can hold")
    return value


def _int(text: str) -> int:
    value = int(text) if len(text) < SHOWN else WIDEST
    if not -WIDEST < value < WIDEST:
        raise Unsound(f"it is JSON with {shown(text)}, a number without sense")
    return value


def _check_depth(value: Any, left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if not left:
        raise Unsound(_TOO_DEEP)
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            _check_depth(child, left - 1)


def shown(value: Any, most: int = SHOWN) -> str:
    """A value for a sentence: in one line, without control characters, not all of a long one."""
    text = value if isinstance(value, str) else repr(value)
    clipped = printable(text[:most], keep="") + ("…" if len(text) > most else "")
    return f"'{clipped}'" if isinstance(value, str) else clipped


def printable(text: str, keep: str = "\n\t") -> str:
    """Text from data, such that a terminal obeys none of it: control characters are written out."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or sign in keep else sign.encode("unicode_escape").decode()
        for sign in text
    )


def plain(node: Any) -> Any:
    """A config node as plain, resolved, JSON-ready data."""
    return json.loads(json.dumps(OmegaConf.to_container(node, resolve=True, enum_to_str=True)))


def digest(parts: Any) -> str:
    """SHA-256 of JSON-ready data, whatever the order of its keys."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return sha256(text.encode())


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that any reader sees all of it or nothing, also after a crash."""
    with writing_whole(path) as file:
        file.write(content)


@contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """The same, of what is written bit by bit; it may be read back before it takes its place.

    Whatever is raised meanwhile, nothing is left of it, and what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # of a process that died; or a link that leads elsewhere
        with open(temporary, "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = str(path)  # a write names none, and the temporary one is no news
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself must survive a crash too
    finally:
        os.close(folder)
