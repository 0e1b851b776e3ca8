"""The record of a cell: its schema, its checksum, and what counts as the same result.

`bench.cell.schema` is the same schema as a model: what is checked.

Schema, version 6 (a JSON object; every key is always there)
-------------------------------------------------------------
schema_version : 6
status : "done" | "failed" | "not_applicable"
cell : {dataset, domain, method, fold, seed, model}: names, for people and for grouping
identity : {hash, parts}: everything that decides the numbers (`bench.cell.identity.identity`)
settings : the resolved config
metric : {name, greater_is_better}: the score that cells are ranked by, one of `metrics`' names; all
    of these are scores for its problem, classification or regression
data : {rows: {train, validation, test}, features, categorical, classes, class_rows, duplicates,
    notes}; classes: 0 of a numeric target; class_rows: training rows of each class, none of a
    numeric target and in older records; duplicates: test rows whose features repeat a training
    row's; {} where the cell failed before
metrics : {pretrained | chosen | last: {validation | test: {score: float or null}}}; null where a
    score does not exist (ROC-AUC of one class, CRPS of a model that tells no distribution), never
    for one that is not finite; {} unless done
predictions : {classes or scale, labels, steps}: the rows' labels and their probabilities, or the
    means of a numeric target, pre-trained, chosen and last (`bench.cell.predictions`), so that
    scores can be computed when it is read (`bench.cell.scored`); {} unless done, where they are too
    many, or were left out (`pack`)
chosen_step, last_step : int or null; 0 is the pre-trained model; null of a bag: its children tell.
    Of a ``transfer`` without fine-tuning they are its own; with, 0 is the adapted model
children : [{chosen_step, last_step, rows: {train, validation}}], one a fine-tuning of a bag;
    [] of what is none. Of a bag all scores, predictions and curves are of its children's put
    together, the pre-trained model's too: the test part's averaged, the validation part's out of
    fold (`bench.finetune.bagging`); data.rows counts as validation all rows that some child holds
    out, as train those that none does; synthetic is the first child's, timings are all children's
curves : {step: list, train_loss: list, validation | test: {score: list}, validation_se: {score:
    list}}, all lists of one length; null where a score does not exist, and as the training loss of
    step 0; {} without fine-tuning. validation_se: the standard error of the validation score's
    change since step 0, paired by rows (`bench.scores._change`); null where it cannot be told.
    The test curves are for analysis only
synthetic : {key, rows, class_counts, copies_of_training_rows, fingerprint, generator, quality}: the
    synthetic table that all methods with this generator share, or, where each step draws its own
    rows (key: null), one sample more. null without a generator, and where each step is a new task,
    whose columns change. quality: {measure: float or null} of `bench.quality.measures.quality`
    against the training rows; and of learners trained on these rows and scored on the test rows
    test_tstr_roc_auc, or test_tstr_r2 of a numeric target, and test_global_utility, which older
    records lack; like the test curves these are for analysis only
transfer : null where ``settings`` have none; else what adapting the weights to other tables came
    to (`bench.cell.transferred`). ``metrics.pretrained`` are before it; ``chosen`` and ``last``
    of its own steps, or, with fine-tuning on the target, of those that began at its chosen one
timings : {started, seconds: {phase: float}, cpu_seconds, peak_memory_mb, generation: {shared,
    seconds, phases} or null, …}; the only part that may differ between two runs of one cell.
    transfer: {shared, seconds}, where there is a ``transfer``
provenance : {code, scores, versions, python, platform, processor, kernels, threads, device,
    precision}; scores: {score: fingerprint of its definition} of all in `metrics`; {} where older
    code made the record
error : {type, message, traceback} or null
checksum : SHA-256 of the record without it
"""

from __future__ import annotations

import json
import sys
from typing import Any, get_args

import yaml

from bench import names
from bench.cell import schema as record_schema
from bench.cell import targets
from bench.files import digest, shown
from bench.phrases import begun

Record = dict[str, Any]

SCHEMA_VERSION = 6
KEYS = frozenset(
    {"schema_version", "status", "cell", "identity", "settings", "data", "metric", "metrics"}
    | {
        "predictions",
        "chosen_step",
        "last_step",
        "children",
        "curves",
        "synthetic",
        "transfer",
        "timings",
        "provenance",
        "error",
        "checksum",
    }
)
STATUSES: tuple[str, ...] = get_args(record_schema.Status)


def seal(record: Record) -> Record:
    """The record with its version and checksum."""
    sealed = {"schema_version": SCHEMA_VERSION, **record}
    return {**sealed, "checksum": _checksum(sealed)}


def without_predictions(record: Record) -> Record:
    """The record, sealed anew, with nothing that scores could be computed from later."""
    return seal({k: v for k, v in record.items() if k != "checksum"} | {"predictions": {}})


def fault(record: Any) -> str | None:
    """What is wrong with a record, in one clause; None if it is sound."""
    return damage(record, SCHEMA_VERSION, KEYS) or senseless(record)


def senseless(record: Record) -> str | None:
    """What is wrong with a sealed record, in one clause: with what it holds, or with its names."""
    wrong = record_schema.fault(record)
    if wrong is None and record["identity"]["hash"] != digest(record["identity"]["parts"]):
        return "its identity hash does not match its parts"
    return wrong or _fault_of_names(record) or targets.fault(record["settings"])


