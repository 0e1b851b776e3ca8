"""Records of models that were fine-tuned on other tables first → DataFrames with one row a run.

All of them have the columns ``target``, ``source``, ``seed``, ``arm``, ``on_target`` and, of each
score in `scores_read`, ``gain_SCORE`` and ``base_SCORE``, so that the same measures read each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.analysis.problems import WITHOUT_UNIT, has_unit, problem_of, problem_of_record
from bench.analysis.references import DEFAULT
from bench.analysis.safety import CAUSAL, CAUSAL_ROWS, MIXED
from bench.cell.record import Record
from bench.cell.scored import score_of
from bench.files import digest
from bench.score import Score
from bench.scores import SCORES, ranked

IN_CONTEXT = "in context"
ALL = "all"  # training rows in context
DOMAINS = ("healthcare", "finance")  # that the research question is of
WITHIN, ACROSS, OTHERS = "within", "across", "from all others"
UNIT = ["target", "fold", "source", "seed"]  # what arms are compared on
SHORT = 6  # characters of a hash in a name

# Column → meaning; behind these stand the gains and bases.
SCHEMA = {
    "target": "name of the table that is predicted on; with a hash where several share the name",
    "target_domain": "healthcare, finance or other",
    "problem": "classification or regression",
    "fold": "index of the target's split",
    "seed": "seed of the run, which draws the corpus from its sources",
    "arm": "what was learned of the sources; with a hash where several settings share the name",
    "source": "domains of the sources, sorted, with + between",
    "is_in_domain": "whether the target's domain is one of them",
    "direction": "within, across (healthcare to finance and back), from all others, or `direction`",
    "on_target": "in context, or the method of fine-tuning on the target",
    "step": "step of the fine-tuning on the sources that was chosen; 0 is the published model",
    "n_sources": "number of tables that were learned from",
    "weights": "SHA-256 of the adapted weights",
    "model": "name of the model",
    "identity": "hash of everything that decides the numbers",
}


def is_transfer(record: Record) -> bool:
    """Whether a record is of weights that are fine-tuned on other tables first, done or failed."""
    return record["settings"].get("transfer") is not None


def scores_read() -> list[Score]:
    """The scores that gains are told of: those that are drawn and have no unit."""
    return [score for score in SCORES.values() if score.drawn and not has_unit(score)]


def gain(score: Score) -> str:
    """The column of a score's gains: adapted minus published, above 0 where that is better."""
    return f"gain_{score.name}"


def base(score: Score) -> str:
    """The column of the published model's score, turned so that greater is better."""
    return f"base_{score.name}"


def read_by(score: Score) -> Score:
    """A score of `scores_read`: itself, or the one that cells of its problem are compared by.

    Those are told of every number of rows in context and of every held-out table; of numeric
    targets it is RMSE/σ, since of several units there is no mean.
    """
    if score in scores_read():
        return score
    name = ranked(problem_of(score)).name
    return SCORES[WITHOUT_UNIT.get(name, name)]


def direction(target_domain: str, source: str) -> str:
    """Where sources lie as seen from a target.

    >>> direction("finance", "finance+other"), direction("finance", "healthcare")
    ('within', 'across')
    >>> direction("finance", "healthcare+other"), direction("other", "finance")
    ('from all others', 'to other')
    """
    domains = source.split("+")
    if target_domain in domains:
        return WITHIN
    if len(domains) > 1:
        return OTHERS
    if {source, target_domain} == set(DOMAINS):
        return ACROSS
    return f"to {target_domain}" if source in DOMAINS else f"from {source}"


def transferred(records: Iterable[Record], when: str = "chosen") -> pd.DataFrame:
    """One row a record that is done, of weights that were fine-tuned on other tables.

    Parameters
    ----------
    records : iterable of Record
    when : str, optional
        ``chosen``, or ``last``: the last step, of what fine-tuning there is on the target, else of
        that on the sources.

    Returns
    -------
    DataFrame
        Columns of `SCHEMA`; of each of `scores_read` its `gain` on the target's test rows and its
        `base`, rounded as `bench.analysis.frame.frame` rounds, NaN where the score does not exist
        or is of another problem. The published model is in context in both, whatever `on_target`.
    """
    held = _done(records)
    rows = [
        {**named, **_scores(_told(record, "pretrained"), _told(record, when))}
        for record, named in zip(held, _named(held), strict=True)
    ]
    return _frame(rows, list(SCHEMA))


