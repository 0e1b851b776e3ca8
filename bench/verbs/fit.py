"""`python -m bench fit`: fine-tunes on all rows of one table, and keeps the model in a folder."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, cast

from omegaconf import DictConfig, OmegaConf

from bench.errors import BadInput
from bench.files import plain, printable
from bench.phrases import counted
from bench.process import invoked
from bench.ranges import Folder, Seconds, Text
from bench.sweep.folders import writable
from bench.sweep.overrides.line import Line
from bench.ticking import Left
from bench.verbs._hydra import with_config
from bench.verbs._own import refuse, told_apart

HELP = "fine-tune on your own table and keep the model, or keep the base where that is safer"
PLACE = 10
USAGE = "fit dataset=csv path=FILE target=COLUMN out=FOLDER [key=value ...]"
ABOUT = """
Fine-tunes on all rows of one table and writes the model that `predict` reads; it predicts from
these rows, so that its folder holds them. Some are held out to choose the step by; the pre-trained
model is kept unless the gain on them is beyond chance. No rows are set aside for a test: whether
fine-tuning pays on a table is for `advise` to tell.

of fit itself
  out=FOLDER             where the model goes
  replace=true           in the place of a model that lies there
  time_limit=SECONDS     ends the fine-tuning at its best step so far, and so does Ctrl-C
  join_validation=false  the held-out rows do not join those that predictions are made from

of the model
  method=NAME            causalmixft, if none is named; pretrained keeps the base model as it is
  finetune=NAME          safe, if none is named: when the base is kept, and how a run goes
  validation_share=0.2   of the rows, held out
  model=NAME seed=0 threads=1 device=auto
  knowledge=FILE.yaml dag=FILE.csv    what is known of causes, for generators that read it

of the table
  problem=classification|regression   what the target is, where its values do not tell
  dataset.drop=[COLUMN,...]           identifiers, free text, what follows from the target
  dataset.groups=COLUMN               rows of one patient or customer are held out together
  dataset.KEY=VALUE                   how the file is read: separator, decimal, missing, ...
  dataset=NAME                        an embedded table instead of a file

examples
  {program} fit dataset=csv path=train.csv target=y out=model/
  {program} fit dataset=csv path=train.csv target=y out=base/ method=pretrained
  {program} predict model/ new.csv out=predictions.csv
