"""`python -m bench verify`: are the records what the code makes?

First every record is held against itself (checksum, curves, the pre-trained scores that a fold's
methods share); then a seeded random handful of cells is made again in a temporary folder, from
what the settings in their records name (`bench.sweep.remake`), and compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.analysis.variants import names
from bench.cell.agreement import TOLERANCE, told
from bench.cell.check import (
    Outcome,
    compare,
    disagreeing,
    inconsistencies,
    name_of,
    told_of,
)
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import printable
from bench.phrases import counted, numbered
from bench.seeds import generator
from bench.sweep.remake import Today, remade
from bench.verbs._folder import folder

HELP = "make some cells again and compare: verify [results_dir] [n=5] [seed=0] [--all] …"
PLACE = 8
ONLY_PRINT = True
USAGE = (
    "verify [results_dir | experiment=NAME] [n=5] [seed=0] [tolerance=0.01] [hours=1] [--all] "
    "[--config-dir DIR] [offline=false] [openml.KEY=VALUE]"
)
ABOUT = """
Are the records what the code makes? Each is held against itself, then n of them are made again,
from what the settings in them name. On the record's processor, with its versions, that must
give the same bits. Elsewhere the scores of the pre-trained model and of the chosen step agree
to the bit, to rounding (1e-6), within the tolerance, or not; another step that is as good, and
other synthetic rows or other adapted weights within five times the tolerance, are counted
apart; last steps and predicted classes are not held.
The last line says "Reproduced: ..." (exit code 0) or "Not reproduced: ..." (exit code 1).
"""
MOST = 12  # differences of a cell that are named
MOST_MACHINES = 2  # other machines that the last line names
SAME = "bit for bit: processor, versions and threads are the record's"


@dataclass
class Options:
    """What to verify."""

    n: int = 5  # cells that are made again
    seed: int = 0  # of their choice
    tolerance: float = TOLERANCE  # of a chosen step's scores, where the bits may differ
    hours: float = 1.0  # that making one cell again may take
    all: bool = False
    config: list[str] = field(default_factory=list)  # words for `bench.sweep.remake.Today`


def main(arguments: list[str]) -> int:
    """Verify a results folder; give the exit code: 1 where a record does not hold."""
    options, rest = _options(arguments)
    root = folder(rest, USAGE)
    records, faults = Store(root).survey()
    if not records and not faults:
        raise BadInput(f"no records under '{root}'.")
    called = _called(records)
    wrong = _held_against_itself(root, records, faults, called)
    drawn = _draw(records, options)
    with TemporaryDirectory(prefix="bench-verify-") as weights:
        today = Today.of(options.config, options.hours, weights) if drawn else None
        outcomes = [
            _verified(record, options, today, f"[{i}/{len(drawn)}] {called[id(record)]}")
            for i, record in enumerate(drawn, start=1)
        ]
    bad = sum(bool(outcome.differences) for outcome in outcomes)
    refused = sum(bool(outcome.refusal) for outcome in outcomes)
    all_of_them = len(records) + len(faults)
    themselves = "itself" if all_of_them == 1 else "themselves"
    print(
        f"{counted(all_of_them, 'record')} held against {themselves}, {wrong} do not hold; "
        f"{len(drawn) - refused} of {counted(len(records), 'cell')} made again."
    )
    print(_verdict(outcomes, wrong, bad, refused, options.tolerance))
    return 1 if wrong or bad or refused else 0


def _verdict(outcomes: list[Outcome], wrong: int, bad: int, refused: int, tolerance: float) -> str:
    """The last line: is it reproduced?"""
    cells = counted(len(outcomes), "cell")
    does, differs = ("does" if wrong == 1 else "do"), ("differs" if bad == 1 else "differ")
    failings = {
        f"{counted(wrong, 'record')} of the folder {does} not hold": wrong,
        f"{bad} of {cells} made again {differs}": bad,
        f"{refused} of {cells} could not be made again": refused,
    }
    if any(failings.values()):
        return f"Not reproduced: {'; '.join(why for why, n in failings.items() if n)}."
    if not outcomes:
        return "Not told: no cell was made again."
    elsewhere = sorted({outcome.elsewhere for outcome in outcomes if outcome.elsewhere})
    levels = told((outcome.level for outcome in outcomes), tolerance)
    other = f"; other {numbered(elsewhere, MOST_MACHINES)}" if elsewhere else ""
    return printable(f"Reproduced: {len(outcomes)} of {cells}, {levels}{other}.")


def _options(arguments: list[str]) -> tuple[Options, list[str]]:
    options, rest = Options(all="--all" in arguments), []
    words = [a for a in arguments if a != "--all"]
    while words:
        word = words.pop(0)
        key, _, value = word.partition("=")
        if key in ("--config-dir", "-cd"):
            folder_of_configs = value or (words.pop(0) if words else "")
            if not folder_of_configs:
                raise BadInput(f"{key} needs a folder.")
            options.config += [key, folder_of_configs]
        elif key == "offline" or key.startswith("openml."):
            options.config.append(word)
        elif key in ("n", "seed", "tolerance", "hours"):
            setattr(options, key, _number(word, int if key in ("n", "seed") else float))
        else:
            rest.append(word)
    return options, rest


def _number(word: str, kind: type[int] | type[float]) -> float:
    key, _, value = word.partition("=")
    try:
        number = kind(value)
    except ValueError as error:
        raise BadInput(f"'{word}': {key} is a number. {USAGE}.") from error
    if not 0 <= number < math.inf:
        raise BadInput(f"'{word}': {key} is a number that is not below 0.")
    return number


def _draw(records: list[Record], options: Options) -> list[Record]:
    """A seeded choice of the cells that have results (a failure may have had any cause)."""
    done = [record for record in records if record["status"] == "done"]
    if options.all or options.n >= len(done):
        return done
    rng = generator("verify", options.seed)
    places = rng.choice(len(done), size=options.n, replace=False)
    return [done[i] for i in sorted(places.tolist())]


def _held_against_itself(
    root: Path, records: list[Record], faults: dict[Path, str], called: dict[int, str]
) -> int:
    """Print what does not hold; give the number of records."""
    for path, why in faults.items():
        print(printable(f"FAULTY {path.relative_to(root)}: {why}.", keep=""))
    others = disagreeing(records)
    wrong = len(faults)
    for record in records:
        if found := [*inconsistencies(record), *others.get(id(record), ())]:
            wrong += 1
            print(f"CONTRADICTS ITSELF {called[id(record)]}: {'; '.join(found)}.")
            print("  likely cause: the record was edited, and its checksum made anew.")
    return wrong


def _verified(record: Record, options: Options, today: Today | None, called: str) -> Outcome:
    """Make the cell again, print how it compares, and give the outcome."""
    print(f"{printable(called)}: ", end="", flush=True)
    try:
        outcome = compare(record, remade(record, today), options.tolerance)
    except BadInput as reason:
        print(f"NOT MADE AGAIN: {printable(str(reason)).rstrip('.')}.")
        return Outcome(name_of(record), refusal=str(reason))
    if not outcome.differences:
        print(f"reproduced {outcome.level.told(options.tolerance)}")
        _tell_drift(outcome, options.tolerance)
        return outcome
    how = f"within {options.tolerance:g}: other {outcome.elsewhere}" if outcome.elsewhere else SAME
    print(printable(f"DIFFERS ({how})"))
    for difference in outcome.differences[:MOST]:
        print(f"  {printable(difference)}")
    if len(outcome.differences) > MOST:
        print(f"  and {len(outcome.differences) - MOST} more")
    print(f"  likely cause: {printable('; '.join(outcome.causes))}.")
    _tell_drift(outcome, options.tolerance)
    return outcome


def _tell_drift(outcome: Outcome, tolerance: float) -> None:
    """Say what went beyond the tolerance without being held to it."""
    if outcome.note:
        print(f"  note: {printable(outcome.note)}.")
    if outcome.drift:
        more = f" and {len(outcome.drift) - 1} more" if outcome.drift[1:] else ""
        print(f"  note: not held to {tolerance:g}: {outcome.drift[0]}{more}.")


def _called(records: list[Record]) -> dict[int, str]:
    """What a record's cell is called beside the others, by ``id``: a hash may be of several."""
    return {
        id(record): told_of(record, name.dataset, name.method)
        for record, name in zip(records, names(records), strict=True)
    }
