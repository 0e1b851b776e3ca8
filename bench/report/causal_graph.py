"""Draws causal graphs: edge probabilities over a table's columns, and one DAG drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text

from bench.phrases import counted
from bench.report.readable import edges_in_words

# Okabe and Ito's colours: told apart by all kinds of colour vision, and in grey by their lightness.
FILL = {"target": "#E69F00", "numeric": "#DCEBF7", "categorical": "#D8EFE6"}
DIRECTED, OPEN, ADDED, OUTLINE = "#0072B2", "#8A8F98", "#8A8F98", "#4A5560"
KNOWN = "#D55E00"  # of edges that a person knows of
DASHES = (0, (4, 2.5))  # of what repair added
FAINTEST = 0.15  # adjacency probability; fainter edges are counted, not drawn
DECIDED = 0.75  # share of an edge's probability that one direction needs to get an arrowhead
PDF_FACTS = ("CreationDate", "Creator", "Producer")  # of the file; told, they differ by machine
BOLD = 2.6  # points, of an edge of a DAG that is known
ONE_ROW = 7  # entries of a legend
WIDEST = 3.2  # points, of an edge with probability 1


def as_written(name: str) -> str:
    """A name as matplotlib shows it, which takes what stands between dollar signs for a formula."""
    return name.replace("$", r"\$")


@dataclass(frozen=True)
class Nodes:
    """What is drawn of a graph's nodes.

    Parameters
    ----------
    names : sequence of str
        The target is the last.
    kinds : mapping of name to ``numeric``, ``integer`` or ``categorical``
    required : sequence of (cause, effect), default: none
        Edges that a person knows of.
    tiers : sequence of int or None, default: none
        Places in the time order that a person knows of.
    """

    names: Sequence[str]
    kinds: Mapping[str, str]
    required: Sequence[tuple[int, int]] = ()
    tiers: Sequence[int | None] = ()

    def fill(self, node: int) -> str:
        """Colour of a node's box."""
        if node == len(self.names) - 1:
            return FILL["target"]
        kind = self.kinds[self.names[node]]
        return FILL["categorical" if kind == "categorical" else "numeric"]

    def label(self, node: int) -> str:
        """A name in lines of at most some 14 characters, broken where words meet."""
        lines = [""]
        for word in self.names[node].replace("_", " ").split():
            if lines[-1] and len(lines[-1]) + len(word) > 13:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word}".strip()
        return as_written("\n".join(lines))


def draw_probabilities(nodes: Nodes, matrix: np.ndarray, title: str) -> Figure:
    """The edge-probability graph: an edge is as wide as its pair is likely to be adjacent.

    Parameters
    ----------
    nodes : Nodes
    matrix : ndarray of shape (p, p)
        ``matrix[i, j]`` is the probability of i → j.
    title : str

    Returns
    -------
    Figure
        To be closed by the caller.
    """
    adjacency = matrix + matrix.T
    pairs = [
        (int(i), int(j)) for i, j in zip(*np.nonzero(np.triu(adjacency >= FAINTEST)), strict=True)
    ]
    figure, axes = _canvas(len(nodes.names), title)
    places = _spread(_by_strength(adjacency), figure)
    boxes = _boxes(axes, nodes, places)
    faint = int(np.triu((adjacency > 0) & (adjacency < FAINTEST)).sum())
    _legend(
        axes,
        [
            _line(DIRECTED, WIDEST, f"direction ≥ {DECIDED:.0%} sure"),
            _line(OPEN, WIDEST, "direction open"),
            _line("#000000", WIDEST, "adjacent with probability 1"),
            _line("#000000", WIDEST / 4, "… with probability ¼"),
            *_known_line(nodes, WIDEST),
        ],
        f"{counted(len(pairs), 'edge')}; {faint} fainter than {FAINTEST} not drawn",
    )
    draw = _Edges(figure, axes, boxes)
    for i, j in sorted(pairs, key=lambda pair: adjacency[pair]):
        share = matrix[i, j] / adjacency[i, j]
        cause, effect = (i, j) if share >= 0.5 else (j, i)
        directed = max(share, 1 - share) >= DECIDED
        colour = DIRECTED if directed else OPEN
        colour = KNOWN if (cause, effect) in nodes.required else colour
        draw(cause, effect, colour, WIDEST * adjacency[i, j], head=directed)
    return figure


