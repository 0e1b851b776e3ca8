"""Time generators on tables of many sizes, and the Gaussian copula's margins against each other.

    python -m scripts.benchmark_rivals                        # three minutes
    python -m scripts.benchmark_rivals --sizes 400x50 --methods gaussian_copula --compare 20x650

Each method fits a table of `scripts.scm.tasks` and draws twice its rows, with the settings of its
YAML, in this process and on one thread; seconds are the processor's. Ends with lines ``RATIO <name>
<value>``; above 1, ours is better:

    copula-<size>       the best family of the copulas library for each column / margins of its own
    <method>-<size>     seconds allowed for fit and sample / seconds taken
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from omegaconf import OmegaConf
from threadpoolctl import threadpool_limits

from bench.generator import Generator
from bench.table import Table
from generators.gaussian_copula import GaussianCopula
from scripts.scm.tasks import Task

METHODS = ("gaussian_copula", "bayesian_network", "arf")
SIZES = ("20x650", "85x500", "131x222", "400x300", "400x50")
# Seconds, fit and sample:
TARGETS = {
    ("gaussian_copula", "85x500"): 1.0,
    ("bayesian_network", "20x650"): 2.0,
    ("arf", "20x650"): 5.0,
}
FAMILIES = "copulas.univariate.Univariate"


def main() -> None:
    """Print seconds, then ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="COLUMNSxROWS")
    parser.add_argument("--compare", default="85x500", metavar="COLUMNSxROWS")
    args = parser.parse_args()
    ratios = []
    with threadpool_limits(1):
        seconds(GaussianCopula(), Task("5x50").table())  # what is imported and looked up once
        for size in args.sizes:
            for method in args.methods:
                took = seconds(generator(method), Task(size).table())
                print(f"{size:>8} {method:<20} {took:8.2f} s", flush=True)
                if (method, size) in TARGETS:
                    ratios.append((f"{method}-{size}", TARGETS[method, size] / took))
        table = Task(args.compare).table()
        own, families = seconds(GaussianCopula(), table), seconds(GaussianCopula(FAMILIES), table)
    print(f"{args.compare:>8} {FAMILIES:<20} {families:8.2f} s")
    for name, ratio in (*ratios, (f"copula-{args.compare}", families / own)):
        print(f"RATIO {name} {ratio:.1f}")


def generator(method: str) -> Generator:
    """A method's generator, with the settings of its YAML."""
    path = Path(__file__).parents[1] / "conf" / "method" / f"{method}.yaml"
    return instantiate(OmegaConf.load(path).generator)


def seconds(maker: Generator, table: Table) -> float:
    """Processor seconds for a fit and twice the table's rows."""
    began = time.process_time()
    maker.fit(table, np.random.default_rng(0)).sample(2 * len(table), np.random.default_rng(1))
    return time.process_time() - began


if __name__ == "__main__":
    main()
