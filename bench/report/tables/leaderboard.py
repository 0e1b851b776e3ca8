"""TabArena's leaderboard of the methods."""

from __future__ import annotations

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.leaderboard import AVAILABLE
from bench.report.captions import ONE_DATASET
from bench.report.readable import share, whole
from bench.report.table import Column, ReportTable

CAPTION = (
    "TabArena's measures, computed by bencheval from 1 − mean test ROC-AUC of each dataset: "
    "Elo with bencheval's 95% bootstrap over datasets, share of datasets won, and the share "
    "of the error that the best method would save."
)


def _caption(answer: Answer, _rows: pd.DataFrame) -> str:
    return CAPTION if answer.datasets > 1 else f"{CAPTION} {ONE_DATASET}"


leaderboard = ReportTable(
    key="leaderboard",
    title="Leaderboard",
    make=lambda answer: answer.tables["leaderboard"],
    columns=[
        Column("elo", "Elo", whole),
        Column("elo_low", "Elo, low", whole),
        Column("elo_high", "Elo, high", whole),
        Column("winrate", "win rate", share),
        Column("improvability", "improvability", "{:.2%}".format),
    ],
    caption=_caption,
    empty=f"Left out: {'it takes two methods' if AVAILABLE else 'bencheval is not installed'}.",
    place=70,
)
