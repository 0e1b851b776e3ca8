"""Checkpoints by hub id, through the real client, against a loopback hub."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.cell.model import recorded
from bench.errors import ModelError
from bench.models import lock
from bench.models.lock import NAME
from bench.models.weights import FILES, NANO, check

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MOVED = "89abcdef0123456789abcdef0123456789abcdef"  # where its branch stands later
NOBODY = "http://127.0.0.1:9"
GET = """
import json, sys
from bench.models import weights
from bench.models.weights import ModelError, files, files_hash, lock_branch
weights.GRACE = 3.0
path, revision, offline = json.loads(sys.argv[1])
try:
    found = files(path, revision, offline)
    lock_branch(found, path, revision)
    print(*found, files_hash(found))
except ModelError as reason:
    print(f"refused: {reason}")
"""


class _Hub(BaseHTTPRequestHandler):
    """Serves mitra-nano's files as those of `generated/nano`, at two commits."""

    head = COMMIT  # of its branch main

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        name = self.path.rpartition("/")[2]
        revision = self.path.split("/")[-2]
        commit = self.head if revision == "main" else revision
        places = [
            f"/generated/{kind}/resolve/{revision}/{name}"
            for kind in ("nano", "drip")
            for revision in (COMMIT, MOVED, "main")
        ]
        found = self.path in places and name in FILES
        body = (NANO / name).read_bytes() if found else b""
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        if found:
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", commit)
        else:
            self.send_header("X-Error-Code", "RevisionNotFound")
        self.end_headers()
        if with_body and "/drip/" in self.path:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for i in range(400):
                    self.wfile.write(body[i : i + 1])
                    time.sleep(0.05)
        elif with_body:
            self.wfile.write(body)


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def get(
    endpoint: str, home: Path, revision: str = COMMIT, offline: bool = False, kind: str = "nano"
) -> str:
    """What a fresh process gets for `generated/nano`: two paths and the hash, or a refusal."""
    run = subprocess.run(
        [sys.executable, "-c", GET, json.dumps([f"generated/{kind}", revision, offline])],
        env={**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return run.stdout.strip()


@pytest.mark.long
def test_what_was_fetched_once_needs_no_hub(hub: str, tmp_path: Path) -> None:
    first = get(hub, tmp_path)
    config, weights, _ = first.split()
    assert Path(config).read_bytes() == (NANO / "config.json").read_bytes()
    assert Path(weights).read_bytes() == (NANO / "model.safetensors").read_bytes()
    assert get(NOBODY, tmp_path, offline=True) == first
    assert get(NOBODY, tmp_path) == first  # a pinned commit never has to be asked for again


@pytest.mark.long
@pytest.mark.parametrize("offline", [False, True])
def test_a_hub_out_of_reach_names_the_remedy(tmp_path: Path, offline: bool) -> None:
    told = get(NOBODY, tmp_path, offline=offline)
    assert told.startswith("refused: Checkpoint 'generated/nano' is no folder and ")
    assert ("is not in the hub's cache here" in told) == offline
    assert "`python -m bench fetch` and the same words where there is a network" in told
    assert "\n" not in told


@pytest.mark.long
def test_a_hub_that_drips_is_not_waited_for(hub: str, tmp_path: Path) -> None:
    """A byte each 50 ms never is silent: config.json would take a minute, the weights weeks."""
    told = get(hub, tmp_path, kind="drip")
    assert told.startswith("refused: Checkpoint 'generated/drip' is no folder and could not be had")
    assert re.search(r"\(only \d+ bytes in 3 s\)", told)


def test_an_unknown_commit_is_refused(hub: str, tmp_path: Path) -> None:
    assert get(hub, tmp_path, revision="f" * 40).startswith("refused: Checkpoint")


@pytest.mark.long
def test_a_branch_stays_what_it_was_when_it_was_first_fetched(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get(hub, tmp_path, revision="main")
    config, weights, _ = first.split()
    assert f"/snapshots/{COMMIT}/" in weights
    locked = tmp_path / NAME
    hashes = {name: hashlib.sha256((NANO / name).read_bytes()).hexdigest() for name in FILES}
    pin = {"commit": COMMIT, "sha256": hashes}
    assert json.loads(locked.read_text()) == {"generated/nano": {"main": pin}}
    monkeypatch.setattr(_Hub, "head", MOVED)
    shutil.rmtree(tmp_path / "hub")
    assert get(hub, tmp_path, revision="main") == first
    blob = Path(config).resolve()
    blob.write_text(blob.read_text() + " ")
    told = get(hub, tmp_path, revision="main")
    assert "config.json is not the file that was first fetched of 'generated/nano', as" in told
    assert str(locked) in told


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a": 1}', '{"a": {"main": 1}}', '{"a": {"main": {"commit": "x"}}}']
)
def test_a_damaged_lock_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "place", lambda: tmp_path / NAME)
    (tmp_path / NAME).write_text(text)
    with pytest.raises(ModelError, match="is damaged; delete it and run"):
        lock.pin_of("generated/nano", "main")


def test_a_record_tells_the_commit_and_the_files_of_a_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "place", lambda: tmp_path / NAME)
    config = {"_target_": "bench.models.tab2d.checkpoint.load", "path": "a/b", "revision": "main"}
    assert recorded(config) == config
    lock.settle("a/b", "main", lock.Pin(COMMIT, {"config.json": "0" * 64}))
    lock.settle("a/b", "main", lock.Pin(MOVED, {}))  # too late
    assert recorded(config) == config | {"revision": COMMIT, "sha256": {"config.json": "0" * 64}}
    for other in ({"revision": MOVED}, {"path": None}, {"path": str(tmp_path)}, {"path": "c/d"}):
        assert recorded(config | other) == config | other


def test_files_are_held_to_their_pins() -> None:
    found = [NANO / name for name in FILES]
    pins = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in found}
    check(found, pins)
    check(found, {})
    with pytest.raises(ModelError, match=r"model.safetensors is not the file that .* pins"):
        check(found, pins | {"model.safetensors": "0" * 64})
