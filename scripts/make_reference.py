"""Make the kept runs under results/reference, one experiment after the other (`make reference`).

    python -m scripts.make_reference                         # all that is left
    python -m scripts.make_reference --plan                  # what is left, how long it will take
    python -m scripts.make_reference --only embedded safety  # these alone
    python -m scripts.make_reference --minutes 90            # stop then, and keep what there is
    python -m scripts.make_reference --keep                  # run nothing, keep what there is

Work is done in results/NAME. What another of these experiments has made already is not made twice.
A run that is whole is packed into results/reference/NAME with its report; of one that is not, what
there is goes to results/reference/unfinished/NAME, and the next start, on any machine, goes on from
it. Commit both. Exit code 0: all is whole; 2: bad input; 3: something is left.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from joblib import cpu_count

from bench.cell.config import register
from bench.errors import BAD_INPUT, BadInput
from bench.phrases import counted
from bench.sweep.costs import Costs, measured
from scripts.reference.asked import Cell, asked, done
from scripts.reference.folders import DEFAULTS, Folder, folders
from scripts.reference.keeping import Cells, brought, packed, reported
from scripts.reference.sweeping import LOG, Progress, sweep
from scripts.reference.time_left import Estimate

LEFT = 3  # exit code: not all is whole yet


@dataclass
class Kept:
    """A folder of kept runs, the cells that it asks for, and the exit code once it is packed."""

    folder: Folder
    cells: Cells
    code: int | None = None

    def left(self, results: Path) -> list[Cell]:
        """The cells that are not done yet."""
        have = {cell.place for cell, _ in done(self.folder.work(results), self.cells)}
        return [cell for place, cell in self.cells.items() if place not in have]


def main() -> int:
    """Make what is left; give the exit code."""
    args = _arguments()
    try:
        return make(args)
    except BadInput as reason:
        print(f"make_reference: {reason}", file=sys.stderr)
        return BAD_INPUT


def make(args: argparse.Namespace) -> int:
    """Bring, run, pack and report, folder after folder.

    Raises
    ------
    BadInput
    """
    register()
    every = folders(args.file)
    wanted = folders(args.file, args.only)
    if args.minutes is not None and not args.minutes >= 0:
        raise BadInput("--minutes is a number that is not below 0.")
    kept = [Kept(folder, _told(folder)) for folder in wanted]
    args.results.mkdir(parents=True, exist_ok=True)
    for of in kept:
        _bring(of, every, args.results)
    if not args.keep and not _run(kept, every, args):
        return 0  # a plan
    return max([_keep(of, args.results) for of in kept], default=0)


def _bring(of: Kept, every: list[Folder], results: Path) -> None:
    """Bring what of a folder was made before, there or for another."""
    others = [folder for folder in every if folder.name != of.folder.name]
    for where, n in brought(of.folder, of.cells, results, others).items():
        print(f"{of.folder.name}: {counted(n, 'record')} brought from {where}", flush=True)


def _told(folder: Folder) -> Cells:
    print(f"{folder.name}: looking at what is asked for …", flush=True)
    return asked(folder.experiments)


def _run(kept: list[Kept], every: list[Folder], args: argparse.Namespace) -> bool:
    """Run what is left, until the time is over or somebody stops it; False of a plan."""
    end = time.monotonic() + 60 * args.minutes if args.minutes is not None else float("inf")
    estimate = Estimate(Costs.fit(measured(args.results)), args.workers)
    lefts = {of.folder.name: of.left(args.results) for of in kept}
    for name, left in lefts.items():
        if left:
            print(f"{name}: {estimate.beforehand(left)}", flush=True)
    # A cell that several folders hold is run for the first of them.
    all_left = list({cell.place: cell for left in lefts.values() for cell in left}.values())
    if all_left:
        print(f"All: {estimate.beforehand(all_left)}", flush=True)
    else:
        print("All cells are done by today's code: nothing is left to run.", flush=True)
    if args.plan:
        return False
    progress = Progress(all_left, len({place for of in kept for place in of.cells}), estimate)
    try:
        for of in kept:
            if not lefts[of.folder.name]:
                continue
            _bring(of, every, args.results)  # what was made for those before it
            for experiment in of.folder.experiments if of.left(args.results) else []:
                if time.monotonic() >= end:
                    return True
                work = of.folder.work(args.results)
                code = sweep(
                    experiment, work, args.workers, progress, lambda: time.monotonic() >= end
                )
                if code and time.monotonic() < end:
                    print(f"{experiment} ended with exit code {code}: see {work.root / LOG}")
            if not of.left(args.results):
                _keep(of, args.results)
    except KeyboardInterrupt:
        print("Stopped; what there is is kept.", flush=True)
    return True


def _keep(of: Kept, results: Path) -> int:
    """Pack a folder, with its report if it is whole; give the exit code that it means."""
    if of.code is not None:
        return of.code
    name, left = of.folder.name, of.left(results)
    if len(left) == len(of.cells):
        print(f"{name}: nothing is done yet")
        return LEFT
    root, is_whole = packed(of.folder, of.cells, results)
    if is_whole:
        reported(of.folder, root)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    what = "whole" if is_whole else f"{counted(len(left), 'cell')} left"
    print(f"{name}: {what}; {len(of.cells) - len(left):,} records in {root}, {size / 1e6:.1f} MB")
    of.code = 0 if is_whole else LEFT
    return of.code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="of the kept runs")
    parser.add_argument("--minutes", type=float, help="after which no cell is begun")
    parser.add_argument("--plan", action="store_true", help="say what is left, run nothing")
    parser.add_argument("--keep", action="store_true", help="pack what there is, run nothing")
    parser.add_argument("--workers", type=int, default=cpu_count(), help="processes (default: all)")
    parser.add_argument("--results", type=Path, default=Path("results"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, default=DEFAULTS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