"""
DEFAULTS = ("method=causalmixft", "finetune=safe", "hydra.mode=RUN")
WITHOUT_EFFECT = {
    "methods": "it makes one model, so name one by method=",
    "experiment": "it makes one model of one table, so name them by dataset= and method=",
    "fold": "it learns from all rows of the table and sets none aside for a test",
    "results_dir": "it leaves no record, and its model goes to out=FOLDER",
    "rerun": "it leaves no record; replace=true makes a model anew",
    "transfer*": "it starts from the weights that model= names, and learns from one table alone",
}
NEXT = "next:"  # the report's last line
OF_FILES = "bench.datasets.own.read.load"  # what reads a file of one's own ...
WITH_SCHEMA = "bench.datasets.own.read.load_owned"  # ... and tells how its columns were read

if TYPE_CHECKING:  # pandas and torch: only where what was typed is sound
    from bench.datasets.own.frame import Owned
    from bench.estimator.fitted import Fitted
    from bench.estimator.settings import Settings
    from bench.table import Table


@dataclass(frozen=True)
class Asked:
    """What is asked of `fit` itself."""

    out: Annotated[Text, Folder()] | None = None
    replace: bool = False
    time_limit: Seconds | None = None
    join_validation: bool = True


def main(words: list[str]) -> int:
    """Fit a model and write it; give the exit code."""
    asked, rest = told_apart(words, Asked)
    line = Line.of(rest)
    refuse("fit", line, WITHOUT_EFFECT)
    if line.sweeps:
        raise BadInput("fit makes one model, and takes no -m; run it once for each out=FOLDER.")
    if not any(line.value(key) for key in ("dataset", "path", "target")):
        raise BadInput(
            "Which table? Name a file by dataset=csv path=FILE target=COLUMN, or an embedded table "
            "by dataset=NAME."
        )
    return with_config(
        "fit", [*DEFAULTS, *rest], lambda cfg: _fit(cfg, asked, _folder(asked, words))
    )


def _folder(asked: Asked, words: list[str]) -> Path:
    """Where the model goes: nothing that lies there is lost unasked."""
    from bench.estimator.saving import check_folder

    if asked.out is None:
        command = shlex.join([*invoked().split(), "fit", *words, "out=model/"])
        raise BadInput(f"Where shall the model go? Name a folder by out=: {command}")
    folder = check_folder(writable(asked.out, "out"))
    if folder.is_dir() and any(folder.iterdir()) and not asked.replace:
        raise BadInput(
            f"out is '{asked.out}', where a model lies; add replace=true to put the new one in its "
            "place, or name another folder."
        )
    return folder


def _fit(cfg: DictConfig, asked: Asked, folder: Path) -> int:
    """Read the table, fit and save; gives the number of cells that failed: 0."""
    from bench.cell.checking import check_config
    from bench.cell.known import require_taken, with_told
    from bench.estimator.fitting import fit
    from bench.estimator.saving import save

    check_config(cfg)
    (cfg,) = with_told([cfg])
    require_taken([cfg])
    owned = _owned(cfg)
    settings = _settings(cfg, asked)
    _require(cfg, owned.table)
    _announce(owned)
    fitted = fit(owned, settings, progress=Left("steps"))
    save(fitted, folder)
    _tell(fitted, str(asked.out))
    return 0


def _owned(cfg: DictConfig) -> Owned:
    """The table, and how its columns were read; of one that comes with a schema, as it is."""
    import pandas as pd

    from bench.cell.checking import called, check_target
    from bench.datasets.own import frame
    from bench.sweep.job import load_table

    node = check_target(cfg.dataset, "dataset")
    if node["_target_"] == OF_FILES:
        return cast("Owned", called({**node, "_target_": WITH_SCHEMA}, "dataset"))
    table = load_table(cfg)
    named = [table.classes[code] for code in table.y] if table.classes else table.y
    return frame.owned(
        table.X,
        pd.Series(named, name=table.target),
        name=table.name,
        problem=table.problem,
        categorical=table.categorical,
        groups=table.groups,
        times=table.times,
    )


def _require(cfg: DictConfig, table: Table) -> None:
    """Refuse what would come to light after minutes: a method or model that serves no such table.

    Raises
    ------
    BadInput
        Also of a model that cannot be saved.
    """
    from bench.cell import model
    from bench.generator import NotApplicable
    from bench.sweep.job import serving

    backbone = model.backbone(plain(cfg.model), table.problem)
    generator = serving(cfg, table, backbone)
    try:
        if generator is not None:
            generator.check(table)
    except NotApplicable as reason:
        raise BadInput(f"method={cfg.method.name}: {reason}") from reason
    with TemporaryDirectory() as folder:
        backbone.save(backbone.module, Path(folder))


def _settings(cfg: DictConfig, asked: Asked) -> Settings:
    from bench.cell.config import Config
    from bench.estimator.settings import Settings

    config = cast(Config, OmegaConf.to_object(cfg))
    return Settings(
        method=config.method,
        finetune=config.finetune,
        model=plain(cfg.model),
        validation_share=config.validation_share,
        join_validation=asked.join_validation,
        eval_metric=None,
        time_limit=asked.time_limit,
        device=config.device,
        seed=config.seed,
        threads=config.threads,
        cache_dir=None,
    )


def _announce(owned: Owned) -> None:
    """What was read, before minutes of work."""
    table = owned.table
    what = f"{table.n_classes} classes" if table.classes else "a quantity"
    print(
        f"{table.name}: {counted(len(table), 'row')}, {counted(table.n_features, 'column')}, "
        f"target '{table.target}' ({what})",
        flush=True,
    )
    for note in table.notes:
        print(printable(f"  {note}"))
    print("Fitting …", flush=True)


def _tell(fitted: Fitted, out: str) -> None:
    """What the fit came to, and the command to run next in the place of Python's."""
    report = fitted.report
    lines = [line for line in str(report).splitlines() if not line.startswith(NEXT)]
    command = [*invoked().split(), "predict", out, "new.csv", "out=predictions.csv"]
    for line in (*lines, f"{NEXT:<12}{shlex.join(command)}"):
        print(printable(line))
    for note in report.notes:
        print(printable(f"  {note}"))
