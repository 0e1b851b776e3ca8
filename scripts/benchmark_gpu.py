"""Fine-tuning speed and memory of a model of Mitra's size on a GPU: ours against AutoGluon's.

    python -m scripts.benchmark_gpu                # 512 dimensions x 12 layers, random weights
    python -m scripts.benchmark_gpu --steps 10 --repeats 1

As `scripts.benchmark_finetune`, which measures the same on a processor: one table, one checkpoint,
as many steps and evaluations on both sides, a fresh process each, and the sides take turns.
Both compute in bfloat16. Wall time ends when the GPU has; memory is the GPU's peak.

Ends with our cells per hour (a cell is `steps` steps of default fine-tuning) and lines
``RATIO <name> <value>``; above 1, ours is better. Without a GPU it says so and ends with status 2.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from scripts.benchmark_finetune import (
    SIDES,
    Configuration,
    _autogluon,
    _ours,
    save_full_size,
)

TABLES = {"wdbc": None, "credit-g": None}  # dataset → first rows of it; None: all


def measure(side: str, configuration: Configuration) -> dict[str, float]:
    """Run one side in this process."""
    import torch

    fit = {"ours": _ours, "autogluon": _autogluon}[side](configuration)
    torch.cuda.init()
    torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    fit()
    torch.cuda.synchronize()
    return {
        "wall": time.perf_counter() - begun,
        "memory": torch.cuda.max_memory_allocated() / 2**20,
    }


def in_fresh_process(side: str, configuration: Configuration) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benchmark_gpu", "--measure", side],
        input=json.dumps(asdict(configuration)),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        raise SystemExit(f"{configuration.name}: {side} failed.\n{done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(configuration: Configuration, repeats: int) -> dict[str, dict[str, float]]:
    """Medians of each side over interleaved runs, a process each."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for repeat in range(repeats):
        for side in SIDES:
            run = in_fresh_process(side, configuration)
            runs[side].append(run)
            told = f"{run['wall']:7.2f} s wall  {run['memory']:6.0f} MiB of the GPU"
            print(f"{configuration.name}  {repeat + 1}/{repeats}  {side:10}  {told}", flush=True)
    return {
        side: {what: statistics.median(run[what] for run in of_side) for what in of_side[0]}
        for side, of_side in runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=30, help="of fine-tuning (default: 30)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side (default: 3)")
    parser.add_argument("--measure", choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        configuration = Configuration(**json.loads(sys.stdin.read()))
        print(json.dumps(measure(args.measure, configuration)))
        return
    import torch

    if not torch.cuda.is_available():
        print("No GPU is at hand; scripts/benchmark_finetune.py measures processors.")
        sys.exit(2)
    print(torch.cuda.get_device_name())
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        save_full_size(Path(folder))
        for dataset, rows in TABLES.items():
            configuration = Configuration(
                f"gpu-{dataset}", dataset, args.steps, True, rows, device="cuda", checkpoint=folder
            )
            medians = compare(configuration, args.repeats)
            hourly = 3600 / medians["ours"]["wall"]
            print(f"{dataset}: {hourly:.0f} cells of {args.steps} steps per hour, loading included")
            for what, name in (("wall", "wall-time"), ("memory", "memory")):
                ratio = medians["autogluon"][what] / medians["ours"][what]
                ratios.append(f"RATIO {configuration.name}-{name} {ratio:.2f}")
    print("\n".join(ratios))


if __name__ == "__main__":
    main()
