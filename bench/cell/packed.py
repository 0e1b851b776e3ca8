"""All records of a results folder in one file, ``records.jsonl.zst``: JSON, one record a line.

Layout
------
Frames of Zstandard (RFC 8878), each of whole lines, then an index in a frame that decompressors
pass over: `zstdcat` gives the lines alone. They stand in the order of their records' places.

line : the record, an object; or, where its file was not written as `bench.cell.record.encode`
    does, the text of that file, a string. So the file comes back bit for bit
index : {frames: [{first, lines, packed, size, sha256}], checksum}; first: the place of the frame's
    first record; packed, size: its bytes before and after it is unpacked; sha256: of those before

The index says where a record would stand, so that one is found among a million by unpacking one
frame. A pack may come from anybody, so nothing in it is believed: no frame is unpacked beyond the
size that is said, which is limited, and each record is held against the frame it stands in. What
the JSON within a line means is not looked at here.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import PurePosixPath
from typing import Annotated, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.cell.record import encode
from bench.files import Unsound, digest, parse_json

NAME = "records.jsonl.zst"
LEVEL = 16  # of compression: an eighth smaller than 15; 19 takes twice the time for 2 %
FRAME = 2**20  # bytes of lines; more where one alone is longer
# Bytes of a record's file. The reference's 1,104 have at most 10,505; ten thousand evaluations make
# one of 1 MB. Parsed, the worst that fits into this takes 100 MB for a moment.
MOST = 4 * 2**20
MOST_OF_A_FRAME = 2 * MOST + 2**10  # of one such file, as a string in JSON
MOST_OF_AN_INDEX = 8 * 2**20  # 40,000 frames
MOST_OF_ALL = 2**35  # bytes unpacked: a million records of 32 KB
LEAST = 500  # bytes of a line; a record's hashes alone have 200, and its keys as much again

_SKIPPED = 0x184D2A5E  # magic number of a frame that is passed over
_HEAD, _FOOT = struct.Struct("<II"), struct.Struct("<I")
Count = Annotated[int, Field(ge=1)]


class Frame(BaseModel):
    """What the index says of a frame."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    first: str
    lines: Count
    packed: Annotated[int, Field(ge=1, le=2 * MOST_OF_A_FRAME)]
    size: Annotated[int, Field(ge=1, le=MOST_OF_A_FRAME)]
    sha256: str


