"""The one door between the `openml` client and the network: limits, retries, checks.

The client (0.15.1) waits for ever on a silent server, checks no parquet file, and keeps whatever
came. So both of its functions that touch the network are replaced while it works: every answer is
waited for a bounded time, may have a bounded size, is asked for a bounded number of times, and
looked at before the client sees it.
"""

from __future__ import annotations

import hashlib
import re
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests

from bench.datasets.openml import answer
from bench.datasets.openml.answer import Bounds, BrokenOff, TooLarge
from bench.datasets.openml.task import Task, Unreachable
from bench.errors import TableError
from bench.process import invoked
from bench.waiting import TooSlow

BUSY = frozenset({408, 425, 429})  # like 5xx, worth another attempt
DATABASE_DOWN = 107  # OpenML's own code, likewise


class Fault(Exception):
    """An answer that cannot be used; another attempt may help."""


class NoAnswer(Fault):
    """No answer at all."""


class Gate:
    """Asks the server for files, on behalf of the client.

    Parameters
    ----------
    wanted : Task
        For which task, where, and how patiently.
    """

    def __init__(self, wanted: Task) -> None:
        self._wanted = wanted

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Put this gate in the client's way."""
        import openml

        calls = openml._api_calls
        with (
            patch.object(calls, "_send_request", self.send),
            patch.object(calls, "_download_minio_file", self.download),
        ):
            yield

    def send(
        self,
        request_method: str,
        url: str,
        data: dict[str, Any],
        files: Any = None,
        md5_checksum: str | None = None,
    ) -> requests.Response:
        """Stand in for the client's `_send_request`: text, by XML call or file address."""
        if request_method != "get" or files:
            raise ValueError(f"only reading is done here, not {request_method} {url}")

        def check(response: requests.Response) -> None:
            _check_text(response)
            if md5_checksum and _md5(response.content) != md5_checksum:
                raise Fault("sent a file that does not match the checksum it states")

        return self._ask(url, data, check)

    def download(
        self, source: str, destination: str | Path, exists_ok: bool = True, proxy: Any = "auto"
    ) -> None:
        """Stand in for the client's `_download_minio_file`: a parquet file.

        Raises
        ------
        FileNotFoundError
            If no sound file can be had; then the client asks for the ARFF file, whose checksum
            the server states.
        """
        try:
            response = self._ask(source, {}, _check_parquet)
        except TableError as reason:
            raise FileNotFoundError(str(reason)) from reason
        Path(destination).write_bytes(response.content)

    def _ask(
        self, url: str, data: dict[str, Any], check: Callable[[requests.Response], None]
    ) -> requests.Response:
        begun, asking, attempt = time.monotonic(), self._wanted.asking, 1
        while True:
            try:
                return self._once(url, data, check)
            except Fault as fault:
                late = time.monotonic() - begun > asking.patience
                if attempt == asking.tries or late:
                    kind = Unreachable if isinstance(fault, NoAnswer) else TableError
                    raise kind(self._sentence(fault)) from None
            time.sleep(attempt)
            attempt += 1

    def _once(
        self, url: str, data: dict[str, Any], check: Callable[[requests.Response], None]
    ) -> requests.Response:
        asking = self._wanted.asking
        bounds = Bounds(asking.timeout, asking.least_rate, int(asking.most_mb * 1e6))
        try:
            response = answer.get(url, data, bounds)
        except TooSlow as slow:
            raise NoAnswer(
                f"sends too slowly ({slow}; {asking.least_rate:g} bytes a second are waited for, "
                "openml.least_rate sets another limit)"
            ) from None
        except TooLarge:
            raise TableError(
                f"Dataset '{self._wanted.name}': {self._server} sends a file of more than "
                f"{asking.most_mb:g} MB; if that is right, openml.most_mb=MB sets another limit."
            ) from None
        except requests.Timeout:
            raise NoAnswer("did not answer in time") from None
        except (BrokenOff, requests.exceptions.ChunkedEncodingError):
            raise Fault("broke off in the middle of an answer") from None
        except requests.ConnectionError as error:
            raise NoAnswer(f"could not be reached ({_why(error)})") from None
        except requests.RequestException as error:
            raise Fault(f"sent to an address that cannot be used ({error})") from None
        if response.status_code != 200:
            self._refusal(response)
        check(response)
        return response

    def _refusal(self, response: requests.Response) -> None:
        """Raise what an answer other than 200 means."""
        code, message = _openml_error(response)
        if response.status_code >= 500 or response.status_code in BUSY or code == DATABASE_DOWN:
            raise Fault(f"is in trouble (status {response.status_code})")
        why = message or f"status {response.status_code}"
        raise TableError(
            f"Dataset '{self._wanted.name}': {self._server} refused task {self._wanted.task_id} "
            f"({why}); check the task's number."
        )

    def _sentence(self, fault: Fault) -> str:
        return (
            f"Dataset '{self._wanted.name}': {self._server} {fault}; run the same command again "
            f"when it answers (what was fetched is kept), or run `{invoked()} fetch` with the "
            "same words where there is a network and bring its openml.cache_dir here."
        )

    @property
    def _server(self) -> str:
        host = self._wanted.asking.server.partition("://")[2].partition("/")[0]
        return f"OpenML ({host})"


def _check_text(response: requests.Response) -> None:
    """An answer is whole XML, or an ARFF file that has a data section."""
    text = response.text
    if text.lstrip().startswith("<"):
        try:
            root = ElementTree.fromstring(response.content)
        except ElementTree.ParseError:
            raise Fault("sent something that is neither data nor a whole message") from None
        if "openml" in root.tag:
            return
    elif re.search(r"^\s*@data\b", text, re.IGNORECASE | re.MULTILINE):
        return
    raise Fault("sent something that is neither data nor a whole message")


def _check_parquet(response: requests.Response) -> None:
    content = response.content
    if not (content.startswith(b"PAR1") and content.endswith(b"PAR1")):
        raise Fault("sent something that is no whole parquet file")
    etag = response.headers.get("ETag", "").strip('"')
    # Object stores name a file that came in one piece by its MD5.
    if re.fullmatch(r"[0-9a-f]{32}", etag) and _md5(content) != etag:
        raise Fault("sent a file that does not match its checksum")


def _openml_error(response: requests.Response) -> tuple[int | None, str]:
    """OpenML's own code and message, where there are any."""
    try:
        root = ElementTree.fromstring(response.content)
    except ElementTree.ParseError:
        return None, ""
    found = {node.tag.rpartition("}")[2]: (node.text or "").strip() for node in root}
    code = found.get("code", "")
    return (int(code) if code.isdigit() else None), found.get("message", "")


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _why(error: requests.ConnectionError) -> str:
    """The end of the chain of a connection's error: refused, unknown name, …"""
    text = str(error)
    for words in ("Connection refused", "Network is unreachable", "Connection reset"):
        if words in text:
            return words.lower()
    if "resol" in text or "Name or service" in text:
        return "its name cannot be resolved"
    if "Connection aborted" in text or "RemoteDisconnected" in text:
        return "the connection broke"
    return "no connection"
