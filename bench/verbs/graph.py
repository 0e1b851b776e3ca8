"""`python -m bench graph`: what causal discovery finds in one fold, as pictures and a matrix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from bench.cell.known import require_taken, with_told
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import printable
from bench.names import check, inside
from bench.phrases import counted
from bench.sweep.job import load_table
from bench.sweep.overrides.line import MULTIRUN, Line
from bench.verbs._hydra import with_config

HELP = "draw what causal discovery finds in one fold of a table"
PLACE = 9
USAGE = "graph dataset=NAME fold=NUMBER [method=NAME] [key=value ...]"
ABOUT = """
Looks for causes in the training rows of one fold and writes how sure each edge is (PNG, PDF, SVG,
and a matrix as CSV) and one graph without cycles to RESULTS_DIR/graphs/DATASET-FOLD.

  method=NAME                  whose search (default: scm)
  method.generator.KEY=VALUE   its settings: discovery.level=0.05
  knowledge=FILE               what is known of causes
  dag=FILE|shipped             a graph instead of a search
"""
PICTURES = ("probabilities", "dag")
FILES = (
    "probabilities.csv",
    *(f"{name}.{ending}" for name in PICTURES for ending in ("png", "pdf", "svg")),
)

if TYPE_CHECKING:
    from bench.generator import CausalGraph
    from bench.table import Table


def main(words: list[str]) -> int:
    """Draw what causal discovery finds in one fold; give the exit code."""
    line = Line.of(words)
    if {*line.flags} & {*MULTIRUN} or line.value("methods") not in (None, "null"):
        raise BadInput("graph draws one fold of one method: fold=NUMBER, method=NAME, without -m.")
    # The config's default method draws nothing; one that is named on the command line comes last.
    return with_config("graph", ["method=scm", "hydra.mode=RUN", *words], draw)


def draw(cfg: DictConfig) -> int:
    """Fit the cell's causal generator to its training rows and draw its graphs.

    Writes to ``<results_dir>/graphs/<dataset>-<fold>``: ``probabilities.csv`` (row → column),
    ``probabilities`` and ``dag`` as PNG, PDF and SVG. Gives the number of cells that failed: 0.

    Raises
    ------
    BadInput
        If the table cannot be used, or the method has no causal graph.
    """
    (cfg,) = with_told([cfg])
    require_taken([cfg])
    table = load_table(cfg)
    graph, train = _found(cfg, table)
    drawing = f"{check('dataset', table.name).replace('/', '_')}-{cfg.fold}"
    folder = inside(cfg.results_dir, "graphs", drawing)
    for file in FILES:
        Store(cfg.results_dir).clear(inside(folder, file))
    _write(folder, graph, train, f"{table.name}, split {cfg.fold}")
    effort = f"; {graph.effort}" if graph.effort else ""
    print(
        f"{table.name} fold {cfg.fold}: {counted(len(graph.names), 'column')}, "
        f"{graph.expected_edges:.1f} expected edges (density {graph.density:.2f}), "
        f"{graph.target_degree:.1f} at the target{effort}"
    )
    if graph.drawn:
        from bench.report.readable import edges_in_words

        edges = graph.edges_a_dag
        print(f"  a DAG has {edges_in_words(edges['drawn'], edges['added'])}")
    for note in graph.notes:
        print(printable(f"  {note}"))
    print(f"  {folder}")
    return 0


def _found(cfg: DictConfig, table: Table) -> tuple[CausalGraph, Table]:
    """The graph that the generator finds as the fold's cells fit it, and the training rows."""
    from hydra.utils import instantiate

    from bench.cell.checking import check_target
    from bench.cell.run import seed_of
    from bench.datasets.splits import Fold
    from bench.generator import CausalGenerator, NotApplicable
    from bench.seeds import generator as seeded
    from bench.ticking import watched

    if cfg.method.generator is not None:
        check_target(cfg.method.generator, "method.generator")
    generator = instantiate(cfg.method.generator)
    if not isinstance(generator, CausalGenerator):
        raise BadInput(
            f"Method '{cfg.method.name}' finds no causal graph; leave method= out, or name one "
            "whose generator is a structural causal model, as scm."
        )
    train = Fold.of(table, cfg.fold, cfg.validation_share).train
    try:
        rng = seeded(*seed_of(table, cfg.fold, cfg.seed), "generator")
        with watched(lambda: generator.doing):
            graph = generator.fit(train, rng).graph_
    except NotApplicable as reason:
        raise BadInput(f"Table '{table.name}': {reason}") from reason
    strange = [name for name in graph.names[:-1] if name not in train.kinds]
    if strange:
        raise BadInput(
            f"Method '{cfg.method.name}' found a graph with the node '{strange[0]}', which is no "
            f"column of table '{table.name}'."
        )
    return graph, train


def _write(folder: Path, graph: CausalGraph, train: Table, title: str) -> None:
    import matplotlib

    matplotlib.use("Agg")  # before pyplot opens a window
    import matplotlib.pyplot as plt
    import pandas as pd

    from bench.report.causal_graph import Nodes, draw_dag, draw_probabilities, save

    folder.mkdir(parents=True, exist_ok=True)
    names = list(graph.names)
    matrix = pd.DataFrame(graph.probabilities, index=names, columns=names)
    matrix.rename_axis("cause").to_csv(folder / "probabilities.csv")
    nodes = Nodes(graph.names, train.kinds, graph.required, graph.tiers)
    source = f" from {graph.source}" if graph.source else ""
    which = "the DAG" if len(graph.dags) == 1 else f"one of {len(graph.dags)} DAGs"
    figures = {
        "probabilities": draw_probabilities(
            nodes, graph.probabilities, f"{title}: edge probabilities{source}"
        ),
        "dag": draw_dag(
            nodes,
            graph.dags[0],
            (graph.drawn or graph.dags)[0],
            f"{title}: {which} that rows are drawn from",
        ),
    }
    for name, figure in figures.items():
        save(figure, folder / name)
        plt.close(figure)
