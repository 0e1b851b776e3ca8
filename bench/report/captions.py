"""Sentences that several tables share, and what the records lack; by rule, never by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.complete import IMPUTED
from bench.analysis.frame import UNIT, own_name
from bench.analysis.paired import chance_of_resolving, resolved
from bench.analysis.variants import Name
from bench.cell.record import Record
from bench.phrases import begun, counted
from bench.report.readable import edges_in_words, share, with_error
from bench.score import Score

MOST_NAMES = 3  # of methods, in a sentence
MOST_EDGES = 1e9  # of a DAG that is one
ONE_DATASET = "Of one dataset a rank is the order of its means: noise, and no average."
Compared = tuple[str, pd.DataFrame, Callable[[float], str]]  # label, `over_tables`, format


def completeness(answer: Answer) -> str:
    """What the tables are computed on, and what is missing."""
    kept, left_out = answer.kept, answer.left_out
    pairs = kept[UNIT].drop_duplicates()
    text = (
        f"{counted(len(pairs), 'dataset × fold × seed unit')} over "
        f"{counted(pairs['dataset'].nunique(), 'dataset')}, "
        "complete for all methods shown."
    )
    if len(left_out):
        lost = lost_of(answer).groupby("status")["method"]
        counts = "; ".join(
            f"{len(of)} {status}: {begun(sorted(map(str, of.unique())), MOST_NAMES)}"
            for status, of in sorted(lost, key=lambda part: -len(part[1]))
        )
        text += f" Left out: {counted(len(left_out[UNIT].drop_duplicates()), 'unit')} ({counts})."
    if len(answer.unserved):
        names = sorted(map(str, answer.unserved["method"].unique()))
        text += f" Not applicable to any of these tables: {', '.join(names)}."
    if len(answer.absent):
        first = " ".join(map(str, answer.absent.iloc[0]))
        first += ", …" if len(answer.absent) > 1 else ""
        text += (
            f" No record at all: {counted(len(answer.absent), 'unit')} of the grid of these "
            f"datasets and splits (dataset fold seed: {first})."
        )
    made_up = int((kept["status"] == IMPUTED).sum())
    if made_up:
        text += (
            f" Imputed (analysis.impute=worst): {counted(made_up, 'score')} of cells that failed "
            f"or are missing, by the worst {answer.metric.title} of the unit."
        )
    return text


def lost_of(answer: Answer) -> pd.DataFrame:
    """The cells for which units are left out; what is done lacks the score, which is said then."""
    left_out, metric = answer.left_out, answer.metric
    has_none = left_out[own_name("score_chosen", metric)].isna()
    is_done = left_out["status"] == "done"
    lost = left_out[~is_done | has_none]
    return lost.assign(status=lost["status"].mask(is_done, f"done without test {metric.title}"))


def variants(records: Sequence[Record], named: Sequence[Name]) -> list[str]:
    """What was told apart by `bench.analysis.variants.names`, and how to have it otherwise."""
    methods: dict[str, dict[str, None]] = defaultdict(dict)
    tables: dict[str, dict[str, None]] = defaultdict(dict)
    begun: dict[str, float] = defaultdict(float)
    for record, name in zip(records, named, strict=True):
        methods[record["cell"]["method"]][name.method] = None
        tables[record["cell"]["dataset"]][name.dataset] = None
        begun[name.dataset] = max(begun[name.dataset], float(record["timings"]["started"]))
    sentences = []
    several = {name: list(of) for name, of in methods.items() if len(of) > 1}
    if several:
        named_so = "; ".join(f"{name}: {len(of)}" for name, of in several.items())
        sentences.append(
            f"Methods with records of several settings ({named_so}) have a row for each, named by "
            "the settings that differ; compared are the units that have them all. Where that was "
            "not asked for: delete those of earlier settings, or give the new ones a results_dir."
        )
    for table, contents in tables.items():
        if len(contents) > 1:
            by_age = sorted(contents, key=lambda called: begun[called])
            sentences.append(
                f"Tables of other content, or split otherwise, share the name '{table}': "
                f"{', '.join(by_age)}, from the oldest records to the newest. Each stands apart; "
                "dataset.name=NAME gives a table of one's own a name of its own."
            )
    return sentences


def repaired(records: Sequence[Record]) -> str:
    """Where the edges of the DAGs come from that the records' rows were drawn of; "" without any.

    Records of before `bench.generator.CausalGraph.edges_a_dag` do not hold what was added; their
    ``repaired`` is the total all the same.
    """
    facts = [record["synthetic"]["generator"] for record in records if record["synthetic"]]
    edges = [f["edges_a_dag"] for f in facts if _are_edges(f.get("edges_a_dag"))]
    if not edges:
        return ""
    drawn, total = (sum(e[which] for e in edges) / len(edges) for which in ("drawn", "repaired"))
    told = edges_in_words(round(drawn, 1), round(total - drawn, 1))
    return f"Over the records of this folder a DAG has {told}."


def _are_edges(told: object) -> bool:
    """Whether a record's fact, which may be anything, is what `repaired` reads."""
    if not isinstance(told, dict):
        return False
    numbers = [told.get(which) for which in ("drawn", "repaired")]
    return all(isinstance(n, int | float) and 0 <= n < MOST_EDGES for n in numbers)


def error_of(metric: Score, which: str, full: bool = False) -> str:
    """What is left to the best value of ``which`` score."""
    named = f"{which} {metric.full_title if full else metric.title}"
    return f"{metric.best:g} − {named}" if metric.best else named


def beyond_chance(what: str, compared: list[Compared]) -> str:
    """Which differences are larger than twice their standard error, and what chance would give."""
    compared = [(label, table[table["tables"] > 1], show) for label, table, show in compared]
    n = sum(len(table) for _, table, _ in compared)
    if not n:
        return "No difference can be told from chance: a standard error takes two tables or more."
    found = [
        f"{name} {with_error(row['mean'], row['se'], show)} ({label})"
        for label, table, show in compared
        for name, row in table[resolved(table)].iterrows()
    ]
    if not found:
        return f"No {what} is larger than twice its standard error ({counted(n, 'comparison')})."
    tables = min(int(table["tables"].min()) for _, table, _ in compared if len(table))
    return (
        f"Larger than twice its standard error is the {what} of {', '.join(found)}: {len(found)} "
        f"of {counted(n, 'comparison')}, where chance alone gives "
        f"{chance_of_resolving(tables):.0%} ({tables} tables)."
    )


def resolving(answer: Answer) -> str:
    """What the columns `bench.report.columns.resolvable` hold."""
    settings = answer.settings
    return (
        f"Resolves from: found with {share(settings.power)} power (two-sided "
        f"{share(settings.alpha)})."
    )
