"""Compare speed and memory of fine-tuning at Mitra's size on a GPU: ours and AutoGluon's.

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
import sys
import tempfile
import time
from pathlib import Path

from scripts.benchmark_finetune import SIDES, Configuration, compare, ratios, save_full_size

TABLES = ("wdbc", "credit-g")
SHOWN = {"wall": "{:7.2f} s wall", "memory": "{:6.0f} MiB of the GPU"}


def measure(side: str, configuration: Configuration) -> dict[str, float]:
    """Run one side in this process."""
    import torch

    fit = SIDES[side](configuration)
    torch.cuda.init()
    torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    fit()
    torch.cuda.synchronize()
    return {
        "wall": time.perf_counter() - begun,
        "memory": torch.cuda.max_memory_allocated() / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=30, help="of fine-tuning (default: 30)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side (default: 3)")
    args = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        print("No GPU is at hand; scripts/benchmark_finetune.py measures processors.")
        sys.exit(2)
    print(torch.cuda.get_device_name())
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        save_full_size(Path(folder))
        for dataset in TABLES:
            configuration = Configuration(
                f"gpu-{dataset}",
                dataset,
                args.steps,
                full=True,
                threads=None,
                device="cuda",
                checkpoint=folder,
            )
            medians = compare(measure, configuration, args.repeats, SHOWN)
            hourly = 3600 / medians["ours"]["wall"]
            print(f"{dataset}: {hourly:.0f} cells of {args.steps} steps per hour, loading included")
            lines += ratios(configuration, medians)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
