"""`python -m bench run`: one cell, or a sweep of cells."""

from __future__ import annotations

from bench.sweep.job import job
from bench.sweep.launcher import require_installed
from bench.verbs._hydra import with_config

HELP = "run a cell, or a sweep of cells; what is already done is not done again"
PLACE = 1
USAGE = "run [-m] [experiment=NAME] [key=value ...]"
ABOUT = """
One cell (one method on one fold of one table), or with -m a sweep: a cell for each value of each
key that lists several (fold=0,1,2), or that an experiment lists several of.

  -m                           a sweep
  'methods=[a,b]'              several methods beside each other, each perhaps with keys of its own
  experiment=NAME              tables, folds and methods of conf/experiment/NAME.yaml
  rerun=needed|failed|all|none what of what is there is done again (default: what today's code
                               would make anew, and what failed)
  offline=true                 whatever would need a network is refused
  results_dir=FOLDER           where records go (default: results/EXPERIMENT)
  --cfg job                    print all keys and their values, run nothing
  --config-dir FOLDER          a folder with files of your own, laid out as conf/

Stop it whenever you like: the same command goes on.
"""


def main(words: list[str]) -> int:
    """Run a cell or a sweep; give the exit code."""
    require_installed(words)
    return with_config("run", words, job)
