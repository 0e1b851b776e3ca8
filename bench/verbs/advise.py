"""`python -m bench advise …`: whether to fine-tune on one table, and how, by a study of it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from annotated_types import Interval
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from bench.cell.checking import check_config
from bench.cell.known import READERS, with_told
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import CONF, plain, printable
from bench.phrases import counted, duration
from bench.process import invoked
from bench.ranges import Folder, Text
from bench.sweep.entries import cells_of
from bench.sweep.folders import writable
from bench.sweep.interrupt import Terminated
from bench.sweep.job import load_table, typed
from bench.sweep.overrides.line import MULTIRUN, Line
from bench.sweep.overrides.words import literal
from bench.sweep.study import Study
from bench.verbs._hydra import with_config
from bench.verbs._own import refuse, told_apart
from bench.verbs.fit import WITHOUT_EFFECT

HELP = "whether to fine-tune on one table, and how: advise dataset=csv path=… target=…"
PLACE = 12
USAGE = "advise dataset=csv path=FILE target=COLUMN [minutes=10] [folds=30] [key=value ...]"
ABOUT = """
A small study of one table, in about as many minutes as asked: fold after fold the base model,
default fine-tuning, the causal mix and a cheap rival (conf/advice.yaml), each stopped by
finetune=safe. It ends in one of three answers, for the rows at hand:

  Keep the base model               no step was better, or a worthwhile gain is excluded
  Fine-tune with …, expect +x ± y   beyond chance, for all methods and looks together (2 %)
  ... cannot be told with n rows    and about how many folds or rows it would take

and in the command to run next. Stop whenever you like: what is done is read, and the same
command goes on; more minutes add folds, and looking more often errs no more often.

of advise itself
  minutes=10             about; three folds at least, and none is begun that would not end in time
  folds=30               at most
  results_dir=FOLDER     records and the page, report/index.html; else results/advice/NAME
                         (NAME-HASH, if another table of the name has been studied there)
  analysis.worthwhile=0.01    the least gain that is worth it, of ROC-AUC or RMSE / σ

of the table, and what is known of it
  dataset.groups=COLUMN dataset.time=COLUMN dataset.KEY=VALUE   as for fit; folds respect both
  knowledge=FILE.yaml dag=FILE.csv    for the causal mix

examples
  {program} advise dataset=csv path=train.csv target=y
  {program} advise dataset=credit-g minutes=3 results_dir=results/mine
