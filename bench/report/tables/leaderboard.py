"""TabArena's leaderboard of the methods."""

from __future__ import annotations

import pandas as pd

from bench.analysis import leaderboard as board
from bench.analysis.answer import Answer
from bench.report.captions import ONE_DATASET, error_of
from bench.report.readable import share, whole
from bench.report.table import Column, ReportTable


def _make(answer: Answer) -> pd.DataFrame:
    """No rows where it takes more methods, or bencheval is not installed."""
    if not board.AVAILABLE or len(answer.methods) < 2:
        return pd.DataFrame()
    return board.leaderboard(answer.kept, answer.settings, answer.metric).reindex(answer.methods)


def _empty(_answer: Answer, _rows: pd.DataFrame) -> str:
    why = "it takes two methods" if board.AVAILABLE else "bencheval is not installed"
    return f"Left out: {why}."


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    text = (
        f"By bencheval from {error_of(answer.metric, 'mean test')} of each dataset. Improvability: "
        "error that the best would save."
    )
    return text if answer.datasets > 1 else f"{text} {ONE_DATASET}"


leaderboard = ReportTable(
    key="leaderboard",
    title="Leaderboard",
    make=_make,
    columns=[
        Column("elo", "Elo", whole, better=1),
        Column("elo_low", "Elo, low", whole),
        Column("elo_high", "Elo, high", whole),
        Column("winrate", "win rate", share, better=1),
        Column("improvability", "improvability", "{:.2%}".format, better=-1),
    ],
    caption=_caption,
    empty=_empty,
    place=70,
)
