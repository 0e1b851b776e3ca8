"""Is a record what the code makes: held against itself, and against the same cell made again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isclose
from typing import Any

from bench.cell.agreement import PARTS, WHEN, Level, agreement
from bench.cell.identity import ASKED
from bench.cell.record import Record, in_common
from bench.cell.scored import contradictions
from bench.cell.targets import renamed
from bench.finetune.settings import Keep, completed, deciding
from bench.finetune.stopping import RULES, Evaluations
from bench.scores import RANKED, SCORES, problem_of_score

# Of a record's provenance: with all of these the same, the same code gives the same bits.
MACHINE = ("versions", "processor", "kernels", "threads", "device", "python")
# Of an identity: with all of these the same, so are the pre-trained model's scores.
UNTUNED = ("dataset", "split", "validation_share", "model")
BAG = ("bag", "heldout_in_support")  # of the fine-tuning: children have other rows in context
# Of a transfer: the same for all cells that start from the weights, whatever their target.
ADAPTED = ("weights", "sources", "held_out", "chosen_step", "last_step", "curves", "forgetting")
SHORT = 8  # characters of a hash that are shown


@dataclass
class Outcome:
    """What became of one record."""

    cell: str
    level: Level = Level.bits
    elsewhere: str = ""  # what of machine and versions is other; "": held bit for bit
    refusal: str = ""  # why it was not made again
    differences: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)  # beyond the tolerance, and no difference
    note: str = ""


def inconsistencies(record: Record) -> Iterator[str]:
    """What the rest of the same record contradicts, a clause each.

    Its settings by its identity, its scores by its predictions and curves, its step by its curves.
    """
    yield from _settings_otherwise(record)
    yield from contradictions(record)
    if record["transfer"] is not None:
        yield from _transferred_otherwise(record)
    curves, steps = record["curves"], (0, record["chosen_step"], record["last_step"])
    if record["status"] != "done" or not curves or record["children"]:
        return  # a bag's scores are those of no step
    for when, step in zip(WHEN, steps, strict=True):
        if when == WHEN[0] and record["transfer"] is not None:
            continue  # it is of the published weights, and the curves begin with the adapted ones
        if step not in curves["step"]:
            yield f"its {when} step {step} is not on its curves"
            continue
        at = curves["step"].index(step)
        for part in PARTS:
            for score, curve in curves.get(part, {}).items():
                told, drawn = record["metrics"][when][part].get(score), curve[at]
                if told != drawn:  # the same number, bit for bit
                    yield (
                        f"{when} {part} {score} is {told}, but its curve says {drawn} at step "
                        f"{step}"
                    )
    problem, validation = problem_of_score(record["metric"]["name"]), curves.get("validation", {})
    settings, errors = record["settings"]["finetune"], curves.get("validation_se", {})
    why = _chosen_otherwise(record, settings, validation, errors, problem)
    if why:
        yield f"its {why}"


def _transferred_otherwise(record: Record) -> Iterator[str]:
    """What of a transfer its own curves, means over the tables that were held out, contradict."""
    told, settings = record["transfer"], record["settings"]["transfer"]["finetune"]
    curves, problem = told["curves"], problem_of_score(record["metric"]["name"])
    why = _chosen_otherwise(told, settings, curves["held_out"], {}, problem)
    if why:
        yield f"its transfer's {why}"
    for when, step in (("pretrained", 0), ("adapted", told["chosen_step"])):
        at = curves["step"].index(step)
        for score, curve in curves["held_out"].items():
            values = [told["forgetting"][table][when].get(score) for table in told["held_out"]]
            known = [value for value in values if value is not None]
            mean = sum(known) / len(known) if known and len(known) == len(values) else None
            if not _is_mean(mean, curve[at]):
                yield (
                    f"{when} {score} of the tables held out is {_mean_told(mean)}, but their curve "
                    f"says {_mean_told(curve[at])} at step {step}"
                )


def _mean_told(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g} on average"


def _is_mean(a: float | None, b: float | None) -> bool:
    """Whether both are one mean; the order of a sum moves its last bits."""
    return a == b if a is None or b is None else isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _settings_otherwise(record: Record) -> Iterator[str]:
    """Settings that are not those of the identity; a key that one lacks may be a later one."""
    parts, settings = renamed(record["identity"]["parts"]), renamed(record["settings"])
    parts["finetune"] = completed(parts.get("finetune"))
    for name in ("finetune", "method", "transfer", "validation_share", "seed"):
        if parts.get(name) is not None and settings.get(name) is not None:
            for line in _conflicts(name, parts[name], settings[name]):
                yield f"its settings are not those of its identity: {line}"


def _chosen_otherwise(
    told: dict[str, Any],
    settings: dict[str, Any],
    validation: dict[str, list[Any]],
    errors: dict[str, list[float | None]],
    problem: str,
) -> str | None:
    """Why a chosen step is not the one that the stopping rule keeps of the validation curves."""
    by = {Keep.best.value: settings.get("select_by", RANKED), Keep.last.value: "last"}
    named = RULES.get(str(by.get(str(settings.get("keep", Keep.best)))))
    asked = named and named.on(problem)
    if asked is None or not validation.keys() >= set(asked.reads):
        return None  # of another day
    rule = asked.where_lacking({name for name in asked.reads if None in validation[name]})
    if not validation.keys() >= set(rule.reads) or (rule.reads_errors and not errors):
        return None
    steps = told["curves"]["step"]
    scores = {name: [SCORES[name].oriented(v) for v in validation[name]] for name in rule.reads}
    kept = steps[rule.keeps(Evaluations(len(steps), scores, errors))]
    if kept == told["chosen_step"]:
        return None
    return f"chosen step is {told['chosen_step']}, but by {rule.title} it would be {kept}"


def disagreeing(records: list[Record]) -> dict[int, list[str]]:
    """Results that several cells tell of one and the same thing, and not in the same words.

    By ``id`` of the record: the same cell under two methods' names has one hash.

    The pre-trained model's scores on a fold, and the adapted weights of a key, are those of all
    cells of a machine.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record["status"] == "done":
            parts = record["identity"]["parts"]
            key = [record["cell"]["dataset"], *(parts.get(name) for name in UNTUNED)]
            tuning = parts.get("finetune")
            key += [tuning.get(name) for name in BAG] if isinstance(tuning, dict) else [None, None]
            key += [record["provenance"].get(name) for name in (*MACHINE, "scores")]
            # Another way through the network rounds otherwise.
            key.append(record["settings"]["finetune"].get("trained", "all"))
            groups.setdefault(str(key), []).append(record)
    found: dict[int, list[str]] = {}
    for group in groups.values():
        scores = [str(record["metrics"]["pretrained"]) for record in group]
        usual = max(scores, key=scores.count)
        for record, score in zip(group, scores, strict=True):
            if score != usual:
                why = "its pre-trained scores are not those of the other cells of its fold"
                found.setdefault(id(record), []).append(why)
    for record in _otherwise_adapted(records):
        why = "its adapted weights are not those of the other cells that started from them"
        found.setdefault(id(record), []).append(why)
    return found