"""
DEFAULTS = CONF / "advice.yaml"
BASE = "pretrained"
FIRST = ("finetune=safe", "hydra.mode=RUN")  # what is typed comes last, and wins
# Words that a study of one table cannot have, and why.
REFUSED = {
    "methods": "its candidates stand in conf/advice.yaml",
    "method": "its candidates stand in conf/advice.yaml",
    "fold": "it takes fold after fold; folds=6 ends after the sixth",
    "experiment": "it makes an experiment of its own",
    "hydra/launcher": "it runs one cell after the other",
    "transfer*": "it starts from the weights that model= names, as fit does",
}

if TYPE_CHECKING:
    from bench.analysis.advice import Advice
    from bench.analysis.settings import Analysis
    from bench.table import Table


@dataclass(frozen=True)
class Asked:
    """What is asked of `advise` itself."""

    minutes: Annotated[float, Interval(gt=0, le=1e6)] | None = None
    folds: Annotated[int, Interval(ge=3, le=1000)] | None = None  # at most
    results_dir: Annotated[Text, Folder()] | None = None


def main(words: list[str]) -> int:
    """Study the table, print the advice and the command to run next; give the exit code."""
    from bench.analysis.settings import PREFIX, settings

    asked, rest = told_apart(words, Asked)
    chosen = settings(word for word in rest if word.startswith(PREFIX))
    cells = [word for word in rest if not word.startswith(PREFIX)]
    line = Line.of(cells)
    if {*line.flags} & {*MULTIRUN}:
        raise BadInput("advise is of one table, and takes no -m; run it once for each.")
    refuse("advise", line, REFUSED)
    if not any(line.value(key) for key in ("dataset", "path", "target")):
        raise BadInput(
            "Which table? Name a file by dataset=csv path=FILE target=COLUMN, or an embedded table "
            "by dataset=NAME."
        )

    def work(cfg: DictConfig) -> int:
        found = study(asked, cfg, chosen)
        command = following(found, words, cells)
        return _tell(found, chosen, command)

    return with_config("advise", [*FIRST, *cells], work)


@dataclass
class Studied:
    """What a study came to.

    Attributes
    ----------
    root : Path
        Its results folder.
    entries : dict of str → str
        Method → its entry of `methods`.
    told : set of str
        Methods whose generator is told what the files of what is known hold.
    advice : Advice
    records : list of Record
        Fold after fold.
    seconds : float
        That a fold takes.
    stopped : bool
        By Ctrl-C.
    """

    root: Path
    entries: dict[str, str]
    told: set[str]
    advice: Advice
    records: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    stopped: bool = False


def _tell(found: Studied, chosen: Analysis, command: str) -> int:
    """Report, say what was found and what to run next; give how many cells failed."""
    from bench.analysis.frame import metric_of
    from bench.report.advice import reply
    from bench.report.write import report

    told = reply(found.advice, metric_of(found.records), chosen.confidence)
    print("Making tables and figures …", flush=True)
    report(found.root, chosen, command=command)
    print(f"The page: {printable(str(found.root / 'report' / 'index.html'))}")
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
    from bench.analysis.advice import FEWEST, Advice, Kind, advised
    from bench.datasets.splits import n_splits

    stated = plain(OmegaConf.load(DEFAULTS))
    table = load_table(cfg)
    store = Store(writable(asked.results_dir or str(_folder(table))))
    cfg.methods = [BASE, *stated["candidates"][table.problem]]
    chosen_method = HydraConfig.get().runtime.choices.method
    entries, configs = zip(*cells_of(cfg, typed(), chosen_method), strict=True)
    for cell in configs:
        check_config(cell)
        cell.results_dir = literal(str(store.root))
    cells = list(zip(entries, with_told(configs), strict=True))
    minutes = asked.minutes or float(stated["minutes"])
    folds = min(n_splits(table), asked.folds or n_splits(table))
    print(_opening(table, len(cells), folds, minutes), flush=True)
    running = Study(cells, table, store, 60 * minutes, _show)
    names = {cell.method.name: entry for entry, cell in cells}
    told = {c.method.name for _, c in cells if {*READERS} & {*(c.method.generator or ())}}
    found = Studied(store.root, names, told, Advice(Kind.unknown))
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
        if found.advice.folds < FEWEST:
            raise
        found.stopped = True
    return found


def _folder(table: Table, among: Path = Path("results", "advice")) -> Path:
    """The table's own folder: what is called alike and holds other rows or columns has another."""
    records, _ = Store(among / table.name).survey()
    others = {record["identity"]["parts"]["dataset"] for record in records} - {table.fingerprint()}
    return among / (f"{table.name}-{table.fingerprint()[:8]}" if others else table.name)


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


def following(found: Studied, words: Sequence[str], cells: Sequence[str]) -> str:
    """The command to run next: more folds where those would tell, else the fit that is advised.

    Parameters
    ----------
    found : Studied
    words, cells : sequence of str
        All words that were typed, and those of the cells.
    """
    advice, this = found.advice, invoked().split()
    if advice.needed is not None and advice.needed.folds is not None:
        minutes = math.ceil(advice.needed.folds * found.seconds / 60)
        kept = [word for word in words if not word.startswith(("minutes=", "folds="))]
        return shlex.join([*this, "advise", *kept, f"minutes={minutes}"])
    method = str(advice.method) if advice.kind == "finetune" else BASE
    name, *more = found.entries[method].split()
    fitted = [f"method={name}", *(word for word in more if not word.startswith("method.name="))]
    is_typed = method == BASE or any(word.startswith("finetune=") for word in cells)
    rule = [] if is_typed else ["finetune=safe"]
    unread = {*WITHOUT_EFFECT, *(() if method in found.told else READERS)}  # fit refuses these
    kept = [word for word in cells if word.partition("=")[0] not in unread]
    return shlex.join([*this, "fit", *kept, *fitted, *rule, "out=model/"])
