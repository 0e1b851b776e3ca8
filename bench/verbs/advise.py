"""`python -m bench advise …`: whether to fine-tune on one table, and how, by a study of it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from bench.cell.checking import check_config
from bench.cell.known import with_told
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import CONF, plain, printable
from bench.phrases import counted
from bench.process import invoked
from bench.sweep.entries import cells_of
from bench.sweep.folders import writable
from bench.sweep.interrupt import Terminated
from bench.sweep.job import load_table, typed
from bench.sweep.overrides.line import MULTIRUN, Line
from bench.sweep.study import Study
from bench.sweep.time_left import duration
from bench.verbs._hydra import with_config

HELP = "whether to fine-tune on one table, and how: advise dataset=csv path=… target=…"
PLACE = 12
USAGE = "advise dataset=csv path=FILE target=COLUMN [minutes=10] [folds=30] [key=value ...]"
ABOUT = """
A small study of one table, in about as many minutes as asked: fold after fold the base model,
default fine-tuning, the causal mix and a cheap rival (conf/advice.yaml), each stopped by
finetune=safe. It ends in one of three answers, for the rows at hand:

  Keep the base model               no step was better, or a worthwhile gain is excluded
  Fine-tune with …, expect +x ± y   beyond chance for all methods and looks together (5 %)
  Cannot be told with n rows        and about how many folds or rows it would take

