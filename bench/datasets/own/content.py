"""A file's bytes, unpacked where it is packed; whatever is no table is named for what it is.

The file is looked at before it is opened, and never read beyond a limit. Nothing is unpickled.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, cast

from bench.errors import TableError, closest

MEGABYTE = 1_000_000
PARQUET = b"PAR1"

#: How other kinds of file begin, and what they are.
FOREIGN = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel file (.xls)",
    b"ARROW1": "a feather (Arrow) file",
    b"FEA1": "a feather file",
    b"ORC": "an ORC file",
    b"\x89HDF\r\n": "an HDF5 file",
    b"Obj\x01": "an Avro file",
    b"PARE": "an encrypted parquet file",
    b"SQLite format 3\0": "an SQLite database",
    b"\x93NUMPY": "a NumPy file",
    b"MATLAB 5.0 MAT-file": "a MATLAB file",
    b"$FL2": "an SPSS file",
    b"$FL3": "an SPSS file",
    b"<stata_dta>": "a Stata file",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60": "a SAS file",
    b"RDX": "an R workspace",
    b"X\n\0\0\0": "an R object (.rds)",
    b"%PDF": "a PDF",
    b"{\\rtf": "an RTF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"\x7fELF": "a program",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x04\x22\x4d\x18": "lz4-compressed",
    b"\x1f\x9d": "compressed by compress (.Z)",
    b"version https://git-lfs": "a pointer to a Git LFS file, not the file itself",
    **{bytes([0x80, protocol]): "a Python pickle" for protocol in range(2, 6)},
}
_MARKUP = (
    (re.compile(rb"(?i)<(!doctype html|html|head|body|table)\b"), "a web page (HTML)"),
    (re.compile(rb"(?i)<\?xml\b"), "an XML file"),
    (re.compile(rb"(?i)(%[^\n]*\n|\s)*@relation\b"), "an ARFF file"),
    (re.compile(rb'\{\s*"[^"\n]*"\s*:|\[\s*[{\[]|\{\s*\}'), "a JSON file"),
)
_CALLED_FOR_PACKING = {".gz", ".bz2", ".xz", ".zst", ".zip"}


def content(path: Path, name: str, megabytes: float) -> bytes:
    """The bytes of a CSV or parquet file.

    Parameters
    ----------
    path : Path
    name : str
        What the table is called, for the sentences.
    megabytes : float
        What the file may hold at most, unpacked.

    Raises
    ------
    TableError
        If it is not there, not a file, too large, damaged, or of another kind.
    """
    if re.match(r"[a-z][a-z0-9+]*:/", str(path)):
        raise TableError(f"Dataset '{name}': {path} is no local file; download it first.")
    limit = int(megabytes * MEGABYTE)
    packed = _bytes(path, name, limit)
    found = _unpacked(packed, path, name, limit) if len(packed) <= limit else packed
    if len(found) > limit:
        raise _too_large(path, name, limit)
    if not found.strip():
        raise TableError(f"Dataset '{name}': {path} is empty.")
    kind = kind_of(found)
    if kind is not None:
        raise TableError(f"Dataset '{name}': {path} is {kind}; save it as plain CSV or as parquet.")
    called = path.with_suffix("") if path.suffix.lower() in _CALLED_FOR_PACKING else path
    if called.suffix == ".parquet" and not found.startswith(PARQUET):
        raise TableError(f"Dataset '{name}': {path} is called parquet, but is no parquet file.")
    return found


def stem(path: Path) -> str:
    """A file's name without its ending, composed (NFC); ``a.csv.gz`` is called ``a``."""
    whole = path.with_suffix("") if path.suffix.lower() in _CALLED_FOR_PACKING else path
    return unicodedata.normalize("NFC", whole.stem)


def as_written(path: Path) -> Path:
    """The path as the disk has it: what is typed composed (NFC) may lie there decomposed (NFD)."""
    name = unicodedata.normalize("NFC", path.name)
    same = [other for other in _beside(path) if unicodedata.normalize("NFC", other) == name]
    return path.with_name(same[0]) if len(same) == 1 else path


def _beside(path: Path) -> list[str]:
    """The names in a file's folder; none if it is there, or there is no such folder."""
    try:
        return [] if path.exists() else os.listdir(path.parent)
    except (OSError, ValueError):  # a NUL in the name
        return []


