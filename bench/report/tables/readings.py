"""The verdict under every open reading, where `analysis.readings=all` asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import pandas as pd

from bench.analysis.answer import Answer
from bench.analysis.readings import OTHERS, RULE
from bench.analysis.references import DEFAULT, PRETRAINED
from bench.analysis.rules import titles_of_rules
from bench.phrases import counted, percent
from bench.report.readable import with_interval
from bench.report.table import Behind, Column, Lead, ReportTable
from bench.scores import SCORES

WHOM = {DEFAULT: DEFAULT, PRETRAINED: "pre-trained"}
KEPT = {
    (True, True): "both",
    (True, False): "sign",
    (False, True): "interval",
    (False, False): "neither",
}


def _rows(answer: Answer, numbers: pd.DataFrame) -> pd.DataFrame:
    """With what people read for a reading, and a key of `KEPT` where one is not the default."""
    titles = titles_of_rules(answer.metric)
    named = zip(numbers["question"], numbers["reading"], numbers["is_default"], strict=True)
    out = numbers.assign(reading=[_shown(*of, titles) for of in named])
    for other in OTHERS:
        stay = [f"sign_stays_{other}", f"certainty_stays_{other}"]
        out[stay] = out[stay].mask(out["is_default"])
    return out


def _shown(question: str, name: str, is_default: bool, titles: Mapping[str, str]) -> str:
    if question == RULE:
        name = f"stopped by {titles[name]}"
    elif name in SCORES:
        name = SCORES[name].full_title
    return f"{name.replace('_', ' ')}{' (default)' if is_default else ''}"


def _signed(value: float) -> str:
    """A difference on any scale."""
    return f"{value:+.2g}" if value else "0"


def _kept(sign: bool, certainty: bool) -> str:
    return KEPT[bool(sign), bool(certainty)]


def _columns(answer: Answer, rows: pd.DataFrame) -> list[Column]:
    several = len(rows["method"].unique()) > 1
    level = f"[{percent(answer.settings.confidence)} interval]"
    show = partial(with_interval, show=_signed)
    columns = [Column("asks", "of")]
    columns += [Column("method", "method")] if several else []
    for other, whom in WHOM.items():
        of = (f"difference_{other}", f"low_{other}", f"high_{other}")
        kept = (f"sign_stays_{other}", f"certainty_stays_{other}")
        columns += [Column(of, f"minus {whom}", show, level), Column(kept, f"{whom}: kept", _kept)]
    return columns


def _told(rows: pd.DataFrame) -> Iterator[str]:
    """For each method and what it is held against: how often the sign stays, and is resolved."""
    for method, of in rows.groupby("method", sort=False):
        for other, whom in WHOM.items():
            known = of.dropna(subset=[f"difference_{other}"])
            if known.empty:
                continue
            # A default holds its own sign by definition, and is not counted.
            stays = known.loc[~known["is_default"], f"sign_stays_{other}"].dropna().astype(bool)
            resolved = (known[f"low_{other}"] > 0) | (known[f"high_{other}"] < 0)
            yield (
                f"{method} minus {whom}: the sign of the default holds in {stays.sum()} of "
                f"{counted(len(stays), 'other reading')}, and the interval excludes 0 in "
                f"{resolved.sum()} of all {len(known)}."
            )


def _caption(answer: Answer, rows: pd.DataFrame) -> str:
    left_out: dict[str, list[str]] = {}
    for name, why in answer.all_readings.left_out.items():
        left_out.setdefault(why, []).append(name)
    lacking = "; ".join(f"{', '.join(names)} ({why})" for why, names in left_out.items())
    return (
        f"{' '.join(_told(rows))} One reading is changed at a time. Of improvement and gap medians "
        "over runs are held against each other. Kept, beside the default one: the sign, whether "
        "the interval over datasets excludes 0, or both. Less spread and gap is better, and the "
        "pre-trained model has none."
        + (f" These records cannot tell: {lacking}." if lacking else "")
    )


def _behind(answer: Answer, rows: pd.DataFrame) -> Lead:
    methods = list(map(str, rows["method"]))

    def behind(row: int, _heading: str) -> Behind | None:
        pair = {methods[row], answer.references.of.get(methods[row], methods[row])}
        return {"method": sorted(pair)}

    return behind


readings = ReportTable(
    key="all_readings",
    title="The verdict under every reading",
    make=lambda answer: answer.all_readings.table,
    rows=_rows,
    row="reading",
    columns=_columns,
    caption=_caption,
    empty="",
    behind=_behind,
    place=12,
    terminal=True,
)
