"""Measure how much of a sweep's time goes to anything but generating, fine-tuning and scoring.

    python -m scripts.measure_overhead results/embedded --workers 2

Reads the journal and the records of a sweep that ran to its end in one go: the workers' time from
the first cell's start to the last one's end, against the time inside those three phases. What the
checks of what is read from disk cost is measured here and now, on the sweep's own files.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path

from bench.cell import journal
from bench.cell.record import fault
from bench.cell.store import Store

WORK = ("generate", "scoring", "finetune")


def main() -> None:
    """Print the shares, and the cells' peak memory."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results_dir", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    records = list(Store(args.results_dir).records())
    events = journal.read(args.results_dir / "journal.jsonl").events
    ends = [e["time"] for e in events if e["event"] == "cell" and e["made"]]
    if not records or not ends:
        parser.error(
            f"'{args.results_dir}' lacks the records, or the journal, of a sweep that ran."
        )
    work = sum(r["timings"]["seconds"].get(phase, 0.0) for r in records for phase in WORK)
    begun = min(r["timings"]["started"] for r in records)
    ran = max(ends) - begun
    total = args.workers * ran
    print(f"{len(records)} cells, {ran:.0f} s on {args.workers} workers")
    print(f"generating, fine-tuning, scoring: {work:.0f} s of the workers' {total:.0f} s")
    print(f"overhead and idle workers: {100 * (1 - work / total):.1f} %")
    inside = sum(r["timings"]["seconds"]["total"] for r in records)
    print(f"overhead within cells: {100 * (1 - work / inside):.2f} %")
    checks = _checks(args.results_dir)
    print(
        f"checks of records and synthetic tables: {1000 * checks / len(records):.2f} ms a cell, "
        f"{100 * checks / inside:.2f} % of the cells' time"
    )
    peak = max(r["timings"]["peak_memory_mb"] for r in records)
    print(f"peak memory of a cell: {peak:.0f} MiB")


def _checks(results_dir: Path) -> float:
    """Seconds of this processor that all cells' checks take.

    A cell's record is read at most twice, before and after its lock, and checked before it is
    written; its synthetic table's file is hashed once.
    """
    store, begun = Store(results_dir), time.process_time()
    for path in store.paths():
        for _ in range(2):
            record, _ = store.examine(path)
        if record is not None:
            fault(record)
            if record["synthetic"] is not None and record["synthetic"]["key"] is not None:
                file = results_dir / "synthetic" / f"{record['synthetic']['key']}.parquet"
                if file.is_file():
                    hashlib.sha256(file.read_bytes()).hexdigest()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
