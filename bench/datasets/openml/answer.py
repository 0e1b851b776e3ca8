"""One answer of a server, whole, and within bounds of time and size.

A limit on silence alone is none: a byte each half second never is silent. So an answer is read in
a thread that is waited for as long as enough arrives, be it headers, redirects or the body.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from bench.waiting import while_it_arrives

BLOCK = 2**16  # bytes
GZIP = 31  # zlib's word for it, with its header and checksum


class TooLarge(Exception):
    """More arrives, or is announced, than may be."""


class BrokenOff(Exception):
    """An answer ends before its end, or is packed as nobody asked."""


@dataclass(frozen=True)
class Bounds:
    """What is waited for.

    Parameters
    ----------
    silence : float
        Seconds without a byte.
    least_rate : float
        Bytes a second, on the whole, after two silences' time.
    most : int
        Bytes, unpacked.
    """

    silence: float
    least_rate: float
    most: int


class Progress:
    """What has been received, and whether anybody still waits for it."""

    def __init__(self) -> None:
        self.received = 0
        self.abandoned = False


def get(url: str, params: dict[str, Any], bounds: Bounds) -> requests.Response:
    """Ask for an address; the answer has its whole content.

    Raises
    ------
    bench.waiting.TooSlow, TooLarge, BrokenOff, requests.RequestException
    """
    progress = Progress()
    try:
        return while_it_arrives(
            lambda: _read(url, params, bounds, progress),
            lambda: progress.received,
            grace=2 * bounds.silence,
            least_rate=bounds.least_rate,
        )
    finally:
        progress.abandoned = True  # a thread that reads on ends with its next byte


def _read(
    url: str, params: dict[str, Any], bounds: Bounds, progress: Progress
) -> requests.Response:
    with requests.get(
        url,
        params=params,
        timeout=(bounds.silence / 2, bounds.silence),
        stream=True,
        headers={"Accept-Encoding": "gzip"},
    ) as response:
        stated = response.headers.get("Content-Length", "")
        if stated.isdigit() and int(stated) > bounds.most:
            raise TooLarge
        try:
            content = _content(response, bounds.most, progress)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except (urllib3.exceptions.HTTPError, zlib.error) as error:
            raise BrokenOff from error
    response._content = content  # as requests does when it reads it
    response._content_consumed = True
    return response


def _content(response: requests.Response, most: int, progress: Progress) -> bytes:
    """The body, unpacked by no more than may be: a kilobyte can pack a gigabyte."""
    packed = response.headers.get("Content-Encoding", "identity").strip().casefold()
    if packed not in ("identity", "", "gzip"):
        raise BrokenOff
    content = bytearray()
    unpack = zlib.decompressobj(GZIP)
    while block := response.raw.read1(BLOCK, decode_content=False):
        progress.received += len(block)
        if progress.abandoned:
            raise BrokenOff
        while block:
            if packed == "gzip":
                content += unpack.decompress(block, most + 1 - len(content))
                block = unpack.unconsumed_tail
            else:
                content += block
                block = b""
            if len(content) > most:
                raise TooLarge
    if packed == "gzip" and content and not unpack.eof:
        raise BrokenOff
    return bytes(content)