def readouts(records: Iterable[Record]) -> pd.DataFrame:
    """One row a record in context and number of rows in it: the curve over the support's size.

    Returns
    -------
    DataFrame
        As `transferred`, with ``rows``, an ordered category: ``"32"``, … and `ALL`.
    """
    held = [record for record in _done(records) if not record["settings"]["method"]["finetune"]]
    rows = []
    for record, named in zip(held, _named(held), strict=True):
        read = record["transfer"]["in_context"]
        for place, size in enumerate(read["rows"]):
            pair = (_at(read[which], place) for which in ("pretrained", "adapted"))
            rows.append({**named, "rows": str(size), **_scores(*pair)})
        scores = _scores(_told(record, "pretrained"), _told(record, "chosen"))
        rows.append({**named, "rows": ALL, **scores})
    found = _frame(rows, [*SCHEMA, "rows"])
    sizes = sorted({int(size) for size in found["rows"] if size != ALL})
    order = [*map(str, sizes), ALL]
    return found.assign(rows=pd.Categorical(found["rows"], order, ordered=True))


def forgetting(records: Iterable[Record]) -> pd.DataFrame:
    """One row a fine-tuning on sources and table that it held out: is what was known forgotten?

    By these tables the step was chosen, step 0 among them, so that their gains flatter.

    Returns
    -------
    DataFrame
        As `transferred`: ``target`` is the held-out table, ``key`` tells the fine-tunings apart.
        One that several targets share counts once.
    """
    held = _done(records)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for record, named in zip(held, _named(held), strict=True):
        key = record["transfer"]["key"]
        for table, of in record["transfer"]["forgetting"].items():
            own = {"key": key, "target": table, "fold": 0, "target_domain": None, "identity": None}
            scores = _scores(of["pretrained"], of["adapted"])
            rows.setdefault((key, table), {**named, **own, "direction": WITHIN, **scores})
    return _frame(list(rows.values()), [*SCHEMA, "key"])


def over_published(records: Iterable[Record]) -> pd.DataFrame:
    """What fine-tuning on the target from adapted weights brings over that from the published ones.

    A run is held against the record whose identity is its own but for the sources: the same method
    and settings on the same target, fold and seed. A run without such a record has no row.

    Returns
    -------
    DataFrame
        As `transferred`; bases are the test scores of fine-tuning from the published weights.
    """
    records = list(records)
    plain = {
        record["identity"]["hash"]: record
        for record in records
        if record["status"] == "done" and not is_transfer(record)
    }
    held = [record for record in _done(records) if record["settings"]["method"]["finetune"]]
    rows = []
    for record, named in zip(held, _named(held), strict=True):
        parts = record["identity"]["parts"].items()
        twin = plain.get(digest({name: part for name, part in parts if name != "transfer"}))
        if twin is not None:
            rows.append({**named, **_scores(_told(twin, "chosen"), _told(record, "chosen"))})
    return _frame(rows, list(SCHEMA))


def _done(records: Iterable[Record]) -> list[Record]:
    return [r for r in records if r["status"] == "done" and r.get("transfer") is not None]


def _frame(rows: Sequence[Mapping[str, Any]], columns: list[str]) -> pd.DataFrame:
    scores = [of(score) for score in scores_read() for of in (gain, base)]
    found = pd.DataFrame(rows, columns=[*columns, *scores])
    found[scores] = found[scores].astype(float)  # None → NaN, also where all are None
    return found


def _told(record: Record, when: str) -> dict[str, float | None]:
    """The test scores of a record that `scores_read` names, as it has them."""
    problem = problem_of_record(record)
    names = [score.name for score in scores_read() if problem_of(score) == problem]
    return {name: score_of(record, name, when, "test") for name in names}


