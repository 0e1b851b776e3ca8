"""Graphs as pictures: every column is named, every edge drawn or counted; and the verb `graph`."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sweeps import inside

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch

from bench.cli import main
from bench.errors import BadInput
from bench.generator import CausalGraph
from bench.report.causal_graph import (
    ADDED,
    DIRECTED,
    KNOWN,
    OPEN,
    Nodes,
    draw_dag,
    draw_probabilities,
    save,
)
from bench.report.readable import edges_in_words
from bench.verbs import graph

NAMES = ("age", "credit amount of the loan", "Größe $ in €", "job", "class")
KINDS = dict.fromkeys(NAMES[:3], "numeric") | {"job": "categorical"}
NODES = Nodes(NAMES, KINDS)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def arrows(figure: plt.Figure) -> list[FancyArrowPatch]:
    return [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]


def labels(figure: plt.Figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.axes[0].texts]


def counted(figure: plt.Figure) -> str:
    return figure.legends[0].get_title().get_text()


def probabilities() -> np.ndarray:
    """One sure edge, one whose direction is open, one too faint to draw."""
    matrix = np.zeros((5, 5))
    matrix[0, 1] = 1.0
    matrix[1, 4], matrix[4, 1] = 0.3, 0.3
    matrix[2, 3] = 0.1
    return matrix


def test_an_edge_is_as_wide_as_it_is_likely_and_a_sure_direction_has_a_head() -> None:
    figure = draw_probabilities(NODES, probabilities(), "title")
    drawn = {to_hex(a.get_edgecolor()).upper(): a for a in arrows(figure)}
    assert set(drawn) == {DIRECTED.upper(), OPEN.upper()}
    widths = {colour: arrow.get_linewidth() for colour, arrow in drawn.items()}
    assert widths[OPEN.upper()] == pytest.approx(0.6 * widths[DIRECTED.upper()])
    assert "|>" in type(drawn[DIRECTED.upper()].get_arrowstyle()).arrow
    assert counted(figure) == "2 edges; 1 fainter than 0.15 not drawn"


@pytest.mark.long
def test_every_column_is_named_and_a_dollar_is_no_formula(tmp_path: Path) -> None:
    figure = draw_probabilities(NODES, probabilities(), "price in $ of $")
    assert labels(figure) == [name.replace("$", r"\$") for name in NAMES]
    save(figure, tmp_path / "graph")  # a formula that does not end would raise here


def test_of_a_dag_what_the_probabilities_gave_is_told_from_what_the_rows_asked_for() -> None:
    drawn = ((), (0,), (), (), ())
    dag = ((), (0, 4), (), (2, 4), ())
    figure = draw_dag(NODES, dag, drawn, "title")
    colours = sorted(to_hex(a.get_edgecolor()).upper() for a in arrows(figure))
    assert colours == sorted([DIRECTED.upper(), *[ADDED.upper()] * 3])
    dashed = {a.get_linestyle() != "-" for a in arrows(figure) if not is_sure(a)}
    assert dashed == {True}  # in grey print too
    assert all(a.get_linestyle() == "-" for a in arrows(figure) if is_sure(a))
    assert counted(figure) == (
        "4 edges: 1 drawn from the edge probabilities, 3 (75%) added by repair, because the "
        "training rows ask for them"
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()][-2:] == [
        "drawn from the edge probabilities",
        "added by repair (local Markov condition)",
    ]


@pytest.mark.long
def test_what_is_known_is_told_from_what_was_found() -> None:
    """In a style of its own, and a time order from left to right, whatever the edges leave open."""
    known = Nodes(NAMES, KINDS, required=[(0, 1)], tiers=[1, None, 0, None, 0])
    dag = ((), (0, 4), (), (2,), ())
    figure = draw_dag(known, dag, dag, "title")
    told = [a for a in arrows(figure) if to_hex(a.get_edgecolor()).upper() == KNOWN]
    assert [a.get_linewidth() > 2 for a in told] == [True]
    assert figure.legends[0].get_texts()[-1].get_text() == "known beforehand"
    x = [text.get_position()[0] for text in figure.axes[0].texts]
    assert max(x[2], x[4]) < x[0]
    given = draw_dag(Nodes(NAMES, KINDS, [(0, 1), (4, 1), (2, 3)]), dag, dag, "title")
    assert counted(given) == "3 edges, all given"
    assert {to_hex(a.get_edgecolor()).upper() for a in arrows(given)} == {KNOWN}
    found = draw_probabilities(known, probabilities(), "title")
    assert {to_hex(a.get_edgecolor()).upper() for a in arrows(found)} == {KNOWN, OPEN}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"required": [(1, 0)]}, "lacks the required edge (1, 0)"),
        ({"tiers": [1, 0]}, "has a cycle"),  # 0 → 1 runs back in time
        ({"tiers": [0]}, "has 1 tiers"),
    ],
)
def test_a_graph_against_what_is_known_is_none(fields: dict, why: str) -> None:
    with pytest.raises(BadInput, match=re.escape(why)):
        CausalGraph(("a", "b"), np.zeros((2, 2)), [((), (0,))], **fields)


@pytest.mark.parametrize(
    ("drawn", "added", "told"),
    [
        (1.0, 0.0, "1 edge, all drawn from the edge probabilities"),
        (3.6, 16.4, "20 edges: 3.6 drawn from the edge probabilities, 16.4 (82%) added by repair"),
        (0.0, 0.5, "0.5 edges: 0 drawn from the edge probabilities, 0.5 (100%) added by repair"),
    ],
)
def test_the_words_say_where_edges_come_from(drawn: float, added: float, told: str) -> None:
    assert edges_in_words(drawn, added).startswith(told)


def is_sure(arrow: FancyArrowPatch) -> bool:
    return to_hex(arrow.get_edgecolor()).upper() == DIRECTED.upper()


def test_every_edge_of_a_dag_goes_to_the_right() -> None:
    dag = ((), (0,), (0, 1), (2,), (1, 3))
    figure = draw_dag(NODES, dag, dag, "title")
    place = dict(zip(range(5), (t.get_position()[0] for t in figure.axes[0].texts), strict=True))
    assert all(place[cause] < place[node] for node, causes in enumerate(dag) for cause in causes)


def test_a_legend_is_as_wide_as_the_page_at_most() -> None:
    dag = ((), (0, 4), (), (2, 4), ())
    known = Nodes(NAMES, KINDS, [(0, 1)])
    for figure in (
        draw_probabilities(NODES, probabilities(), "title"),
        draw_probabilities(known, probabilities(), "title"),
        draw_dag(known, dag, ((), (0,), (), (), ()), "title"),
    ):
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width


@pytest.mark.parametrize("p", [2, 9, 31])
def test_boxes_hardly_overlap(p: int) -> None:
    rng = np.random.default_rng(p)
    matrix = np.triu(rng.random((p, p)) < 3 / p, 1).astype(float)
    nodes = Nodes(
        [f"column {i:02d}" for i in range(p)], {f"column {i:02d}": "numeric" for i in range(p)}
    )
    figure = draw_probabilities(nodes, matrix, "title")
    figure.draw_without_rendering()
    boxes = [t.get_bbox_patch().get_window_extent() for t in figure.axes[0].texts]
    meet = sum(
        max(0.0, min(a.x1, b.x1) - max(a.x0, b.x0)) * max(0.0, min(a.y1, b.y1) - max(a.y0, b.y0))
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )
    assert meet < 0.02 * sum(a.width * a.height for a in boxes)


@pytest.mark.long
def test_the_same_graph_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "other"):
        save(draw_probabilities(NODES, probabilities(), "title"), tmp_path / name)
    assert b"Date" not in (tmp_path / "one.pdf").read_bytes()
    for ending in ("png", "pdf", "svg"):
        one, other = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "other"))
        assert one == other


@pytest.mark.long
def test_the_verb_writes_pictures_and_the_matrix(tmp_path: Path) -> None:
    result = inside("graph", "dataset=iris", "fold=1", f"results_dir={tmp_path}")
    assert result.returncode == 0, result.stderr
    folder = tmp_path / "graphs" / "iris-1"
    assert str(folder) in result.stdout
    assert re.search(r"iris fold 1: 5 columns, [\d.]+ expected edges", result.stdout)
    assert {path.name for path in folder.iterdir()} == {
        "probabilities.csv",
        *("probabilities.png", "probabilities.pdf", "probabilities.svg"),
        *("dag.png", "dag.pdf", "dag.svg"),
    }
    assert re.search(r"a DAG has [\d.]+ edges: [\d.]+ drawn from", result.stdout)
    matrix = pd.read_csv(folder / "probabilities.csv", index_col="cause")
    assert list(matrix.columns) == list(matrix.index)
    assert matrix.columns[-1] == "species"
    both = matrix.to_numpy() + matrix.to_numpy().T
    assert 0 < both.max() <= 1 + 1e-12


CHAIN = '''
import numpy as np
from bench.generator import CausalGenerator, CausalGraph


class Chain(CausalGenerator):
    """Each column causes the next, and the last one the target."""

    def __init__(self, ghost: bool = False):
        self.ghost = ghost

    def fit(self, table, rng):
        self.table_ = table
        names = (*table.X.columns[:-1], "ghost" if self.ghost else table.X.columns[-1])
        dag = ((), *((i,) for i in range(len(names))))
        matrix = np.eye(len(dag), k=1)
        self.graph_ = CausalGraph((*names, table.target), matrix, [dag], notes=["a chain"])
        return self

    def sample(self, n, rng):
        return self.table_.take(rng.integers(len(self.table_), size=n))
'''


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Words that name a method of one's own, in a folder of one's own."""
    (tmp_path / "own_chain.py").write_text(CHAIN)
    (tmp_path / "method").mkdir()
    (tmp_path / "method" / "chain.yaml").write_text(
        "name: chain\ngenerator: {_target_: own_chain.Chain, ghost: false}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return ["--config-dir", str(tmp_path), "method=chain", f"results_dir={tmp_path / 'results'}"]


@pytest.mark.long
def test_the_graph_of_any_causal_generator_is_drawn(
    chain: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "dataset=iris", "fold=1", *chain]) == 0
    told, note, where = capsys.readouterr().out.splitlines()
    assert told == "iris fold 1: 5 columns, 4.0 expected edges (density 0.40), 1.0 at the target"
    assert note == "  a chain"
    folder = tmp_path / "results" / "graphs" / "iris-1"
    assert where == f"  {folder}"
    matrix = pd.read_csv(folder / "probabilities.csv", index_col="cause")
    assert matrix.columns[-1] == "species"
    assert matrix.to_numpy().tolist() == np.eye(5, k=1).tolist()
    assert (folder / "dag.svg").stat().st_size > 1000
    assert "generators" not in Path(graph.__file__).read_text()


def test_a_graph_over_what_is_no_column_is_refused(
    chain: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["graph", "dataset=iris", *chain, "method.generator.ghost=true"]) == 2
    assert "the node 'ghost', which is no column of table 'iris'" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["method=bootstrap"], "Method 'bootstrap' finds no causal graph"),
        (["fold=30"], "splits go from 0 to 29"),
        (["dataset=nope"], "Could not find 'dataset/nope'"),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    result = inside("graph", "dataset=iris", *arguments, f"results_dir={tmp_path / 'results'}")
    assert result.returncode == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()
