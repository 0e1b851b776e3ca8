"""The command line: `python -m bench VERB …`."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from bench import __version__, files
from bench.cell.config import register
from bench.errors import BAD_INPUT, BadInput, closest
from bench.process import INVOKED, invoked
from bench.sweep.interrupt import remember_interrupts
from bench.sweep.overrides.line import MULTIRUN, Line
from bench.sweep.overrides.words import as_typed
from bench.verbs._door import guarded

CONF = str(files.CONF)

COMMAND = "causalmixft"

# A verb's function takes the words after it and gives the exit code; it is imported when asked for,
# so that the command line stays light.
VERBS = {
    "run": "bench.cli:run",
    "report": "bench.verbs.report:main",
    "status": "bench.verbs.status:main",
    "show": "bench.verbs.show:main",
    "diff": "bench.verbs.diff:main",
    "verify": "bench.verbs.verify:main",
    "graph": "bench.cli:graph",
    "fetch": "bench.verbs.fetch:fetch",
    "plan": "bench.verbs.plan:plan",
}

# They leave nothing behind: where nobody listens any more (`| head`), they end.
ONLY_PRINT = {"plan", "status", "show", "diff", "verify"}

USAGE = """usage: {program} VERB [key=value ...]

verbs
  run       run a cell, or a sweep of cells; what is already done is not done again
  fetch     get tables and weights ahead, verified; after it, offline=true runs
  plan      cells, done, fetched, and the time that the rest will take
  report    tables, figures and a page from records: report [results_dir] [analysis.KEY=VALUE ...]
  status    what is done, running, failed, stale, left: status [results_dir] [--watch]
  show      one record, readable: show CELL [results_dir]
  diff      two results folders, cell by cell and table by table: diff A B
  verify    make some cells again and compare: verify [results_dir] [n=5] [seed=0] [--all] …
  graph     draw what causal discovery finds in one fold of a table

one cell, one's own table, a sweep
  {program} run dataset=credit-g fold=0 method=default_ft
  {program} run dataset=tabarena/credit-g fold=0 method=default_ft
  {program} run dataset=csv path=my.csv target=label method=default_ft
  {program} run -m experiment=smoke
  {program} graph dataset=credit-g fold=0
  {program} fetch experiment=paper
  {program} run -m dataset=credit-g,diabetes fold=0,1,2 'methods=[pretrained,default_ft]'

common keys (all of them: {program} run --cfg job)
  dataset=     {datasets}
  method=      {methods}
  model=       {models}
  finetune=    {finetunes}
  experiment=  {experiments}
  fold=0…29 seed=0 device=auto|cpu|cuda rerun=needed|failed|all|none results_dir=FOLDER
  hydra/launcher=joblib hydra.launcher.n_jobs=2     run a sweep in two processes

what may stand behind a verb: {program} VERB --help

exit codes: 0 all cells done, 1 a cell failed (its record says why), 2 bad input, 3 a bug of ours
"""


def console() -> None:
    """The command `causalmixft` of an installed package."""
    os.environ[INVOKED] = COMMAND  # the processes of a sweep tell the same command
    sys.exit(main())


def main(argv: list[str] | None = None) -> int:
    """Run one verb; give the exit code."""
    verb, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    asks_help = any(word in ("--help", "-h") for word in rest)
    if verb == "--version":
        return guarded(lambda: print(f"{COMMAND} {__version__}") or 0, only_prints=True)
    if verb not in VERBS or asks_help:
        return guarded(lambda: _help(verb), only_prints=True)
    return guarded(lambda: _verb(verb, rest), only_prints=verb in ONLY_PRINT)


def _verb(verb: str, words: list[str]) -> int:
    """Import a verb and run it."""
    for word in words:
        _check_text(word)
    module, _, function = VERBS[verb].partition(":")
    code: int = getattr(import_module(module), function)(words)
    return code


def _check_text(word: str) -> None:
    """Refuse a word that the terminal's encoding could not read: it could not be recorded."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise BadInput(
            f"{word!a} holds characters that are no {sys.getfilesystemencoding()}, as which "
            "this terminal's words are read; set PYTHONUTF8=1 and run it again."
        ) from None


def _help(verb: str) -> int:
    asks = verb in (*VERBS, "-h", "--help", "help")
    text = usage()
    own = _own_usage(verb)
    refused = (
        f"bench: no verb '{verb}';{closest(verb, VERBS) or ' expected one of these.'}\n\n{text}"
    )
    print(f"{own}{text}" if asks else refused, file=sys.stdout if asks else sys.stderr)
    return 0 if asks else BAD_INPUT


def _own_usage(verb: str) -> str:
    """What may stand behind a verb; "" where that is any key of the config."""
    module = VERBS.get(verb, "").partition(":")[0]
    if module in ("", __name__):
        return ""
    own = getattr(import_module(module), "USAGE", "")
    return f"usage: {invoked()} {own}\n\n" if own else ""


def usage() -> str:
    """The help text, with the names that `conf/` offers."""
    return USAGE.format(
        program=invoked(),
        **{
            f"{group}s": textwrap.fill(
                " | ".join(_names(group)), width=80, subsequent_indent=" " * 15
            )
            for group in ("dataset", "method", "model", "finetune", "experiment")
        },
    )


def _names(group: str) -> list[str]:
    folder = Path(CONF, group)
    here = sorted(path.stem for path in folder.glob("*.yaml"))
    suites = sorted(path for path in folder.iterdir() if path.is_dir())
    return here + [f"{suite.name}/<{len(list(suite.glob('*.yaml')))} names>" for suite in suites]


def run(overrides: list[str]) -> int:
    """Run a cell or a sweep; give the exit code."""
    return _with_config("run", overrides, _run_job)


def _run_job(cfg: DictConfig) -> int:
    from bench.sweep.job import job

    return job(cfg)


def graph(overrides: list[str]) -> int:
    """Draw what causal discovery finds in one fold; give the exit code."""
    line = Line.of(overrides)
    if {*line.flags} & {*MULTIRUN} or line.value("methods") not in (None, "null"):
        raise BadInput("graph draws one fold of one method: fold=NUMBER, method=NAME, without -m.")
    # The config's default method draws nothing; one that is named on the command line comes last.
    return _with_config("graph", ["method=scm", "hydra.mode=RUN", *overrides], _draw_graph)


def _draw_graph(cfg: DictConfig) -> int:
    from bench.verbs.graph import draw

    draw(cfg)
    return 0


def _with_config(verb: str, overrides: list[str], work: Callable[[DictConfig], int]) -> int:
    """Compose the config and do the work with it; what goes wrong is raised."""
    from bench.sweep.sweeper import register as register_sweeper

    register()
    register_sweeper()
    remember_interrupts()
    # Our errors are sentences already; Hydra would cut them down to its own.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = [f"{invoked()} {verb}", *as_typed(overrides)]
    failed: int = 0
    raised: Exception | None = None

    @hydra.main(version_base="1.3", config_path=CONF, config_name="config")
    def start(cfg: DictConfig) -> int:
        nonlocal failed, raised
        try:
            failed = work(cfg)
        except Exception as error:  # whatever it is: the door judges it
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # it may be in another process, and must get out of it
            raised = error  # Hydra would print a frame of its own around it
        return failed

    start()
    if raised is not None:
        raise raised
    return 1 if failed else 0
