"""Small sweeps, in processes of their own or in this one, and the records that they leave."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from bench.cell.record import results_of
from bench.cli import main

BENCH = [sys.executable, "-m", "bench"]
METHODS = ["pretrained", "default_ft", "bootstrap", "table_augment", "mixed_model"]
SWEEP = [
    "-m",
    "dataset=iris,haberman",
    "fold=0",
    f"methods=[{','.join(METHODS)}]",
    "finetune.steps=3",
]


def bench(*arguments: str, **kwargs) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BENCH, *arguments], capture_output=True, text=True, timeout=300, check=False, **kwargs
    )


def inside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As `bench`, in this process: where no other is needed, that spares all its imports."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(arguments))
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def sweep(results: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return bench("run", *SWEEP, f"results_dir={results}", *more)


def records(results: Path) -> dict[str, dict]:
    cells = results / "cells"
    return {
        str(path.relative_to(cells)): json.loads(path.read_text())
        for path in sorted(cells.rglob("*.json"))
    }


def results(folder: Path) -> dict[str, dict]:
    return {name: results_of(record) for name, record in records(folder).items()}
