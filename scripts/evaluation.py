"""What the evaluations share: jobs on several workers, tables in the terminal, numbers as CSV."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from hydra.errors import InstantiationException
from joblib import Parallel, delayed, parallel_config
from rich.console import Console

from bench.errors import BadInput

WIDTH = 150  # of printed tables, where there is no terminal to ask
PROGRESS = ("dataset", "network", "seed", "rows", "method")


class Job(Protocol):
    """Something to measure."""

    def run(self) -> list[dict[str, Any]]:
        """Rows of measurements."""


def run_all(todo: Sequence[Job], workers: int) -> Iterator[dict[str, Any]]:
    """The rows of all jobs, as they end; see `run_each`."""
    for rows in run_each(todo, workers):
        yield from rows


def run_each(todo: Sequence[Job], workers: int) -> Iterator[list[dict[str, Any]]]:
    """Run jobs on some workers, one thread each, and say on the way how much time is left."""
    start = time.monotonic()
    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        results = Parallel(return_as="generator_unordered")(delayed(job.run)() for job in todo)
    for done, rows in enumerate(results, 1):
        left = (time.monotonic() - start) / done * (len(todo) - done)
        last = " ".join(str(rows[-1][key]) for key in rows[-1] if key in PROGRESS)
        print(f"[{done}/{len(todo)}] {last} · about {left:.0f} s left", file=sys.stderr, flush=True)
        yield rows


def console() -> Console:
    """The terminal, or what stands for it."""
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def number(value: float, digits: int) -> str:
    """For a table; a dash where there is none."""
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def at_least_one(text: str) -> int:
    """A whole number from 1 on, as argparse reads it."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1 on")
    return int(text)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The command line with what every evaluation takes."""
    raw = argparse.RawDescriptionHelpFormatter
    out = argparse.ArgumentParser(description=description, formatter_class=raw)
    out.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="default: 0 1 2")
    out.add_argument("--jobs", type=at_least_one, default=2, help="processes; default: 2")
    out.add_argument("--csv", type=Path, help="write every measurement there")
    return out


def evaluate(
    part: Callable[[argparse.Namespace], pd.DataFrame | None],
    line: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
) -> None:
    """Measure, write the measurements where they are wanted, and say how long it took.

    A part that gives none has written them itself.
    """
    given, start = line.parse_args(arguments), time.monotonic()
    try:
        measured = part(given)
    except InstantiationException as refusal:
        line.error(str(refusal.__cause__ or refusal))
    except BadInput as refusal:
        line.error(str(refusal))
    except KeyboardInterrupt:
        line.exit(130, "Interrupted.\n")
    if given.csv and measured is not None:
        given.csv.parent.mkdir(parents=True, exist_ok=True)
        measured.to_csv(given.csv, index=False)
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
