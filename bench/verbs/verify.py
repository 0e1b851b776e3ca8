"""`python -m bench verify`: are the records what the code makes?

First every record is held against itself (checksum, curves, the pre-trained scores that a fold's
methods share); then a seeded random handful of cells is made again in a temporary folder, from
what the settings in their records name (`bench.sweep.remake`), and compared.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.analysis.variants import names
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BAD_INPUT, BadInput
from bench.files import printable
from bench.seeds import generator
from bench.sweep.remake import ASKED, Today, remade
from bench.verbs.report import folder

USAGE = (
    "verify [results_dir | experiment=NAME] [n=5] [seed=0] [tolerance=0.01] [hours=1] [--all] "
    "[--config-dir DIR] [offline=false] [openml.KEY=VALUE]"
)
WHEN = ("pretrained", "chosen", "last")
PARTS = ("validation", "test")
# Where a score stands in the curves as well: the same number, bit for bit.
IN_CURVES = ("roc_auc_ovo", "log_loss")
# Of a record's provenance: with all of these the same, so are the bits.
DECIDING = ("code", "versions", "processor", "threads", "device", "python")
# Of an identity: with all of these the same, so are the pre-trained model's scores.
UNTUNED = ("dataset", "split", "validation_share", "model")
MOST = 12  # differences of a cell that are named


@dataclass
class Options:
    """What to verify."""

    n: int = 5  # cells that are made again
    seed: int = 0  # of their choice
    tolerance: float = 0.01  # of a score, where the bits may differ
    hours: float = 1.0  # that making one cell again may take
    all: bool = False
    config: list[str] = field(default_factory=list)  # words for `bench.sweep.remake.Today`


@dataclass
class Outcome:
    """What became of one record."""

    cell: str
    comparison: str = ""
    refusal: str = ""  # why it was not made again
    differences: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Verify a results folder; give the exit code: 1 where a record does not hold."""
    try:
        options, rest = _options(arguments)
        root = folder(rest, USAGE)
        records, faults = Store(root).survey()
        if not records and not faults:
            raise BadInput(f"no records under '{root}'.")
        called = _called(records)
        wrong = _held_against_itself(root, records, faults, called)
        drawn = _draw(records, options)
        today = Today.of(options.config, options.hours) if drawn else None
        outcomes = [
            _verified(record, options, today, f"[{i}/{len(drawn)}] {called[_hash(record)]}")
            for i, record in enumerate(drawn, start=1)
        ]
    except BadInput as reason:
        print(f"bench: {reason}", file=sys.stderr)
        return BAD_INPUT
    bad = sum(bool(outcome.differences) for outcome in outcomes)
    refused = sum(bool(outcome.refusal) for outcome in outcomes)
    print(
        f"{len(records) + len(faults)} records held against themselves, {wrong} do not hold; "
        f"{len(drawn) - refused} of {len(records)} cells made again, {bad} differ"
        f"{f'; {refused} could not be made again' if refused else ''}."
    )
    return 1 if wrong or bad or refused else 0


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
    root: Path, records: list[Record], faults: dict[Path, str], called: dict[str, str]
) -> int:
    """Print what does not hold; give the number of records."""
    for path, why in faults.items():
        print(printable(f"FAULTY {path.relative_to(root)}: {why}.", keep=""))
    contradictions = {_hash(r): list(inconsistencies(r)) for r in records}
    for identity, found in _disagreeing(records).items():
        contradictions[identity] += found
    bad = {called[identity]: found for identity, found in contradictions.items() if found}
    for name, found in bad.items():
        print(f"CONTRADICTS ITSELF {name}: {'; '.join(found)}.")
        print("  likely cause: the record was edited, and its checksum made anew.")
    return len(faults) + len(bad)


def inconsistencies(record: Record) -> Iterator[str]:
    """Scores that are not what the same record's curves say, a clause each."""
    curves, steps = record["curves"], (0, record["chosen_step"], record["last_step"])
    if record["status"] != "done" or not curves:
        return
    for when, step in zip(WHEN, steps, strict=True):
        if step not in curves["step"]:
            yield f"its {when} step {step} is not on its curves"
            continue
        at = curves["step"].index(step)
        for part in PARTS:
            for score in IN_CURVES:
                told = record["metrics"][when][part].get(score)
                drawn = curves.get(f"{part}_{score}", {at: told})[at]
                if told != drawn:
                    yield (
                        f"{when} {part} {score} is {told}, but its curve says {drawn} at step "
                        f"{step}"
                    )


