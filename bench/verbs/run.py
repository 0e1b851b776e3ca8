"""`python -m bench run`: one cell, or a sweep of cells."""

from __future__ import annotations

from bench.sweep.job import job
from bench.sweep.launcher import require_installed
from bench.verbs._hydra import with_config

HELP = "run a cell, or a sweep of cells; what is already done is not done again"
PLACE = 1


def main(words: list[str]) -> int:
    """Run a cell or a sweep; give the exit code."""
    require_installed(words)
    return with_config("run", words, job)