def kind_of(found: bytes) -> str | None:
    """What other kind of file these bytes are, if they plainly are one."""
    for magic, what in FOREIGN.items():
        if found.startswith(magic):
            return what
    if found[257:262] == b"ustar":
        return "a tar archive"
    start = found[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((what for pattern, what in _MARKUP if pattern.match(start)), None)


def _bytes(path: Path, name: str, limit: int) -> bytes:
    """What a regular file holds, up to a byte above the limit; a pipe is not even opened."""
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            raise TableError(f"Dataset '{name}': {path} is a folder, not a file.")
        if not stat.S_ISREG(about.st_mode):
            raise TableError(f"Dataset '{name}': {path} is a pipe or a device, not a file.")
        if about.st_size > limit:
            raise _too_large(path, name, limit)
        with path.open("rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        meant = closest(path.name, _beside(path))
        raise TableError(
            f"Dataset '{name}': there is no file {path}{(meant and f';{meant}') or '.'}"
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, TableError):  # a ValueError too
            raise
        why = getattr(error, "strerror", None) or str(error)
        raise TableError(f"Dataset '{name}': {path} cannot be read ({why}).") from None


def _too_large(path: Path, name: str, limit: int) -> TableError:
    return TableError(
        f"Dataset '{name}': {path} holds more than {limit / MEGABYTE:g} MB; "
        f"dataset.max_megabytes={2 * limit / MEGABYTE:g} would allow more, taking about ten times "
        "that of memory."
    )


# Packed -------------------------------------------------------------------------------------------


def _unpacked(packed: bytes, path: Path, name: str, limit: int) -> bytes:
    """What a gzip, bzip2, xz, zstd or zip file holds, up to a byte above the limit."""
    if packed.startswith(b"PK\x03\x04"):
        return _of_zip(packed, path, name, limit)
    packer = next((_PACKERS[magic] for magic in _PACKERS if packed.startswith(magic)), None)
    if packer is None:
        return packed
    what, opened = packer
    try:
        with opened(io.BytesIO(packed)) as stream:
            return bytes(stream.read(limit + 1))
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        raise TableError(f"Dataset '{name}': {path} is {what}, and damaged.") from None


def _gzip(stream: io.BytesIO) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=stream))


def _zstd(stream: io.BytesIO) -> IO[bytes]:
    import pyarrow as pa

    opened: IO[bytes] = pa.input_stream(stream, compression="zstd")
    return opened


_PACKERS: dict[bytes, tuple[str, Callable[[io.BytesIO], IO[bytes]]]] = {
    b"\x1f\x8b": ("gzip-compressed", _gzip),
    b"BZh": ("bzip2-compressed", bz2.BZ2File),
    b"\xfd7zXZ\0": ("xz-compressed", lzma.LZMAFile),
    b"\x28\xb5\x2f\xfd": ("zstd-compressed", _zstd),
}


def _of_zip(packed: bytes, path: Path, name: str, limit: int) -> bytes:
    """The one file in an archive; Excel's and other programs' files are archives too."""
    where = f"Dataset '{name}': {path}"
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            names = {member.filename for member in members}
            if "[Content_Types].xml" in names or "mimetype" in names:
                raise TableError(
                    f"{where} is a spreadsheet (Excel or OpenDocument); save its sheet as plain "
                    "CSV or as parquet."
                )
            files = [m for m in members if not m.is_dir() and "__MACOSX/" not in m.filename]
            if len(files) != 1:
                raise TableError(
                    f"{where} is a zip archive of {len(files)} files; unpack it and name one."
                )
            if files[0].flag_bits & 1:
                raise TableError(f"{where} is a zip archive with a password; unpack it first.")
            if files[0].file_size > limit:
                raise _too_large(path, name, limit)
            with archive.open(files[0]) as stream:
                return stream.read(limit + 1)
    # What zipfile raises of a damaged archive: besides its own error and the unpackers', a
    # NotImplementedError at a way of packing that it doesn't know, a RuntimeError at a member that
    # asks for a password though its entry said no.
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, zlib.error, RuntimeError):
        raise TableError(f"{where} is a zip or Excel file, and damaged; save it again.") from None
