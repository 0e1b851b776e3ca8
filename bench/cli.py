"""The command line, `python -m bench VERB …`: finds the verbs, and stands around each."""

from __future__ import annotations

import ast
import os
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from bench import __version__, files
from bench.errors import BadInput, closest
from bench.process import INVOKED, invoked
from bench.verbs._door import guarded, say_why

COMMAND = "causalmixft"
VERBS = Path(__file__).parent / "verbs"

USAGE = """usage: {program} VERB [key=value ...]

verbs
{verbs}

one cell, one's own table, a sweep
  {program} run dataset=credit-g fold=0 method=default_ft
  {program} run dataset=tabarena/credit-g fold=0 method=default_ft
  {program} run dataset=csv path=my.csv target=label method=default_ft
  {program} fit dataset=csv path=my.csv target=label out=model/
  {program} predict model/ new.csv out=predictions.csv
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

exit codes: 0 all cells done, 1 a cell failed or is not reproduced, 2 bad input, 3 a bug of ours
"""


@dataclass(frozen=True)
class Verb:
    """A file of `bench/verbs/`: its ``main`` takes the words after the verb, gives the exit code.

    What else it says of itself is read here without importing it, so that the help stays light.

    Parameters
    ----------
    name : str
        The file's.
    help : str
        ``HELP``, its line in the help.
    usage : str
        ``USAGE``: what may stand behind it.
    about : str
        ``ABOUT``: what its own help says beside that.
    only_prints : bool
        ``ONLY_PRINT``: it leaves nothing behind, so where nobody listens any more (`| head`), it
        ends.
    place : int
        ``PLACE``: where it stands in the help; last, if it does not say.
    """

    name: str
    help: str = ""
    usage: str = ""
    about: str = ""
    only_prints: bool = False
    place: int = sys.maxsize

    @classmethod
    def of(cls, name: str) -> Verb:
        """Read a verb's constants, without importing it."""
        said = dict(_constants(VERBS / f"{name}.py"))
        known = {"HELP": "help", "USAGE": "usage", "ABOUT": "about"}
        known |= {"ONLY_PRINT": "only_prints", "PLACE": "place"}
        return cls(name, **{key: said[word] for word, key in known.items() if word in said})

    def main(self, words: list[str]) -> int:
        """Import it and run it; give the exit code."""
        for word in words:
            _check_text(word)
        code: int = import_module(f"bench.verbs.{self.name}").main(words)
        return code


def _constants(file: Path) -> Iterator[tuple[str, Any]]:
    """What a module's plain assignments of a text, number or truth say."""
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield ast.unparse(node.targets[0]), node.value.value


def names() -> list[str]:
    """The verbs that there are: the files whose names begin with no underscore."""
    return sorted(file.stem for file in VERBS.glob("[!_]*.py"))


def console() -> None:
    """The command `causalmixft` of an installed package."""
    os.environ[INVOKED] = COMMAND  # the processes of a sweep tell the same command
    sys.exit(main())


def main(argv: list[str] | None = None) -> int:
    """Run one verb; give the exit code."""
    first, *words = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if first == "--version":
        return guarded(lambda: print(f"{COMMAND} {__version__}") or 0, only_prints=True)
    if first in ("-h", "--help", "help"):
        return guarded(lambda: print(usage()) or 0, only_prints=True)
    if first not in names():
        return guarded(lambda: _unknown(first), only_prints=True)
    verb = Verb.of(first)
    if any(word in ("--help", "-h") for word in words):
        return guarded(lambda: _help(verb), only_prints=True)
    return guarded(lambda: verb.main(words), verb.only_prints)


def _unknown(name: str) -> int:
    code = say_why(
        BadInput(f"no verb '{name}';{closest(name, names()) or ' expected one of these.'}")
    )
    print(f"\n{usage()}", file=sys.stderr)
    return code


def _help(verb: Verb) -> int:
    own = f"usage: {invoked()} {verb.usage}\n\n" if verb.usage else ""
    about = f"{verb.about.strip()}\n\n".replace("{program}", invoked()) if verb.about else ""
    print(f"{own}{about}{usage()}")
    return 0


def _check_text(word: str) -> None:
    """Refuse a word that the terminal's encoding could not read: it could not be recorded."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise BadInput(
            f"{word!a} holds characters that are no {sys.getfilesystemencoding()}, as which "
            "this terminal's words are read; set PYTHONUTF8=1 and run it again."
        ) from None


def usage() -> str:
    """The help text, with the names that `conf/` offers."""
    verbs = sorted(map(Verb.of, names()), key=lambda verb: (verb.place, verb.name))
    return USAGE.format(
        program=invoked(),
        verbs="\n".join(f"  {verb.name:<9} {verb.help}" for verb in verbs),
        **{
            f"{group}s": textwrap.fill(
                " | ".join(_choices(group)), width=80, subsequent_indent=" " * 15
            )
            for group in ("dataset", "method", "model", "finetune", "experiment")
        },
    )


def _choices(group: str) -> list[str]:
    folder = files.CONF / group
    here = sorted(path.stem for path in folder.glob("*.yaml"))
    suites = sorted(path for path in folder.iterdir() if path.is_dir())
    return here + [f"{suite.name}/<{len(list(suite.glob('*.yaml')))} names>" for suite in suites]
