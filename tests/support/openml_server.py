"""A loopback server that speaks enough of OpenML's REST protocol for the real client, with faults.

It serves *generated* tables, named so; each is a supervised classification or regression task of
3-fold cross-validation. Endpoints: task, data, features, qualities; rows as ARFF and parquet;
splits.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

FOLDS = 3
KINDS = ("task", "data", "features", "qualities", "splits", "rows")
CUTS = {"cut": 0.5, "cut_silently": 0.5, "cut_in_a_repeat": 0.75, "cut_near_the_end": 0.98}
TYPES = {1: "Supervised Classification", 2: "Supervised Regression", 5: "Clustering"}
XML = "text/xml; charset=utf-8"


@dataclass
class Task:
    """A generated table with its splits."""

    task_id: int
    frame: pd.DataFrame  # categorical columns are nominal, the others numeric; the target last
    repeats: int
    type_id: int = 1  # one of TYPES
    ignored: tuple[str, ...] = ()

    @property
    def data_id(self) -> int:
        return 40_000 + self.task_id

    @property
    def target(self) -> str:
        return str(self.frame.columns[-1])

    @property
    def name(self) -> str:
        return f"generated-{self.task_id}"

    def folds(self) -> np.ndarray:
        """The fold that tests each row, shape (repeats, rows)."""
        rng = np.random.default_rng(self.task_id)
        return np.stack(
            [rng.permutation(np.arange(len(self.frame)) % FOLDS) for _ in range(self.repeats)]
        )


def generated(task_id: int, rows: int = 60, classes: int = 2, repeats: int = 2) -> Task:
    """A table of two numbers, a count, a nominal and a {true, false} column that tell the class."""
    rng = np.random.default_rng(task_id)
    y = rng.permutation(np.arange(rows) % classes)
    size = np.where(rng.random(rows) < 0.05, np.nan, y + rng.normal(size=rows).round(3))
    job = pd.Categorical.from_codes(rng.integers(3, size=rows), ["c, d", "a", "b"])
    job[3] = np.nan
    frame = pd.DataFrame(
        {
            "size": size,
            "weight": rng.normal(size=rows).round(3) - y,
            "count": rng.integers(300, size=rows).astype(float),
            "job": job,
            "flag": pd.Categorical.from_codes(rng.integers(2, size=rows), ["true", "false"]),
            "class": pd.Categorical.from_codes(y, [f"class {i}" for i in range(classes)]),
        }
    )
    return Task(task_id, frame, repeats)


def generated_numbers(task_id: int, rows: int = 60, repeats: int = 2) -> Task:
    """The same columns with a number to predict, of which they tell something."""
    task = generated(task_id, rows, repeats=repeats)
    y = task.frame.pop("class").cat.codes
    noise = np.random.default_rng((task_id, 1)).normal(size=rows)
    task.frame["price"] = (100 * y + task.frame["count"] / 3 + noise).round(4)
    return replace(task, type_id=2)


@dataclass
class Server:
    """The running server: what it holds, what it was asked for, what goes wrong."""

    tasks: dict[int, Task] = field(default_factory=dict)
    has_parquet: bool = True
    hits: list[str] = field(default_factory=list)
    port: int = 0
    _faults: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/xml"

    def add(self, task: Task) -> Task:
        self.tasks[task.task_id] = task
        return task

    def fault(self, kind: str, where: str, times: int = 10**6, task_id: int | None = None) -> None:
        """The next ``times`` answers of one kind of address go wrong (of one task's, or all)."""
        assert where in KINDS
        self._faults.append({"kind": kind, "where": where, "left": times, "task_id": task_id})

    def heal(self) -> None:
        self._faults.clear()

    def fault_of(self, where: str, task: Task) -> str | None:
        for fault in self._faults:
            mine = fault["task_id"] in (None, task.task_id)
            if fault["where"] == where and mine and fault["left"] > 0:
                fault["left"] -= 1
                return str(fault["kind"])
        return None

    def answer(self, path: str) -> tuple[str, Task, str, bytes] | None:
        """Kind of address, task, content type and body; None where there is nothing."""
        words = path.strip("/").split("/")
        base = f"http://127.0.0.1:{self.port}"
        for task in self.tasks.values():
            addresses = {
                f"api/v1/xml/task/{task.task_id}": ("task", lambda t: _task_xml(t, base)),
                f"api/v1/xml/data/{task.data_id}": ("data", lambda t: self._data_xml(t, base)),
                f"api/v1/xml/data/features/{task.data_id}": ("features", _features_xml),
                f"api/v1/xml/data/qualities/{task.data_id}": ("qualities", _qualities_xml),
                f"splits/{task.task_id}.arff": ("splits", _splits_arff),
                f"rows/{task.data_id}.arff": ("rows", _rows_arff),
            }
            if self.has_parquet:
                addresses[f"datasets/{task.data_id}.pq"] = ("rows", _rows_parquet)
            if "/".join(words) in addresses:
                where, body = addresses["/".join(words)]
                kind = {"splits": "text/plain", "rows": "application/octet-stream"}.get(where, XML)
                content = body(task)
                return (
                    where,
                    task,
                    kind,
                    content if isinstance(content, bytes) else content.encode(),
                )
        return None

    def _data_xml(self, task: Task, base: str) -> str:
        checksum = hashlib.md5(_rows_arff(task).encode()).hexdigest()
        # Asked without `fault_of`, which would count it as an answer that went wrong.
        if any(
            f["kind"] == "checksum" and f["task_id"] in (None, task.task_id) for f in self._faults
        ):
            checksum = "0" * 32
        parquet = {"parquet_url": f"{base}/datasets/{task.data_id}.pq"} if self.has_parquet else {}
        ignored = "".join(_element(ignore_attribute=name) for name in task.ignored)
        return _document(
            "data_set_description",
            _element(
                id=task.data_id, name=task.name, version=1, description="generated for tests",
                format="ARFF", upload_date="2026-01-01T00:00:00", licence="Public",
                url=f"{base}/rows/{task.data_id}.arff", **parquet, file_id=task.data_id,
                default_target_attribute=task.target,
            )
            + ignored
            + _element(
                visibility="public", status="active", processing_date="2026-01-01 00:00:00",
                md5_checksum=checksum,
            ),
        )  # fmt: skip


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine, until the block ends."""
    server = Server()
    http = _HTTP(("127.0.0.1", 0), _Handler)
    http.holds = server
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a hanging answer must not hang the test
    holds: Server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HTTP

    def log_message(self, *_: Any) -> None:
        """Silent: the hits are kept."""

    def do_GET(self) -> None:
        holds = self.server.holds
        path = self.path.partition("?")[0]
        holds.hits.append(path)
        found = holds.answer(path)
        if found is None:
            message = _element(code=151, message="Unknown task")
            return self._send(412, XML, _document("error", message).encode())
        where, task, kind, body = found
        fault = holds.fault_of(where, task)
        if fault == "500":
            return self._send(500, "text/html", b"<html>oops</html>")
        if fault == "garbage":
            return self._send(200, "text/html", b"<html><body>down for maintenance")
        if fault == "empty":
            return self._send(200, kind, b"")
        if fault == "hang":
            time.sleep(5)
        if fault == "flipped":  # a byte in the middle, with the right length and marks
            middle = len(body) // 2
            etag = hashlib.md5(body).hexdigest()
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
            return self._send(200, kind, body, etag)
        if fault in STRANGE:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                STRANGE[fault](self, kind, body)
            self.close_connection = True
            return None
        if fault in CUTS:
            return self._cut(kind, body, CUTS[fault], tells_length=fault == "cut")
        return self._send(200, kind, body)

    def _send(self, status: int, kind: str, body: bytes, etag: str | None = None) -> None:
        # A client that gave up waiting is no error of ours.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{etag or hashlib.md5(body).hexdigest()}"')
            self.end_headers()
            self.wfile.write(body)

    def _cut(self, kind: str, body: bytes, share: float, tells_length: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if tells_length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        part = body[: int(share * len(body))]
        self.wfile.write(part[: part.rfind(b"\n") + 1] or part)  # whole lines: they parse
        self.wfile.flush()
        self.close_connection = True


# Answers that no server of good will gives, each written by hand -------------------------------


def _begin(handler: _Handler, *lines: str) -> None:
    handler.wfile.write("\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode())


def _drip(handler: _Handler, kind: str, body: bytes) -> None:
    """100 bytes a second."""
    _begin(handler, f"Content-Type: {kind}", f"Content-Length: {len(body)}")
    _slowly(handler, body)


def _drip_headers(handler: _Handler, kind: str, body: bytes) -> None:
    _slowly(handler, b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 1000)


def _slowly(handler: _Handler, content: bytes) -> None:
    for i in range(len(content)):
        handler.wfile.write(content[i : i + 1])
        time.sleep(0.01)


def _endless(handler: _Handler, kind: str, body: bytes) -> None:
    """As fast as it is taken, for as long as it is."""
    _begin(handler, f"Content-Type: {kind}", "Connection: close")
    while True:
        handler.wfile.write(body or b" ")


def _states_more(handler: _Handler, kind: str, body: bytes) -> None:
    _begin(handler, f"Content-Type: {kind}", f"Content-Length: {len(body) + 100}")
    handler.wfile.write(body)


def _states_less(handler: _Handler, kind: str, body: bytes) -> None:
    _begin(handler, f"Content-Type: {kind}", f"Content-Length: {len(body) // 2}")
    handler.wfile.write(body)


def _states_a_terabyte(handler: _Handler, kind: str, body: bytes) -> None:
    _begin(handler, f"Content-Type: {kind}", f"Content-Length: {10**12}")
    handler.wfile.write(body)
    time.sleep(3)


def _packed(handler: _Handler, kind: str, body: bytes) -> None:
    """As a real server packs text."""
    content = gzip.compress(body)
    length = f"Content-Length: {len(content)}"
    _begin(handler, f"Content-Type: {kind}", "Content-Encoding: gzip", length)
    handler.wfile.write(content)


def _bomb(handler: _Handler, kind: str, body: bytes) -> None:
    """Some 40 kB that unpack to 40 MB."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = b"".join(pack.compress(bytes(2**20)) for _ in range(40)) + pack.flush()
    length = f"Content-Length: {len(content)}"
    _begin(handler, f"Content-Type: {kind}", "Content-Encoding: gzip", length)
    handler.wfile.write(content)


def _other_packing(handler: _Handler, kind: str, body: bytes) -> None:
    length = f"Content-Length: {len(body)}"
    _begin(handler, f"Content-Type: {kind}", "Content-Encoding: br", length)
    handler.wfile.write(body)


def _round(handler: _Handler, kind: str, body: bytes) -> None:
    """A redirection to itself."""
    lines = ["HTTP/1.1 302 Found", f"Location: {handler.path}", "Connection: close", "", ""]
    handler.wfile.write("\r\n".join(lines).encode())


def _wrong_kind(handler: _Handler, kind: str, body: bytes) -> None:
    _begin(handler, "Content-Type: image/png", f"Content-Length: {len(body)}")
    handler.wfile.write(body)


STRANGE = {
    "drip": _drip, "drip_headers": _drip_headers, "endless": _endless,
    "states_more": _states_more, "states_less": _states_less,
    "states_a_terabyte": _states_a_terabyte, "packed": _packed, "bomb": _bomb,
    "other_packing": _other_packing, "round": _round, "wrong_kind": _wrong_kind,
}  # fmt: skip


# Documents ----------------------------------------------------------------------------------------


def _document(tag: str, body: str) -> str:
    return f'<oml:{tag} xmlns:oml="http://openml.org/openml">{body}</oml:{tag}>'


def _element(**values: Any) -> str:
    return "".join(f"<oml:{k}>{escape(str(v))}</oml:{k}>" for k, v in values.items())


def _task_xml(task: Task, base: str) -> str:
    procedure = (
        _element(id=1, type="crossvalidation", data_splits_url=f"{base}/splits/{task.task_id}.arff")
        + f'<oml:parameter name="number_repeats">{task.repeats}</oml:parameter>'
        + f'<oml:parameter name="number_folds">{FOLDS}</oml:parameter>'
    )
    source = _element(data_set_id=task.data_id, target_feature=task.target)
    measure = "<oml:evaluation_measures><oml:evaluation_measure/></oml:evaluation_measures>"
    return _document(
        "task",
        _element(
            task_id=task.task_id, task_name=task.name, task_type_id=task.type_id,
            task_type=TYPES[task.type_id],
        )
        + f'<oml:input name="source_data"><oml:data_set>{source}</oml:data_set></oml:input>'
        + '<oml:input name="estimation_procedure">'
        + f"<oml:estimation_procedure>{procedure}</oml:estimation_procedure></oml:input>"
        + f'<oml:input name="evaluation_measures">{measure}</oml:input>',
    )  # fmt: skip


def _features_xml(task: Task) -> str:
    features = ""
    for i, (name, values) in enumerate(task.frame.items()):
        nominal = isinstance(values.dtype, pd.CategoricalDtype)
        levels = (
            "".join(_element(nominal_value=v) for v in values.cat.categories) if nominal else ""
        )
        described = (
            _element(index=i, name=name, data_type="nominal" if nominal else "numeric")
            + levels
            + _element(
                is_target=str(name == task.target).lower(),
                is_ignore=str(name in task.ignored).lower(),
                is_row_identifier="false",
                number_of_missing_values=int(values.isna().sum()),
            )
        )
        features += f"<oml:feature>{described}</oml:feature>"
    return _document("data_features", features)


def _qualities_xml(task: Task) -> str:
    counts = {"NumberOfInstances": len(task.frame), "NumberOfFeatures": task.frame.shape[1]}
    qualities = (_element(name=name, value=float(count)) for name, count in counts.items())
    return _document(
        "data_qualities", "".join(f"<oml:quality>{q}</oml:quality>" for q in qualities)
    )


def _quoted(value: Any) -> str:
    text = "?" if pd.isna(value) else str(value)
    return f"'{text}'" if set(text) & set(", ") else text


def _rows_arff(task: Task) -> str:
    lines = [f"@RELATION {task.name}", ""]
    for name, values in task.frame.items():
        nominal = isinstance(values.dtype, pd.CategoricalDtype)
        kind = "{" + ",".join(map(_quoted, values.cat.categories)) + "}" if nominal else "NUMERIC"
        lines.append(f"@ATTRIBUTE {name} {kind}")
    lines += ["", "@DATA"]
    lines += [",".join(map(_quoted, row)) for row in task.frame.itertuples(index=False)]
    return "\n".join(lines) + "\n"


def _rows_parquet(task: Task) -> bytes:
    buffer = io.BytesIO()
    task.frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _splits_arff(task: Task) -> str:
    lines = [
        "@RELATION splits", "@ATTRIBUTE type {TRAIN,TEST}", "@ATTRIBUTE rowid NUMERIC",
        "@ATTRIBUTE repeat NUMERIC", "@ATTRIBUTE fold NUMERIC", "@DATA",
    ]  # fmt: skip
    for repeat, folds in enumerate(task.folds()):
        for fold in range(FOLDS):
            lines += [
                f"{'TEST' if tested == fold else 'TRAIN'},{row},{repeat},{fold}"
                for row, tested in enumerate(folds)
            ]
    return "\n".join(lines) + "\n"
