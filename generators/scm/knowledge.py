"""What a person knows of causes: held against a table, then laid over the nodes of a fold.

A fact names columns of the file; a fold's nodes may be fewer (columns that do not vary there, and
twins). What is known never makes a fold fail: what has no effect there is noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

import networkx as nx
import numpy as np
from annotated_types import Len
from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from bench.errors import BadInput, closest
from bench.phrases import begun, counted, numbered
from bench.ranges import STRICT, Text
from bench.table import Table
from generators.scm.coding import Coding
from generators.scm.graphs import Dag, EdgeProbabilities, Target, as_digraph

SHOWN = 12  # names, or edges, that a sentence lists
Edge = Annotated[Sequence[Text], Len(2, 2)]  # cause, effect
Names = Annotated[Sequence[Text], Len(1)]


@with_config(ConfigDict(**STRICT, extra="forbid"))
class Content(TypedDict, total=False):
    """What a knowledge file holds; names are columns of the table, its target among them."""

    tiers: Annotated[Sequence[Names], Len(1)]  # in time: nothing causes what is of an earlier one
    forbidden: Annotated[Sequence[Edge], Len(1)]
    required: Annotated[Sequence[Edge], Len(1)]
    roots: Names  # no edge into them
    sinks: Names  # no edge out of them
    leave_out: Names  # no part of the graph


@dataclass(frozen=True)
class Fact:
    """One thing that is known: of an edge (cause and effect), or of a column."""

    kind: Literal["tier", "forbidden", "required", "root", "sink"]
    names: tuple[str, ...]
    tier: int = 0

    def of(self, others: Mapping[str, str]) -> Fact:
        """The same of the columns that stand for these."""
        return replace(self, names=tuple(others.get(name, name) for name in self.names))

    def __str__(self) -> str:
        if self.kind == "tier":
            return f"tier {self.tier + 1} of '{self.names[0]}'"
        return f"{self.kind} {' → '.join(self.names)}"


def facts_of(content: Content) -> list[Fact]:
    """The facts of a file, tiers first."""
    tiers = enumerate(content.get("tiers", ()))
    facts = [Fact("tier", (name,), place) for place, names in tiers for name in names]
    facts += [Fact("forbidden", tuple(edge)) for edge in content.get("forbidden", ())]
    facts += [Fact("required", tuple(edge)) for edge in content.get("required", ())]
    facts += [Fact("root", (name,)) for name in content.get("roots", ())]
    return facts + [Fact("sink", (name,)) for name in content.get("sinks", ())]


def contradiction(facts: Iterable[Fact], max_parents: int) -> str | None:
    """Why these cannot hold together, in a clause; None if they can."""
    facts = list(dict.fromkeys(facts))
    tiers: dict[str, int] = {}
    for fact in facts:
        if fact.kind == "tier":
            if fact.names[0] in tiers:
                return f"'{fact.names[0]}' stands in two tiers"
            tiers[fact.names[0]] = fact.tier
        if len(fact.names) == 2 and fact.names[0] == fact.names[1]:
            return f"the edge {fact.names[0]} → {fact.names[1]} leads from a column to itself"
    of = {
        kind: {f.names for f in facts if f.kind == kind} for kind in ("forbidden", "root", "sink")
    }
    required = [fact.names for fact in facts if fact.kind == "required"]
    for cause, effect in required:
        against = (
            ((cause, effect) in of["forbidden"], "it is forbidden"),
            ((effect,) in of["root"], f"'{effect}' is a root"),
            ((cause,) in of["sink"], f"'{cause}' is a sink"),
            (
                tiers.get(cause, 0) > tiers.get(effect, len(tiers)),
                f"'{cause}' stands in a later tier than '{effect}'",
            ),
        )
        why = next((clause for holds, clause in against if holds), None)
        if why:
            return f"the edge {cause} → {effect} is required, but {why}"
    if path := _back_in_time(required, tiers):
        return f"the required edges {path} lead back into an earlier tier"
    if cycle := _cycle(required):
        return f"the required edges go in a circle: {cycle}"
    causes = [effect for _, effect in required]
    most = max(set(causes), key=lambda name: (causes.count(name), name), default="")
    if causes.count(most) > max_parents:
        return (
            f"{causes.count(most)} causes of '{most}' are required, more than the {max_parents} "
            "of max_parents"
        )
    return None


def _back_in_time(edges: Iterable[Sequence[str]], tiers: Mapping[str, int]) -> str:
    """A path into an earlier tier, spelled out; nothing if there is none."""
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_edges_from(edges)
    for cause in (node for node in graph if node in tiers):
        for effect in nx.descendants(graph, cause) & tiers.keys():
            if tiers[cause] > tiers[effect]:
                return " → ".join(nx.shortest_path(graph, cause, effect))
    return ""


def _cycle(edges: Iterable[Sequence[str]]) -> str:
    """A cycle among edges, spelled out; nothing if there is none."""
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_edges_from(edges)
    try:
        found = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return ""
    return " → ".join([*(cause for cause, _ in found), found[-1][1]])


@dataclass(frozen=True)
class Knowledge:
    """Facts that hold together, of columns of one table.

    Attributes
    ----------
    facts : tuple of Fact
    left_out : tuple of str
        Columns that are no nodes.
    notes : tuple of str
    """

    facts: tuple[Fact, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: Content, table: Table, max_parents: int) -> Self:
        """Hold a file's content against a table.

        Raises
        ------
        BadInput
            If it says nothing, names what is no column, or contradicts itself.
        """
        facts, left_out = facts_of(content), tuple(content.get("leave_out", ()))
        if not facts and not left_out:
            raise BadInput(
                f"knowledge says nothing; expected {', '.join(Content.__annotations__)}."
            )
        named = [name for fact in facts for name in fact.names]
        gone = _kept_out([*named, *left_out], table, "knowledge")
        if table.target in left_out:
            raise BadInput(f"knowledge: '{table.target}' is the target, and cannot be left out.")
        if both := next((name for name in left_out if name in named), None):
            raise BadInput(f"knowledge: '{both}' is left out and named elsewhere; expected one.")
        if set(table.kinds) <= set(left_out):
            raise BadInput("knowledge: every column is left out, so that there is no graph.")
        if why := contradiction(facts, max_parents):
            raise BadInput(f"knowledge: {why}.")
        return cls(
            tuple(fact for fact in facts if not gone & set(fact.names)),
            tuple(name for name in left_out if name not in gone),
            tuple(f"'{name}' was kept out of the table; it is no node" for name in sorted(gone)),
        )

    def over(self, coding: Coding, max_parents: int) -> Known:
        """What is known of a fold's nodes.

        Of a twin it goes to the column that stands for it, unless that is known otherwise.
        """
        twins = {name: other for name, (other, _) in coding.twins_.items()}
        still = set(coding.constant_)
        here = [fact for fact in self.facts if not still & set(fact.names)]
        facts = [fact for fact in here if not twins.keys() & set(fact.names)]
        notes = [f"no effect here: {fact}" for fact in self.facts if still & set(fact.names)]
        for fact in here:
            if not twins.keys() & set(fact.names):
                continue
            moved = fact.of(twins)
            if contradiction([*facts, moved], max_parents):
                notes.append(f"no effect here: {fact}, since columns repeat each other")
            else:
                facts.append(moved)
        facts = list(dict.fromkeys(facts))
        place = {name: at for at, name in enumerate(coding.names)}
        return Known.of(facts, place, (*self.notes, *notes, *_told(facts), *_left_out(self)))


def _kept_out(names: Iterable[str], table: Table, what: str) -> set[str]:
    """Those that reading the table has kept out of it; a name that is no column is refused."""
    columns = [*table.kinds, table.target]
    absent = {name for name in names if name not in columns}
    gone = {n for n in absent if any(f"column '{n}': " in note for note in table.notes)}
    for name in sorted(absent - gone):
        meant = closest(name, columns) or " one that is dropped is not named here, and"
        raise BadInput(
            f"{what} names '{name}', which is no column of table '{table.name}';{meant} there are "
            f"{numbered(columns, SHOWN)}."
        )
    return gone


def _told(facts: Sequence[Fact]) -> Iterator[str]:
    """What is known, in a line for each kind."""
    tiers: dict[int, list[str]] = {}
    for fact in facts:
        if fact.kind == "tier":
            tiers.setdefault(fact.tier, []).append(fact.names[0])
    if tiers:
        ordered = (begun(tiers[place], SHOWN) for place in sorted(tiers))
        yield f"known tiers: {' | '.join(ordered)}"
    words = {"forbidden": "forbidden edges", "required": "required edges"}
    words |= {"root": "roots, which nothing causes", "sink": "sinks, which cause nothing"}
    for kind, word in words.items():
        mine = [" → ".join(fact.names) for fact in facts if fact.kind == kind]
        if mine:
            yield f"known {word}: {begun(mine, SHOWN)}"


def _left_out(knowledge: Knowledge) -> Iterator[str]:
    if knowledge.left_out:
        yield (
            f"left out of the graph: {begun(knowledge.left_out, SHOWN)}; drawn as they stand in a "
            "training row of the same class (of a numeric target, one near it)"
        )


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of the edges between nodes.

    Parameters
    ----------
    allowed : ndarray of bool, shape (p, p)
        ``[i, j]``: i → j may be. Of a required edge the other direction may not.
    required : Dag
        The parents that each node must have.
    tiers : tuple of (int or None), one for each node
    notes : tuple of str
    """

    allowed: np.ndarray
    required: Dag
    tiers: tuple[int | None, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, facts: Iterable[Fact], place: Mapping[str, int], notes: tuple[str, ...]) -> Self:
        """Lay facts, which hold together, over the places of nodes."""
        p = len(place)
        allowed = ~np.eye(p, dtype=bool)
        tier = np.full(p, np.nan)
        parents: list[set[int]] = [set() for _ in range(p)]
        for fact in facts:
            at = [place[name] for name in fact.names]
            if fact.kind == "tier":
                tier[at[0]] = fact.tier
            elif fact.kind == "root":
                allowed[:, at[0]] = False
            elif fact.kind == "sink":
                allowed[at[0]] = False
            elif fact.kind == "forbidden":
                allowed[at[0], at[1]] = False
            else:
                allowed[at[1], at[0]] = False
                parents[at[1]].add(at[0])
        allowed &= ~(tier[:, None] > tier[None])  # false where either has no tier
        required = tuple(tuple(sorted(causes)) for causes in parents)
        tiers = tuple(None if np.isnan(one) else int(one) for one in tier)
        return cls(allowed, required, tiers, notes)

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The required edges, cause and effect."""
        return tuple((c, effect) for effect, causes in enumerate(self.required) for c in causes)

    def aimed(self, target: Target) -> Known:
        """The same with the target's edges turned, those that what is known leaves open."""
        open_ = self.allowed[-1] & self.allowed[:, -1]
        allowed = self.allowed.copy()
        if target is Target.root:
            allowed[open_, -1] = False
        elif target is Target.sink:
            allowed[-1, open_] = False
        return replace(self, allowed=allowed)

    def applied(self, probabilities: EdgeProbabilities) -> EdgeProbabilities:
        """The probabilities with what cannot be turned, or gone, and what must be at 1."""
        both = probabilities.adjacency
        matrix = np.where(self.allowed, probabilities.matrix, 0.0)
        only = self.allowed & ~self.allowed.T
        matrix[only] = both[only]
        for cause, effect in self.edges:
            matrix[cause, effect] = 1.0
        return replace(probabilities, matrix=matrix)

    def order(self, dag: Dag) -> list[int]:
        """A topological order in which a node waits for those that it could only be caused by.

        As far as the DAG's edges and the tiers leave that open; then the node that waits for fewest
        comes.
        """
        before = self.allowed & ~self.allowed.T
        tier = np.array([np.nan if one is None else one for one in self.tiers])
        earlier = tier[:, None] < tier[None]
        waiting, graph = before.sum(axis=0), as_digraph(dag)
        lacking = np.array([len(parents) for parents in dag]) + earlier.sum(axis=0)
        left = np.ones(len(dag), dtype=bool)
        ordered: list[int] = []
        while left.any():
            free = np.flatnonzero(left & (lacking == 0))
            node = int(free[np.argmin(waiting[free])])
            ordered.append(node)
            left[node] = False
            waiting = waiting - before[node]
            lacking[list(graph.successors(node))] -= 1
            lacking = lacking - earlier[node]
        return ordered