def _disagreeing(records: list[Record]) -> dict[str, list[str]]:
    """The pre-trained model's scores are one and the same for all cells of a fold and a machine."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record["status"] == "done":
            parts = record["identity"]["parts"]
            key = [record["cell"]["dataset"], *(parts.get(name) for name in UNTUNED)]
            key += [record["provenance"].get(name) for name in DECIDING if name != "code"]
            groups.setdefault(str(key), []).append(record)
    found: dict[str, list[str]] = {}
    for group in groups.values():
        scores = [str(record["metrics"]["pretrained"]) for record in group]
        usual = max(scores, key=scores.count)
        for record, score in zip(group, scores, strict=True):
            if score != usual:
                why = "its pre-trained scores are not those of the other cells of its fold"
                found.setdefault(_hash(record), []).append(why)
    return found


def _verified(record: Record, options: Options, today: Today | None, called: str) -> Outcome:
    """Make the cell again, print how it compares, and give the outcome."""
    print(f"{printable(called)}: ", end="", flush=True)
    try:
        outcome = compare(record, remade(record, today), options.tolerance)
    except BadInput as reason:
        print(f"NOT MADE AGAIN: {printable(str(reason)).rstrip('.')}.")
        return Outcome(_name(record), refusal=str(reason))
    if not outcome.differences:
        print(f"the same ({outcome.comparison})")
        return outcome
    print(f"DIFFERS ({printable(outcome.comparison)})")
    for difference in outcome.differences[:MOST]:
        print(f"  {printable(difference)}")
    if len(outcome.differences) > MOST:
        print(f"  and {len(outcome.differences) - MOST} more")
    print(f"  likely cause: {printable('; '.join(outcome.causes))}.")
    return outcome


def compare(record: Record, again: Record, tolerance: float) -> Outcome:
    """Hold a record against the same cell made again.

    Bit for bit where processor, versions, threads, device and Python are the record's; else each
    score within the tolerance, as sums of floats then differ in their last bits and 30 steps of
    training make more of that.
    """
    causes = _changes(record["provenance"], again["provenance"])
    elsewhere = [cause for cause in causes if not cause.startswith("code")]
    exact = not elsewhere
    if exact:
        comparison = "bit for bit: processor, versions and threads are the record's"
    else:
        comparison = f"scores within {tolerance:g}: other {', '.join(elsewhere)}"
    outcome = Outcome(_name(record), comparison)
    for part in ("status", "identity", "data"):
        outcome.differences += _different(record[part], again[part], part)
    before, now = (_settings_of(r) for r in (record, again))
    outcome.differences += _different(before, now, "settings")
    if exact:
        for part in ("metrics", "chosen_step", "last_step", "curves"):
            outcome.differences += _different(record[part], again[part], part)
        # The table's key hashes the code too: where that changed, its rows are what counts.
        before, now = (_rows_of(r, with_key=elsewhere == causes) for r in (record, again))
        outcome.differences += _different(before, now, "synthetic")
    else:
        outcome.differences += _beyond(record["metrics"], again["metrics"], tolerance)
    if outcome.differences:
        outcome.causes = _causes(outcome.differences, causes)
    if again["status"] != record["status"] and again["error"]:
        outcome.causes = [f"made again it is {again['status']}: {again['error']['message']}"]
    return outcome


def _settings_of(record: Record) -> dict[str, Any]:
    """A record's settings, but how a table was asked for, which is another machine's matter."""
    dataset = {k: v for k, v in record["settings"]["dataset"].items() if k not in ASKED}
    return {**record["settings"], "dataset": dataset}


def _rows_of(record: Record, with_key: bool) -> dict[str, Any]:
    facts = record["synthetic"] or {}
    return {k: v for k, v in facts.items() if with_key or k != "key"}


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What of the deciding provenance is not the record's, with both values."""
    found = []
    for name in DECIDING:
        a, b = before.get(name), now.get(name)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            names = sorted(k for k in {*a, *b} if a.get(k) != b.get(k))
            found += [f"{k} ({a.get(k)} → {b.get(k)})" for k in names]
        elif name == "code":
            found.append(f"code ({str(a)[:8]} → {str(b)[:8]})")
        else:
            found.append(f"{name} ({a} → {b})")
    return found


def _different(before: Any, now: Any, where: str) -> list[str]:
    """Every leaf that is not the same, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted({*before, *now})
        return [d for k in keys for d in _different(before.get(k), now.get(k), f"{where}.{k}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        changed = [i for i, (a, b) in enumerate(zip(before, now, strict=True)) if a != b]
        if not changed:
            return []
        i = changed[0]
        more = f" and {len(changed) - 1} more of it" if len(changed) > 1 else ""
        return [f"{where}[{i}]: record {before[i]}, now {now[i]}{more}"]
    return [] if before == now else [f"{where}: record {before}, now {now}"]


def _beyond(before: dict[str, Any], now: dict[str, Any], tolerance: float) -> list[str]:
    if set(before) != set(now):
        return [f"metrics: record {sorted(before)}, now {sorted(now)}"]
    found = []
    for when in before:
        for part, scores in before[when].items():
            for name, a in scores.items():
                b = now[when][part].get(name)
                far = a != b if a is None or b is None else abs(a - b) > tolerance
                if far:
                    found.append(f"metrics.{when}.{part}.{name}: record {a}, now {b}")
    return found


def _causes(differences: list[str], changes: list[str]) -> list[str]:
    if any(d.startswith("identity.parts.dataset") for d in differences):
        return ["the table is not the one that the record was made from"]
    if any(d.startswith("identity.parts.model") for d in differences):
        return ["the model's weights are not those that the record was made with"]
    if changes:
        return [f"other {', '.join(changes)}"]
    return ["nothing else differs, so the record was edited, or the cell is not deterministic"]


def _called(records: list[Record]) -> dict[str, str]:
    """What a record's cell is called beside the others, by the hash of its identity."""
    return {
        _hash(record): _told(record, name.dataset, name.method)
        for record, name in zip(records, names(records), strict=True)
    }


def _hash(record: Record) -> str:
    return str(record["identity"]["hash"])


def _name(record: Record) -> str:
    return _told(record, record["cell"]["dataset"], record["cell"]["method"])


def _told(record: Record, dataset: str, method: str) -> str:
    cell = record["cell"]
    return f"{dataset} fold {cell['fold']} {method} seed {cell['seed']} ({_hash(record)[:8]})"