def draw_dag(
    nodes: Nodes, dag: Sequence[Sequence[int]], drawn: Sequence[Sequence[int]], title: str
) -> Figure:
    """One DAG in layers: every edge goes to the right.

    Parameters
    ----------
    nodes : Nodes
    dag, drawn : sequences of sequences of int
        The parents of each node: all of them, and those that the edge probabilities gave. The
        others, dashed, were added so that the DAG's Markov condition holds on the rows. A DAG all
        of whose edges are known was given.
    title : str

    Returns
    -------
    Figure
        To be closed by the caller.
    """
    figure, axes = _canvas(len(nodes.names), title)
    boxes = _boxes(axes, nodes, _spread(_in_layers(dag, nodes.tiers), figure))
    found = {(cause, effect) for effect, causes in enumerate(drawn) for cause in causes}
    edges = [(cause, effect) for effect, causes in enumerate(dag) for cause in causes]
    edges.sort(key=lambda edge: (edge in nodes.required, edge in found))
    lines = [
        _line(DIRECTED, 1.8, "drawn from the edge probabilities"),
        _line(ADDED, 0.9, "added by repair (local Markov condition)", DASHES),
    ]
    is_given = {*edges} == {*nodes.required}
    told = f"{counted(len(edges), 'edge')}, all given"
    if not is_given:
        told = edges_in_words(float(len(found)), float(len(edges) - len(found)))
    _legend(axes, [*(() if is_given else lines), *_known_line(nodes, BOLD)], told)
    draw = _Edges(figure, axes, boxes)
    for cause, effect in edges:
        if (cause, effect) in nodes.required:
            draw(cause, effect, KNOWN, BOLD, head=True)
        elif (cause, effect) in found:
            draw(cause, effect, DIRECTED, 1.8, head=True)
        else:
            draw(cause, effect, ADDED, 0.9, head=True, line=DASHES)
    return figure


def _canvas(n: int, title: str) -> tuple[Figure, Axes]:
    """An empty figure that has room for ``n`` boxes."""
    scale = max(1.0, np.sqrt(n / 22))
    figure, axes = plt.subplots(figsize=(10.4 * scale, 6.4 * scale), layout="constrained")
    axes.set_title(as_written(title), loc="left", fontsize=13, pad=10)
    axes.set_xlim(-0.06, 1.06)
    axes.set_ylim(-0.06, 1.06)
    axes.set_axis_off()
    return figure, axes


def _by_strength(adjacency: np.ndarray) -> np.ndarray:
    """Places where likely neighbours lie close (Kamada and Kawai 1989), shape (p, 2) in [0, 1]."""
    graph = nx.from_numpy_array(np.where(adjacency >= FAINTEST, adjacency, 0.0))
    lengths = {(i, j): 1.6 - w for i, j, w in graph.edges.data("weight")}
    nx.set_edge_attributes(graph, lengths, "length")
    n = len(graph)
    far = dict(nx.shortest_path_length(graph, weight="length"))
    longest = max((d for row in far.values() for d in row.values()), default=1.0)
    # Nodes without a path between them are kept at a moderate distance.
    distance = {i: {j: far[i].get(j, 0.8 * longest + 0.6) for j in range(n)} for i in range(n)}
    start = nx.circular_layout(graph)
    places = nx.kamada_kawai_layout(graph, dist=distance, pos=start)
    return _unit(np.array([places[i] for i in range(n)]))


def _in_layers(dag: Sequence[Sequence[int]], tiers: Sequence[int | None] = ()) -> np.ndarray:
    """Places in layers by longest path; within a layer by the mean place of the neighbours.

    The barycentre heuristic of Sugiyama, Tagawa and Toda (1981), swept both ways. A tier
    stands left of the next one.
    """
    graph = nx.DiGraph([(c, e) for e, causes in enumerate(dag) for c in causes])
    graph.add_nodes_from(range(len(dag)))
    timed = nx.DiGraph(graph)
    placed = [(node, tier) for node, tier in enumerate(tiers) if tier is not None]
    timed.add_edges_from((a, b) for a, early in placed for b, late in placed if early < late)
    layers = [sorted(layer) for layer in nx.topological_generations(timed)]
    height = {v: k / max(len(layer) - 1, 1) for layer in layers for k, v in enumerate(layer)}
    for _ in range(12):
        for layer in [*layers, *reversed(layers)]:
            beside = {v: [height[u] for u in nx.all_neighbors(graph, v)] for v in layer}
            layer.sort(key=lambda v: (np.mean(beside[v]) if beside[v] else height[v], v))
            for k, v in enumerate(layer):
                height[v] = (k + 0.5) / len(layer)
    out = np.zeros((len(dag), 2))
    for x, layer in enumerate(layers):
        for v in layer:
            # Every other layer a little lower, so that a row of boxes does not hide long edges.
            out[v] = x / max(len(layers) - 1, 1), height[v] + 0.04 * (x % 2)
    return _unit(out)


def _unit(places: np.ndarray) -> np.ndarray:
    extent = np.ptp(places, axis=0)
    return (places - places.min(axis=0)) / np.where(extent > 0, extent, 1.0) + 0.5 * (extent == 0)