def _otherwise_adapted(records: list[Record]) -> Iterator[Record]:
    """Those whose transfer tells other weights or curves than most others of its key."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record["transfer"] is not None:
            key = [record["transfer"]["key"], *(record["provenance"][name] for name in MACHINE)]
            groups.setdefault(str(key), []).append(record)
    for group in groups.values():
        told = [str([record["transfer"][name] for name in ADAPTED]) for record in group]
        usual = max(told, key=told.count)
        yield from (record for record, of in zip(group, told, strict=True) if of != usual)


def compare(record: Record, again: Record, tolerance: float) -> Outcome:
    """Hold a record against the same cell made again.

    Bit for bit where processor, kernels, versions, threads, device and Python are its. Else sums of
    floats differ in their last bits, and they agree as far as `agreement` says.
    """
    record, again = in_common(record, again)
    elsewhere, code = other_machine(record, again), other_code(record, again)
    outcome = Outcome(name_of(record), elsewhere=", ".join(elsewhere))
    for part in ("status", "identity", "data"):
        outcome.differences += _different(record[part], again[part], part)
    before, now = (_settings_of(r) for r in (record, again))
    outcome.differences += _different(before, now, "settings")
    if elsewhere:
        found = agreement(record, again, tolerance)
        outcome.level, outcome.drift, outcome.note = found.level, list(found.drift), found.note
        outcome.differences += [line for line in found.apart if line not in outcome.differences]
    else:
        for part in ("metrics", "chosen_step", "last_step", "children", "curves"):
            outcome.differences += _different(record[part], again[part], part)
        if record["predictions"] != again["predictions"]:
            outcome.differences.append("predictions: other labels or probabilities")
        # Keys hash the code too: where that changed, the rows and the weights are what counts.
        for part in ("synthetic", "transfer"):
            before, now = (_made_of(part, r, with_key=not code) for r in (record, again))
            outcome.differences += _different(before, now, part)
    if outcome.differences:
        outcome.causes = _causes(outcome.differences, [*code, *elsewhere])
    if again["status"] != record["status"] and again["error"]:
        why = again["error"]["message"].rstrip(".")
        outcome.causes = [f"made again it is {again['status']}: {why}"]
    return outcome


def other_machine(record: Record, again: Record) -> list[str]:
    """What of machine and versions is other: without any, the same code gives the same bits."""
    before, now = record["provenance"], again["provenance"]
    return [line for name in MACHINE for line in _change(name, before[name], now[name])]


def other_code(record: Record, again: Record) -> list[str]:
    """The fingerprints of the code, where they are not the same."""
    before, now = (r["provenance"]["code"][:SHORT] for r in (record, again))
    return _change("code", before, now)


def other_settings(record: Record, again: Record) -> list[str]:
    """What both were asked for, and differently; a key that one lacks may be a later one.

    Weights are not among it: whether they are the same, the pre-trained model's scores tell.
    """
    one, two = _asked(record), _asked(again)
    both = [part for part in one if one[part] is not None and two[part] is not None]
    return [line for part in both for line in _conflicts(part, one[part], two[part])]


def _asked(record: Record) -> dict[str, Any]:
    parts, method = record["identity"]["parts"], renamed(record["settings"])["method"]
    known = ("dataset", "split", "validation_share", "seed")
    return {
        **{name: parts.get(name) for name in known},
        "finetune": completed(parts.get("finetune")),
        "model": {"name": record["cell"]["model"]},
        "method": {name: method.get(name) for name in ("finetune", "generator", "mixing")},
    }


def _conflicts(name: str, before: Any, now: Any) -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        both = {part: (before[part], now[part]) for part in before if part in now}
        return [line for part, of in both.items() for line in _conflicts(f"{name}.{part}", *of)]
    if name == "dataset":  # the identity's key, whose value is a hash: told as short as everywhere
        before, now = before[:SHORT], now[:SHORT]
    return _change(name, before, now)


def _settings_of(record: Record) -> dict[str, Any]:
    """A record's settings, but how a table was asked for, which is another machine's matter.

    An older record lacks the settings that came later.
    """
    settings = renamed(record["settings"])
    dataset = {k: v for k, v in settings["dataset"].items() if k not in ASKED}
    return {**settings, "dataset": dataset, "finetune": deciding(settings["finetune"])}


def _made_of(part: str, record: Record, with_key: bool) -> dict[str, Any]:
    """What is told of a synthetic table, or of adapted weights, which cells share by their key."""
    facts = record[part] or {}
    return {k: v for k, v in facts.items() if with_key or k != "key"}


def _change(name: str, before: Any, now: Any) -> list[str]:
    """What of a part of the provenance is not the record's, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        parts = sorted({*before, *now})
        return [line for part in parts for line in _change(part, before.get(part), now.get(part))]
    if before == now:
        return []
    if name == "kernels":  # the provenance's key, whose value is a list: what both have is no news
        one, two = str(before).split(", "), str(now).split(", ")
        lacks = [part for part in one if part not in two], [p for p in two if p not in one]
        before, now = (", ".join(parts) or whole for parts, whole in zip(lacks, (before, now)))
    return [f"{name} ({before} → {now})"]


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


def _causes(differences: list[str], changes: list[str]) -> list[str]:
    if any(d.startswith("identity.parts.dataset") for d in differences):
        return ["the table is not the one that the record was made from"]
    if any(d.startswith("identity.parts.model") for d in differences):
        return ["the model's weights are not those that the record was made with"]
    if changes:
        return [f"other {', '.join(changes)}"]
    return ["nothing else differs, so the record was edited, or the cell is not deterministic"]


def hash_of(record: Record) -> str:
    """The hash of a record's identity."""
    return str(record["identity"]["hash"])


def name_of(record: Record) -> str:
    """How a line names a record."""
    return told_of(record, record["cell"]["dataset"], record["cell"]["method"])


def told_of(record: Record, dataset: str, method: str) -> str:
    """How a line names a record whose dataset and method tables call so."""
    cell = record["cell"]
    return f"{dataset} fold {cell['fold']} {method} seed {cell['seed']} ({hash_of(record)[:8]})"