and in the command to run next. Stop whenever you like: what is done is read, and the same
command goes on; more minutes add folds. The page is results/advice/NAME/report/index.html, and
results_dir=FOLDER moves it. dataset.groups= and dataset.time= are respected; a gain below
analysis.worthwhile=0.01 (of ROC-AUC, or RMSE / σ) is not worth it.
"""
DEFAULTS = CONF / "advice.yaml"
BASE = "pretrained"
FIRST = ("finetune=safe", "hydra.mode=RUN")  # what is typed comes last, and wins
OURS = ("minutes", "folds", "results_dir", "out")  # words that are not the cells'
# Words that a study of one table cannot have, and why.
REFUSED = {
    "methods": "its candidates stand in conf/advice.yaml",
    "method": "its candidates stand in conf/advice.yaml",
    "fold": "it takes fold after fold; folds=6 ends after the sixth",
    "experiment": "it makes an experiment of its own",
    "hydra/launcher": "it runs one cell after the other",
}

if TYPE_CHECKING:
    from bench.analysis.advice import Advice
    from bench.analysis.settings import Analysis
    from bench.table import Table


def main(words: list[str]) -> int:
    """Study the table and print the advice; give the exit code."""
    asked = Asked.of(words)
    return with_config("advise", [*FIRST, *asked.cells], partial(_advise, asked))


@dataclass(frozen=True)
class Asked:
    """The words of an `advise`, read.

    Attributes
    ----------
    words : list of str
        As typed.
    cells, analysis : list of str
        Those of the cells, those of how they are read.
    minutes : float or None
    folds : int or None
        At most so many.
    results_dir : str or None
    """

    words: list[str]
    cells: list[str]
    analysis: list[str] = field(default_factory=list)
    minutes: float | None = None
    folds: int | None = None
    results_dir: str | None = None

    @classmethod
    def of(cls, words: Sequence[str]) -> Asked:
        """Tell the study's own words from those of its cells.

        Raises
        ------
        BadInput
        """
        line = Line.of(words)
        if {*line.flags} & {*MULTIRUN}:
            raise BadInput(f"advise is of one table: leave {line.flags[0]} out. {USAGE}.")
        for key, why in REFUSED.items():
            if line.value(key) not in (None, "null"):
                raise BadInput(f"advise takes no {key}=: {why}.")
        own = {word: word.partition("=")[0] for word in line.overrides}
        return cls(
            list(words),
            [w for w in words if own.get(w) not in OURS and not w.startswith("analysis.")],
            [w for w in words if w.startswith("analysis.")],
            _minutes(line.value("minutes")),
            _folds(line.value("folds")),
            line.value("results_dir"),
        )


def _minutes(text: str | None) -> float | None:
    try:
        number = None if text is None else float(text)
    except ValueError:
        number = 0.0
    if number is not None and not 0 < number < math.inf:
        raise BadInput(f"minutes={text}: minutes is a number above 0, as minutes=10.")
    return number


def _folds(text: str | None) -> int | None:
    from bench.analysis.advice import FEWEST  # pandas: once it is asked for

    if text is None:
        return None
    if not text.isdecimal() or int(text) < FEWEST:
        raise BadInput(f"folds={text}: folds is a whole number from {FEWEST} on, as folds=6.")
    return int(text)


@dataclass
class Studied:
    """What a study came to.

    Attributes
    ----------
    root : Path
        Its results folder.
    records : list of Record
        Fold after fold.
    entries : dict of str → str
        Method → its entry of `methods`.
    seconds : float
        That a fold takes.
    stopped : bool
        By Ctrl-C.
    advice : Advice
    """

    root: Path
    records: list[Record]
    entries: dict[str, str]
    advice: Advice | None = None
    seconds: float = 0.0
    stopped: bool = False


def _advise(asked: Asked, cfg: DictConfig) -> int:
    """Study, report, say what was found and what to run next; give how many cells failed."""
    from bench.analysis.frame import metric_of
    from bench.analysis.settings import settings
    from bench.report.advice import reply
    from bench.report.write import report

    chosen = settings(asked.analysis)
    found = study(asked, cfg, chosen)
    assert found.advice is not None  # there is a first fold
    told = reply(found.advice, metric_of(found.records), chosen.confidence)
    command = following(asked, found)
    print("Making tables and figures …", flush=True)
    report(found.root, chosen, command=command)
    if found.stopped:
        print(f"Stopped: the answer is from {counted(found.advice.folds, 'fold')}.")
    print(printable(f"\n{told.text}\n\nNext:\n{command}"))
    return sum(record["status"] == "failed" for record in found.records)


def study(asked: Asked, cfg: DictConfig, chosen: Analysis) -> Studied:
    """Run fold after fold until the time is over, or fine-tuning is clearly better.

    Raises
    ------
    BadInput
        If the table or the settings cannot be used; nothing is written then.
    KeyboardInterrupt
        If it is stopped before there is anything to read.
    """
    from bench.analysis.advice import FEWEST, Kind, advised
    from bench.datasets.splits import n_splits

    stated = plain(OmegaConf.load(DEFAULTS))
    table = load_table(cfg)
    root = asked.results_dir or str(Path("results", "advice", table.name))
    store = Store(writable(root))
    cfg.methods = [BASE, *stated["candidates"][table.problem]]
    chosen_method = HydraConfig.get().runtime.choices.method
    entries, configs = zip(*cells_of(cfg, typed(), chosen_method), strict=True)
    for cell in configs:
        check_config(cell)
        cell.results_dir = str(store.root)
    cells = list(zip(entries, with_told(configs), strict=True))
    minutes = asked.minutes or float(stated["minutes"])
    folds = min(n_splits(table), asked.folds or n_splits(table))
    print(_opening(table, len(cells), folds, minutes), flush=True)
    running = Study(cells, table, store, 60 * minutes, _show)
    found = Studied(store.root, [], {cell.method.name: entry for entry, cell in cells})
    try:
        for place, records in enumerate(running.folds(range(folds), FEWEST), start=1):
            found.records += records
            found.seconds = running.cost()
            if place == 1:
                _tell_first(records, FEWEST * found.seconds, 60 * minutes)
            found.advice = advised(found.records, chosen)
            if place < folds and found.advice.kind is Kind.finetune:
                print(f"Clear after {counted(place, 'fold')}: no more are run.")
                break
    except Terminated:
        raise
    except KeyboardInterrupt:
        if found.advice is None or found.advice.folds < FEWEST:
            raise
        found.stopped = True
    return found


def _opening(table: Table, methods: int, folds: int, minutes: float) -> str:
    of = f"{table.n_classes} classes" if table.classes else "a numeric target"
    size = f"{counted(len(table), 'row')}, {counted(table.n_features, 'feature')}, {of}"
    cells = f"{counted(methods, 'cell')} a fold, {counted(folds, 'fold')} at most"
    return printable(f"{table.name}: {size}; {cells}, in about {duration(60 * minutes)}.")


def _tell_first(records: Sequence[Record], needed: float, given: float) -> None:
    """What was done to the table, and whether the time will do."""
    for note in next((r["data"]["notes"] for r in records if r["data"]), []):
        print(f"  note: {printable(note)}")
    if needed > given:
        print(
            f"{duration(given)} are too little: the fewest folds that tell anything take about "
            f"{duration(needed)}. It goes on; Ctrl-C stops it, and what is done is kept.",
            flush=True,
        )


def _show(record: Record, is_made: bool, left: float | None) -> None:
    """A line a cell."""
    cell, seconds = record["cell"], record["timings"]["seconds"]["total"]
    ended = f"{record['status']} ({seconds:.1f} s)" if is_made else f"{record['status']} before"
    why = f": {record['error']['message']}" if record["error"] else ""
    at_most = "" if left is None else f" · {duration(left)} left at most"
    print(printable(f"fold {cell['fold']} {cell['method']}: {ended}{why}{at_most}"), flush=True)


def following(asked: Asked, found: Studied) -> str:
    """The command to run next: more folds where those would tell, else the fit that is advised."""
    advice = found.advice
    assert advice is not None
    if advice.needed is not None and advice.needed.folds is not None:
        minutes = math.ceil(advice.needed.folds * found.seconds / 60)
        kept = [word for word in asked.words if not word.startswith(("minutes=", "folds="))]
        return shlex.join([*invoked().split(), "advise", *kept, f"minutes={minutes}"])
    method = advice.method if advice.kind == "finetune" else BASE
    entry = found.entries[str(method)].split()
    fitted = [f"method={entry[0]}", *(w for w in entry[1:] if not w.startswith("method.name="))]
    typed_rule = any(word.startswith("finetune=") for word in asked.cells)
    rule = [] if typed_rule or method == BASE else ["finetune=safe"]
    return shlex.join([*invoked().split(), "fit", *asked.cells, *fitted, *rule, "out=model"])