class _Index(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    frames: list[Frame]
    checksum: str


def order(place: str) -> tuple[str, ...]:
    """What records are sorted by: `pathlib`'s order of their paths."""
    return PurePosixPath(place).parts


def line_of(text: bytes) -> bytes:
    """The line for a record's file.

    Raises
    ------
    Unsound
        If it is no JSON.
    """
    value = parse_json(text)
    if not isinstance(value, dict) or encode(value).encode() != text:
        value = text.decode("utf-8")
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def text_of(line: bytes) -> bytes:
    """The record's file for a line; `Unsound` if that could not be read again."""
    text: str = parse_json(line) if line.startswith(b'"') else encode(parse_json(line))
    return _of_a_size(text.encode())


def value_of(line: bytes) -> Any:
    """The JSON of a record's file, from its line; `Unsound` as `text_of`."""
    return parse_json(_of_a_size(parse_json(line).encode() if line.startswith(b'"') else line))


def _of_a_size(text: bytes) -> bytes:
    if len(text) > MOST:
        raise Unsound(f"it has {len(text):,} bytes, more than the {MOST:,} that are read")
    return text


def write(file: BinaryIO, lines: Iterable[tuple[str, bytes]]) -> None:
    """Write a pack of (place, line), which come in `order`; the same lines give the same bytes."""
    frames = []
    for first, batch in _batches(lines):
        raw = b"".join(line + b"\n" for line in batch)
        packed = _codec().compress(raw, asbytes=True)
        file.write(packed)
        of = hashlib.sha256(packed).hexdigest()
        frame = Frame(first=first, lines=len(batch), packed=len(packed), size=len(raw), sha256=of)
        frames.append(frame.model_dump())
    index = json.dumps({"frames": frames, "checksum": digest(frames)}, ensure_ascii=False).encode()
    file.write(_HEAD.pack(_SKIPPED, len(index) + _FOOT.size) + index + _FOOT.pack(len(index)))


def _batches(lines: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    """(place of the first, lines) of each frame."""
    first, batch, size = "", list[bytes](), 0
    for place, line in lines:
        if batch and size + len(line) >= FRAME:
            yield first, batch
            batch, size = [], 0
        first = first if batch else place
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield first, batch


def _codec() -> Any:
    import pyarrow as pa  # only where there is a pack

    return pa.Codec("zstd", compression_level=LEVEL)


@dataclass
class Faults:
    """What is wrong with records of a pack: one sentence, however many there are."""

    count: int = 0
    first: str = ""

    def add(self, wrong: str, records: int = 1) -> None:
        """Take note of records that cannot be used, and of why."""
        self.first = self.first or wrong
        self.count += records

    def told(self) -> str | None:
        """A clause on the pack, if something is wrong."""
        if not self.count:
            return None
        records = "record" if self.count == 1 else "records"
        return f"it has {self.count:,} {records} that cannot be used (for instance: {self.first})"


class Pack:
    """A pack that is open for reading.

    Parameters
    ----------
    file : binary file
        It can be sought in.

    Raises
    ------
    Unsound
        If it has no index, or another than its frames would have.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.frames = _frames(file)
        self._begins = [0, *accumulate(frame.packed for frame in self.frames)]
        self._firsts = [order(frame.first) for frame in self.frames]
        if any(a >= b for a, b in zip(self._firsts, self._firsts[1:])):
            raise Unsound("its index is not in order")

    def where(self, place: str) -> int | None:
        """The frame that a record stands in, if it stands in any."""
        at = bisect_right(self._firsts, order(place)) - 1
        return at if at >= 0 else None

    def lines(self, at: int) -> list[bytes]:
        """The lines of a frame.

        Raises
        ------
        Unsound
            If they are not what the index says.
        """
        frame = self.frames[at]
        try:
            self._file.seek(self._begins[at])
            packed = self._file.read(frame.packed)
        except OSError as error:
            raise Unsound(f"it cannot be read ({error.strerror})") from error
        if hashlib.sha256(packed).hexdigest() != frame.sha256:
            raise Unsound("a part of it does not match its checksum: it was edited or damaged")
        try:
            # Into this many bytes: more is an error of the codec's, less as well.
            raw: bytes = _codec().decompress(packed, frame.size, asbytes=True)
        except (OSError, ValueError) as error:
            raise Unsound("a part of it cannot be unpacked") from error
        if raw.count(b"\n") != frame.lines or not raw.endswith(b"\n"):
            raise Unsound("a part of it has not the lines that its index says")
        return raw.split(b"\n")[:-1]


def _frames(file: BinaryIO) -> list[Frame]:
    """The index, held against the file's size and the limits."""
    size = os.fstat(file.fileno()).st_size
    foreign = Unsound("it is no pack of records: truncated or foreign")
    if size < _HEAD.size + _FOOT.size:
        raise foreign
    file.seek(size - _FOOT.size)
    (length,) = _FOOT.unpack(file.read(_FOOT.size))
    begin = size - _FOOT.size - length - _HEAD.size
    if begin < 0 or length > MOST_OF_AN_INDEX:
        raise foreign
    file.seek(begin)
    if _HEAD.unpack(file.read(_HEAD.size)) != (_SKIPPED, length + _FOOT.size):
        raise foreign
    found = parse_json(file.read(length))
    try:
        index = _Index.model_validate(found)
    except ValidationError as error:
        raise Unsound("its index is not one of a pack's") from error
    if index.checksum != digest(found["frames"]):
        raise Unsound("its index does not match its checksum: it was edited or damaged")
    if sum(frame.packed for frame in index.frames) != begin:
        raise Unsound("its index is of a pack of another size")
    if sum(frame.size for frame in index.frames) > MOST_OF_ALL:
        raise Unsound(f"it would unpack to more than {MOST_OF_ALL:,} bytes")
    if any(frame.lines * LEAST > frame.size for frame in index.frames):
        raise Unsound("its lines are too short to be records")
    return index.frames