Edges = Annotated[Sequence[Edge], Len(1)]


@dataclass(frozen=True)
class Given:
    """The edges of a whole graph over one table's columns."""

    edges: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]

    def over(self, coding: Coding) -> Known:
        """The graph over a fold's nodes, all of its edges required."""
        place = {name: at for at, name in enumerate(coding.names)}
        facts = [Fact("required", edge) for edge in self.edges if place.keys() >= {*edge}]
        still = len(self.edges) - len(facts)
        within = {name for fact in facts for name in fact.names}
        alone = [name for name in coding.names if name not in within]
        notes = [*self.notes]
        if still:
            notes.append(f"no effect here: {counted(still, 'given edge')} of what does not vary")
        if alone:
            notes.append(f"without an edge, so independent of all others: {begun(alone, SHOWN)}")
        return Known.of(facts, place, tuple(notes))


def given(edges: Edges, table: Table) -> Given:
    """Hold the edges of a whole graph against a table.

    Raises
    ------
    BadInput
        If one names what is no column, or they go in a circle.
    """
    pairs = list(dict.fromkeys((cause, effect) for cause, effect in edges))
    gone = _kept_out([name for pair in pairs for name in pair], table, "dag")
    if circle := _cycle(pairs):
        raise BadInput(f"dag: the edges go in a circle: {circle}.")
    notes = (f"'{name}' was kept out of the table; it is no node" for name in sorted(gone))
    return Given(tuple(pair for pair in pairs if not gone & {*pair}), tuple(notes))