def damage(record: Any, expected: int, keys: frozenset[str]) -> str | None:
    """Whether it is a record of a version, and as it was sealed; what it holds is not looked at."""
    if not isinstance(record, dict) or not set(record) >= {"schema_version", "checksum"}:
        return "it is no record of this harness"
    version = record["schema_version"]
    if version != expected:
        return f"it has schema version {shown(version)}, expected {expected}"
    if set(record) != keys:
        return f"its keys differ from the schema's: {_keys(set(record) ^ keys)}"
    if record["checksum"] != _checksum(record):
        return "its content does not match its checksum: it was edited or damaged"
    return None


def _keys(keys: set[str]) -> str:
    return f"[{begun([shown(key) for key in sorted(keys)], 3)}]"


def _fault_of_names(record: Record) -> str | None:
    """Why a file would lie elsewhere, or a line be no line, if a cell were called so."""
    cell, transfer = record["cell"], record["transfer"]
    named = [(what, cell[what]) for what in ("dataset", "method", "domain", "model")]
    if transfer is not None:
        tables = (*transfer["sources"], *transfer["held_out"], *transfer["dropped"])
        named += [("dataset", name) for name in tables]
        named += [("domain", name) for name in transfer["domains"]]
        named.append(("method", record["settings"]["transfer"]["method"]["name"]))
    return next((why for what, name in named if (why := names.fault(what, name))), None)


def results_of(record: Record) -> Record:
    """The record without what two runs of one cell may differ in; equal means bit-identical."""
    return {k: v for k, v in record.items() if k not in ("timings", "checksum")}


def in_common(a: Record, b: Record) -> tuple[Record, Record]:
    """Two records, or their results, with the scores that both hold by one definition.

    Which scores there were, of which of them errors were told, which measures of synthetic rows
    there were, and whether predictions were kept, is no difference of results.
    """
    one, two = (record["provenance"]["scores"] for record in (a, b))
    if one and two:
        others = {name for name in {*one, *two} if one.get(name) != two.get(name)}
    else:  # older records do not tell definitions
        others = _scores(a) ^ _scores(b)
    keeps = bool(a["predictions"]) and bool(b["predictions"])
    errors, measures = _errors(a) & _errors(b), _measures(a) & _measures(b)
    a, b = (_without(record, others, errors, keeps) for record in (a, b))
    return _measured(a, measures), _measured(b, measures)


def _scores(record: Record) -> set[str]:
    return set(record["metrics"].get("chosen", {}).get("test", {}))


def _errors(record: Record) -> set[str]:
    return set(record["curves"].get("validation_se", {}))


def _measures(record: Record) -> set[str]:
    return set(record["synthetic"]["quality"]) if record["synthetic"] else set()


def _measured(record: Record, measures: set[str]) -> Record:
    if not record["synthetic"]:
        return record
    told = record["synthetic"]["quality"]
    kept = {name: value for name, value in told.items() if name in measures}
    return {**record, "synthetic": {**record["synthetic"], "quality": kept}}


def _without(record: Record, scores: set[str], errors: set[str], keeps_predictions: bool) -> Record:
    def left(of_part: Any) -> Any:
        is_of_part = isinstance(of_part, dict)  # `curves` has lists beside its parts
        return {k: v for k, v in of_part.items() if k not in scores} if is_of_part else of_part

    curves = {key: left(of_part) for key, of_part in record["curves"].items()}
    told = curves.get("validation_se", {})
    curves["validation_se"] = {name: told[name] for name in told if name in errors}
    return {
        **record,
        "metrics": {
            when: {part: left(values) for part, values in parts.items()}
            for when, parts in record["metrics"].items()
        },
        "curves": curves,
        "transfer": record["transfer"] and _without_scores(record["transfer"], scores),
        "predictions": record["predictions"] if keeps_predictions else {},
    }


def _without_scores(transfer: Record, scores: set[str]) -> Record:
    def left(values: Record) -> Record:
        return {name: value for name, value in values.items() if name not in scores}

    curves, read = transfer["curves"], transfer["in_context"]
    return {
        **transfer,
        "curves": {**curves, "held_out": left(curves["held_out"])},
        "forgetting": {
            table: {when: left(values) for when, values in told.items()}
            for table, told in transfer["forgetting"].items()
        },
        "in_context": {"rows": read["rows"]}
        | {when: left(values) for when, values in read.items() if when != "rows"},
    }


def encode(record: Record) -> str:
    """JSON text, one line a value or list; floats keep every bit."""
    return _indented(record, "") + "\n"


def as_yaml(value: Any) -> str:
    """Parts of a record for people: plain YAML. Text in it is data, whatever it looks like."""
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=sys.maxsize)


class _Plain(yaml.SafeDumper):
    """YAML without anchors: what stands twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _indented(value: Any, indent: str) -> str:
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = indent + " "
    items = [f"{json.dumps(k)}: {_indented(v, inner)}" for k, v in sorted(value.items())]
    return "{\n" + ",\n".join(inner + item for item in items) + f"\n{indent}}}"


def _checksum(record: Record) -> str:
    return digest({k: v for k, v in record.items() if k != "checksum"})
