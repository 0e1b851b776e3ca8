"""How much of a sweep's time goes to anything but generating, fine-tuning and scoring.

    python scripts/measure_overhead.py results/embedded --workers 2

Reads the journal and the records of a sweep that ran to its end in one go: the workers' time from
the first cell's start to the last one's end, against the time inside those three phases.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.store import Store

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
    work = sum(r["timings"]["seconds"].get(phase, 0.0) for r in records for phase in WORK)
    begun = min(r["timings"]["started"] for r in records)
    lines = (args.results_dir / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    ended = max(e["time"] for e in map(json.loads, lines) if e.get("made"))
    total = args.workers * (ended - begun)
    print(f"{len(records)} cells, {ended - begun:.0f} s on {args.workers} workers")
    print(f"generating, fine-tuning, scoring: {work:.0f} s of the workers' {total:.0f} s")
    print(f"overhead and idle workers: {100 * (1 - work / total):.1f} %")
    inside = sum(r["timings"]["seconds"]["total"] for r in records)
    print(f"overhead within cells: {100 * (1 - work / inside):.2f} %")
    peak = max(r["timings"]["peak_memory_mb"] for r in records)
    print(f"peak memory of a cell: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
