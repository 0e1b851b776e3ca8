"""TabArena's leaderboard measures (Elo, win rate, improvability), computed by its own bencheval.

bencheval is optional: without it this one table is left out, and said to be.
"""

from __future__ import annotations

from importlib.util import find_spec

import pandas as pd

from bench.analysis.settings import Analysis
from bench.score import Score

AVAILABLE = find_spec("bencheval") is not None


def leaderboard(cells: pd.DataFrame, settings: Analysis, metric: Score) -> pd.DataFrame:
    """One row a method: ``elo``, ``elo_low``, ``elo_high``, ``winrate``, ``improvability``.

    Elo's interval is bencheval's own bootstrap over tasks.

    Parameters
    ----------
    cells : DataFrame
        Complete units, of at least two methods; fed as errors (of ROC-AUC, 1 − ROC-AUC), a dataset
        a task, its folds and seeds averaged, as TabArena does.
    metric : Score
        What they were scored by.
    """
    from bencheval.evaluator import BenchmarkEvaluator

    means = cells.groupby(["dataset", "method"], observed=True)["score_chosen"].mean().reset_index()
    errors = pd.DataFrame(
        {
            "task": means["dataset"].astype(str),
            "method": means["method"].astype(str),
            "metric_error": (metric.oriented(metric.best) - means["score_chosen"]).round(12),
        }
    )
    board = BenchmarkEvaluator(columns_to_agg_extra=None).leaderboard(
        errors,
        include_improvability=True,
        elo_kwargs={"BOOTSTRAP_ROUNDS": settings.elo_rounds},
    )
    return pd.DataFrame(
        {
            "elo": board["elo"],
            "elo_low": board["elo"] - board["elo-"],
            "elo_high": board["elo"] + board["elo+"],
            "winrate": board["winrate"],
            "improvability": board["improvability"],
        }
    ).rename_axis("method")
