"""`python -m bench predict`: what a saved model says of the rows of a file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

from omegaconf import DictConfig

from bench.errors import BadInput, closest
from bench.files import plain, printable, write_whole
from bench.phrases import counted
from bench.ranges import Text
from bench.sweep.overrides.line import SETTING, Line
from bench.ticking import Left
from bench.verbs._hydra import with_config
from bench.verbs._own import new_file, told_apart

HELP = "what a saved model says of new rows: predict MODEL FILE [out=predictions.csv]"
PLACE = 11
USAGE = "predict MODEL FILE [out=FILE] [replace=true] [key=value ...]"
ABOUT = """
Reads the rows of a CSV or parquet file as the model's own table was read and writes, in their
order, first the columns that the model does not read (identifiers, dates of another purpose, the
target if it is there) and then

  predicted_TARGET    the class that is most likely, or the value
  p_CLASS             the probability of each class
  q05, q50, q95       of a value: what it lies below with this chance, in per cent

A column that is missing and a value that cannot be read are refused in one sentence; a column too
many and a level that is new are noted. If the file has the target, the scores are told.

  out=FILE         its ending says how it is written: .csv or .parquet; without, CSV is printed
  replace=true     in the place of a file that lies there
  separator=';' encoding=cp1252 max_megabytes=2000
                   how the file is read, where it is written otherwise than the table's
  device=auto threads=1

examples
  {program} predict model/ new.csv out=predictions.csv
  {program} predict model/ new.csv | head
"""
KEYS = ("device", "threads")
ENDINGS = (".csv", ".parquet")


@dataclass(frozen=True)
class Asked:
    """What is asked of `predict` itself."""

    out: Text | None = None
    replace: bool = False


def main(words: list[str]) -> int:
    """Predict, and write what was predicted; give the exit code."""
    asked, rest = told_apart(words, Asked)
    model, file, rest = _named(rest)
    out = None if asked.out is None else _out(asked, model, file)
    settings, how = _settings(rest)
    return with_config(
        "predict",
        ["dataset=csv", "hydra.mode=RUN", *settings],
        lambda cfg: _predict(cfg, model, file, out, how),
    )


def _named(words: list[str]) -> tuple[str, str, list[str]]:
    """The model's folder, the file, and the settings; a file's name may hold an equals sign."""
    plain_words = [w for w in words if not SETTING.fullmatch(w) or Path(w).expanduser().exists()]
    flag = next((word for word in plain_words if word.startswith("-")), None)
    if flag is not None:
        raise BadInput(f"predict takes no flags, and '{flag}' is one: {USAGE}.")
    if len(plain_words) != 2:
        given = f"not {' and '.join(plain_words)}" if plain_words else "and none was named"
        raise BadInput(f"predict takes a model's folder and a file of rows, {given}: {USAGE}.")
    model, file = plain_words
    if Path(model).is_file() and Path(file).is_dir():
        raise BadInput(f"The model's folder stands before the file: predict {file} {model}.")
    return model, file, [word for word in words if word not in plain_words]


def _settings(words: list[str]) -> tuple[list[str], list[str]]:
    """The settings as the config has them, and those of them that say how the file is read.

    Raises
    ------
    BadInput
        If something was typed that decides nothing here.
    """
    from bench.datasets.own.read import read_rows

    how = [name for name in signature(read_rows).parameters if name not in ("path", "schema")]
    known = [*how, *KEYS, "out", "replace"]
    settings, typed = [], []
    for word in Line.of(words).overrides:
        key, _, value = word.partition("=")
        name = key.removeprefix("dataset.")
        if name not in known:
            raise BadInput(
                f"predict takes no {key}=;{closest(name, known)} it takes {', '.join(known)}; all "
                "else is as the model was fitted."
            )
        settings.append(word if name in KEYS else f"dataset.{name}={value}")
        typed += [name] if name in how else []
    return settings, typed


def _out(asked: Asked, model: str, file: str) -> Path:
    """Where the predictions go: no file is lost unasked, that of the rows and a model's never."""
    assert asked.out is not None, "it was asked for"
    path = new_file(asked.out)
    if path.suffix.lower() not in ENDINGS:
        raise BadInput(
            f"out is '{asked.out}'; expected a name that ends in {' or '.join(ENDINGS)}, which "
            "says how it is written."
        )
    if path.resolve().is_relative_to(Path(model).expanduser().resolve()):
        raise BadInput(
            f"out is '{asked.out}', in the model's own folder, which would be none any more; name "
            "a file elsewhere."
        )
    rows = Path(file).expanduser()
    if path.exists() and rows.exists() and path.samefile(rows):
        raise BadInput(f"out is '{asked.out}', the file of the rows itself; name another one.")
    if path.exists() and not asked.replace:
        raise BadInput(
            f"out is '{asked.out}', where a file lies; add replace=true to put the predictions in "
            "its place, or name another one."
        )
    return path


def _print(content: bytes) -> None:
    """Print a file's content as it is: what a terminal's encoding lacks is no reason to lose it."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:  # a notebook's, which takes text alone
        sys.stdout.write(content.decode())
    else:
        sys.stdout.flush()
        binary.write(content)
        binary.flush()


def _predict(cfg: DictConfig, model: str, file: str, out: Path | None, how: list[str]) -> int:
    """Read the rows, predict, write; gives the number of cells that failed: 0."""
    from bench.datasets.own.read import read_rows
    from bench.estimator.saving import load
    from bench.verbs._predictions import as_csv, as_parquet, columns, held_against, learnt_from

    fitted = load(model, device=cfg.device, threads=cfg.threads)
    typed = {name: plain(cfg.dataset)[name] for name in how}
    table, raw, notes = read_rows(file, fitted.schema, **typed)
    predictions = fitted.predict(table, progress=Left("rows"))
    schema = fitted.schema
    unread = raw[[name for name in raw.columns if name not in schema.kinds]]
    frame = columns(schema, unread, predictions)
    told = len(frame.columns) - len(unread.columns)
    if schema.target in raw.columns:
        seen = [child.context for child in fitted.children]
        notes += held_against(schema, raw[schema.target], predictions)
        notes += learnt_from(table, seen)
    if out is None:
        _print(as_csv(frame, told))
    else:
        is_text = out.suffix.lower() == ".csv"
        write_whole(out, as_csv(frame, told) if is_text else as_parquet(frame))
    for note in notes:
        print(printable(f"  {note}"), file=sys.stderr if out is None else sys.stdout)
    if out is not None:
        print(f"{counted(len(table), 'row')} → {out}")
    return 0