def _spread(places: np.ndarray, figure: Figure) -> np.ndarray:
    """Places pushed apart until boxes of a label's size hardly overlap."""
    width, height = figure.get_size_inches()
    box = np.array([1.28 / width, 0.5 / height])  # inches that a label takes → share of the axes
    places = places.copy()
    for _ in range(300):
        apart = places[:, None] - places[None]
        overlap = np.clip(box - np.abs(apart), 0, None)
        both = (overlap > 0).all(axis=2)
        np.fill_diagonal(both, False)
        if not both.any():
            break
        sign = np.where(apart == 0, np.sign(np.arange(len(places))[:, None, None] - 0.5), 1.0)
        direction = np.where(apart == 0, sign, np.sign(apart))
        # Along the axis where less is missing, as one would do by hand.
        shorter = (overlap / box) == (overlap / box).min(axis=2, keepdims=True)
        step = (0.3 * overlap * direction * shorter * both[:, :, None]).sum(axis=1)
        places = np.clip(places + step, 0, 1)
    return places


class _Edges:
    """Draws edges from box to box.

    Boxes are measured in points, which hold at any resolution; a text's own patch is right only
    for the resolution of the last drawing.
    """

    def __init__(self, figure: Figure, axes: Axes, boxes: Sequence[Text]) -> None:
        self._axes = axes
        figure.draw_without_rendering()  # now the layout is known
        patches = [box.get_bbox_patch() for box in boxes]
        extents = [patch.get_window_extent() for patch in patches if patch is not None]
        points = 72 / figure.dpi
        self._half = [np.array([e.width, e.height]) / 2 * points for e in extents]
        self._middle = [np.array([e.x0 + e.x1, e.y0 + e.y1]) / 2 * points for e in extents]
        self._places = [box.get_position() for box in boxes]

    def __call__(
        self, cause: int, effect: int, colour: str, width: float, head: bool, line: Any = "-"
    ) -> None:
        way = np.abs(self._middle[effect] - self._middle[cause])
        with np.errstate(divide="ignore"):
            reach = [
                float((self._half[end] / way).min() * np.hypot(*way)) for end in (cause, effect)
            ]
        self._axes.add_patch(
            FancyArrowPatch(
                self._places[cause],
                self._places[effect],
                arrowstyle="-|>,head_length=0.42,head_width=0.2" if head else "-",
                mutation_scale=11 + 2.5 * width,
                connectionstyle="arc3,rad=0.06",
                shrinkA=reach[0],
                shrinkB=reach[1] + 2.0,
                linewidth=width,
                linestyle=line,
                color=colour,
                zorder=1,
            )
        )


def _boxes(axes: Axes, nodes: Nodes, places: np.ndarray) -> list[Text]:
    target = len(nodes.names) - 1
    return [
        axes.text(
            x,
            y,
            nodes.label(node),
            ha="center",
            va="center",
            fontsize=10,
            fontweight="bold" if node == target else "normal",
            color="#1A1D21",
            zorder=2,
            bbox={
                "boxstyle": "round,pad=0.35",
                "facecolor": nodes.fill(node),
                "edgecolor": OUTLINE,
                "linewidth": 1.8 if node == target else 0.8,
            },
        )
        for node, (x, y) in enumerate(places)
    ]


def _line(colour: str, width: float, label: str, line: Any = "-") -> Line2D:
    return Line2D([], [], color=colour, linewidth=width, linestyle=line, label=label)


def _known_line(nodes: Nodes, width: float) -> list[Line2D]:
    return [_line(KNOWN, width, "known beforehand")] if nodes.required else []


def _legend(axes: Axes, lines: list[Line2D], counts: str) -> None:
    boxes = [
        Line2D([], [], marker="s", markersize=11, linestyle="", label=label, markerfacecolor=colour,
               markeredgecolor=OUTLINE)
        for label, colour in FILL.items()
    ]  # fmt: skip
    n = len(boxes) + len(lines)
    axes.figure.legend(
        handles=[*boxes, *lines],
        loc="outside lower left",
        ncols=n if n <= ONE_ROW else (n + 1) // 2,
        frameon=False,
        fontsize=9,
        title=counts,
        alignment="left",
        title_fontsize=9,
        columnspacing=1.1,
        handletextpad=0.5,
    )


def save(figure: Figure, stem: Path) -> None:
    """Write the stem as PNG, PDF and SVG; the same figure gives the same files."""
    figure.savefig(stem.with_suffix(".png"), dpi=150, metadata={"Software": None})
    with plt.rc_context({"pdf.fonttype": 42}):
        figure.savefig(stem.with_suffix(".pdf"), metadata=dict.fromkeys(PDF_FACTS))
    with plt.rc_context({"svg.hashsalt": "graph", "svg.fonttype": "path"}):
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None, "Creator": None})
