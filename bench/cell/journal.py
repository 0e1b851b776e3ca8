"""The journal of a results folder, one JSON line an event: its one reader.

A full disk cuts lines short, and anybody may have written into it; a line that is no event is
passed over and counted, and the events around it are read.
"""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bench.cell.fields import Count
from bench.files import Unsound, opened, parse_json

# A line has some 300 bytes: 100,000 cells. Of a longer journal the end is read.
MOST = 32 * 2**20
LONGEST = 2**20  # bytes of a line; errors may be long

Event = dict[str, Any]


class _Any(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)

    time: float


class _Cell(_Any):
    event: Literal["cell"]
    cell: str
    status: str
    made: bool
    seconds: float
    error: str | None
    again: str
    # What tells a sweep's cells apart and how long others take; older journals lack it.
    job: int | None = None
    entry: str | None = None
    method: str | None = None
    dataset: str | None = None
    size: Annotated[list[Count], Field(min_length=3, max_length=3)] | None = None


class _BadInput(_Any):
    event: Literal["bad_input"]
    cell: str
    reason: str
    again: str
    cells: int = 1


class _SetAside(_Any):
    event: Literal["set_aside"]
    path: str
    reason: str


class _Sweep(_Any):
    event: Literal["sweep"]  # it begins; what follows is of it


_EVENT: TypeAdapter[_Cell | _BadInput | _SetAside | _Sweep] = TypeAdapter(
    Annotated[_Cell | _BadInput | _SetAside | _Sweep, Field(discriminator="event")]
)


@dataclass
class Read:
    """What was found.

    Attributes
    ----------
    events : list of dict
        In the order of the file.
    skipped : int
        Lines that are no event.
    fault : str, optional
        Why the file cannot be read, in one clause.
    end : int
        Where the last whole line ends; the next reader may begin there.
    """

    events: list[Event] = field(default_factory=list)
    skipped: int = 0
    fault: str | None = None
    end: int = 0


def read(path: Path, begin: int = 0) -> Read:
    """The events of a journal, from a place on; a line that has no end yet is left for later."""
    found = Read(end=begin)
    try:
        text, found.end = _text(path, begin)
    except FileNotFoundError:
        return found
    except Unsound as wrong:
        found.fault = str(wrong)
        return found
    for line in io.BytesIO(text):  # not all at once: there may be millions of short ones
        event = _event(line)
        if event is not None:
            found.events.append(event)
        elif line.strip():
            found.skipped += 1
    return found


def of_last_sweep(events: list[Event]) -> tuple[float, list[Event]]:
    """When the last sweep began, and the events since; without such a line, now and all of them.

    The time of a file would tell less: a copy of the folder need not keep it.
    """
    for place in range(len(events) - 1, -1, -1):
        if events[place]["event"] == "sweep":
            return events[place]["time"], events[place + 1 :]
    return math.inf, events


def n_ended(events: list[Event]) -> int:
    """How many cells of a sweep have ended, by the events since it began.

    A cell that two processes looked at counts once, one that was run by itself since does not; of
    older events nobody knows.
    """
    told = [event for event in events if event["event"] == "cell"]
    older = sum("job" not in event for event in told)
    return older + len({(e["job"], e.get("entry")) for e in told if e.get("job") is not None})


def size(path: Path) -> int:
    """Bytes of a journal; 0 where none is."""
    try:
        with opened(path) as file:
            return os.fstat(file.fileno()).st_size
    except (FileNotFoundError, Unsound):
        return 0


def _text(path: Path, begin: int) -> tuple[bytes, int]:
    """Its whole lines from ``begin``, of a long journal the last `MOST` bytes; and where they end.

    Raises
    ------
    FileNotFoundError, Unsound
    """
    with opened(path) as file:
        end = os.fstat(file.fileno()).st_size
        if end < begin:  # another journal has begun since
            begin = 0
        begin = max(begin, end - MOST)
        file.seek(begin)
        text = file.read(max(0, end - begin))
    whole = text[: text.rfind(b"\n") + 1]
    return whole, begin + len(whole)


def _event(line: bytes) -> Event | None:
    if len(line) > LONGEST or b'"event"' not in line:
        return None
    try:
        event: Event = parse_json(line)
        _EVENT.validate_python(event)
    except (Unsound, ValidationError):
        return None
    return event