def _at(curves: Mapping[str, Sequence[float | None]], place: int) -> dict[str, float | None]:
    return {name: values[place] for name, values in curves.items()}


def _scores(
    published: Mapping[str, float | None], adapted: Mapping[str, float | None]
) -> dict[str, float]:
    found: dict[str, float] = {}
    for score in scores_read():
        one, two = published.get(score.name), adapted.get(score.name)
        if one is not None and two is not None:
            start = score.oriented(round(one, 12))
            found |= {gain(score): score.oriented(round(two, 12)) - start, base(score): start}
    return found


def _named(records: list[Record]) -> list[dict[str, Any]]:
    """The columns of `SCHEMA` of each record."""
    targets = _apart([(r["cell"]["dataset"], None, _table(r)) for r in records])
    # Arms are compared from one source: from another it may list other tables.
    arms = _apart(
        [(r["settings"]["transfer"]["method"]["name"], _from(r), _arm(r)) for r in records]
    )
    ways = _apart([(_way(r["settings"]["method"]), None, _tuning(r)) for r in records])
    return [
        _row(record, target, arm, way)
        for record, target, arm, way in zip(records, targets, arms, ways, strict=True)
    ]


def _row(record: Record, target: str, arm: str, way: str) -> dict[str, Any]:
    cell, transfer = record["cell"], record["transfer"]
    source, problem = _from(record)
    return {
        **{name: cell[name] for name in ("fold", "seed", "model")},
        "target": target,
        "target_domain": cell["domain"],
        "problem": problem,
        "arm": arm,
        "source": source,
        "is_in_domain": cell["domain"] in transfer["domains"],
        "direction": direction(cell["domain"], source),
        "on_target": way,
        "step": transfer["chosen_step"],
        "n_sources": len(transfer["sources"]),
        "weights": transfer["weights"],
        "identity": record["identity"]["hash"],
    }


def _apart(named: Sequence[tuple[str, Any, Any]]) -> list[str]:
    """Names, with the hash of what they stand for where several go by one at the same place."""
    of = [(name, place, digest([content])) for name, place, content in named]
    contents: dict[tuple[str, Any], set[str]] = defaultdict(set)
    for name, place, content in of:
        contents[name, place].add(content)
    return [
        name if len(contents[name, place]) == 1 else f"{name} ({content[:SHORT]})"
        for name, place, content in of
    ]


def _from(record: Record) -> tuple[str, str]:
    return "+".join(sorted(record["transfer"]["domains"])), problem_of_record(record)


def _table(record: Record) -> list[Any]:
    parts = record["identity"]["parts"]
    split = parts.get("split")
    is_named = isinstance(split, dict)
    return [parts.get("dataset"), {**split, "index": None} if is_named else split]


def _arm(record: Record) -> dict[str, Any]:
    """All that an arm's settings decide, but for the domain and the target, which never teaches."""
    settings = dict(record["settings"]["transfer"])
    settings.pop("domain", None)
    own = record["settings"]["dataset"].get("name"), record["cell"]["dataset"]
    left_out = settings.get("leave_out")
    if isinstance(left_out, list):
        left_out = [name for name in left_out if name not in own]
    model = {k: v for k, v in record["settings"]["model"].items() if k != "device"}
    named = {"name": record["cell"]["model"], **model}
    return {**settings, "leave_out": left_out, "model": named}


def _way(method: Mapping[str, Any]) -> str:
    """What is done on the target, by what its method does: its name may tell of the sources."""
    if not method["finetune"]:
        return IN_CONTEXT
    if method["generator"] is None:
        return DEFAULT
    generator = str(method["generator"]["_target_"]).rpartition(".")[2]
    rows = method["mixing"]["rows"]
    return CAUSAL if (generator, rows) == (CAUSAL_ROWS, MIXED) else f"{generator} ({rows})"


def _tuning(record: Record) -> Any:
    method = {k: v for k, v in record["settings"]["method"].items() if k != "name"}
    return [method, record["settings"]["finetune"]] if method["finetune"] else None
