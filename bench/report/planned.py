"""The question as it was asked beforehand: its answer in a sentence, and the plan beside it."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

from bench import files
from bench.analysis.answer import Answer
from bench.analysis.planned import Primary, Reading
from bench.files import Unsound
from bench.phrases import counted, joined
from bench.report.looks import title
from bench.report.question import Reply, points, runs_of, sized, where
from bench.report.readable import share, with_interval

MOST = 64 * 2**10  # bytes of a plan
FILE = "PLAN.md"
TOLD = {
    Reading.causes: "Causal augmentation makes fine-tuning safer",
    Reading.mixing: (
        "Augmentation makes fine-tuning safer; whether it is the causes cannot be told"
    ),
    Reading.no: "Causal augmentation does not make fine-tuning safer by as much as {margin} points",
    Reading.more: "Causal augmentation makes fine-tuning less safe",
    Reading.open: "Whether causal augmentation makes fine-tuning safer is open",
}


def primary(answer: Answer) -> Reply | None:
    """What the primary comparison says; None where the records lack a method that it needs."""
    if answer.planned is None:
        return None
    found = answer.planned.primary
    told = TOLD[found.reading].format(margin=f"{100 * found.margin:.0f}")
    plain = found.changes[found.default]
    because = (
        f"with rows of structural causal models mixed in ({title(found.method)}), "
        f"{share(found.harm[found.method])} of {runs_of(plain, found.models)} end worse than not "
        f"fine-tuning, on real rows alone {share(found.harm[found.default])}: "
        f"{sized(plain, points, ' points')}. Against {_nulls(found)}."
    )
    smallest = 100 * found.smallest[found.default]
    if not isnan(smallest):
        several = plain.tables > 1
        many = counted(plain.tables, "table") if several else counted(plain.folds, "fold")
        # Shares differ by 100 points at most.
        found_from = (
            "no difference" if smallest > 100 else f"differences of {smallest:.1f} points or more"
        )
        because += f" {many} find {found_from} with {share(answer.settings.power)} power."
    return Reply(f"{told} {where(plain)}", because, "planned")


def _nulls(found: Primary) -> str:
    """The difference to each null, the better one first."""
    order = sorted(found.nulls, key=lambda null: null != found.better_null)
    changes = [(null, found.changes[null]) for null in order]
    told = joined(
        [f"{title(n)} {with_interval(c.mean, *c.interval, points)}" for n, c in changes], "and"
    )
    if not found.absent:
        return told
    absent = joined([title(name.lower()) for name in found.absent], "and")
    return f"{told}; no run is of {absent}, and causes are told of both nulls"


def plan_of(root: Path) -> str:
    """The plan that was written for a folder, as HTML; "" where none was.

    It lies in the folder or beside it, and its first line names the folder: ``# Plan of `NAME` ``.
    Anybody may have written it: no HTML of it is taken over, and nothing is linked or loaded.
    """
    heading = f"# Plan of `{root.resolve().name}`"
    for place in (root / FILE, root.resolve().parent / FILE):
        try:
            text = files.content(place, MOST).decode("utf-8")
        except (FileNotFoundError, UnicodeDecodeError, Unsound):
            continue
        if text.splitlines()[:1] == [heading]:
            return _rendered(text.removeprefix(heading))
    return ""


def _rendered(markdown: str) -> str:
    from markdown_it import MarkdownIt

    reader: Any = MarkdownIt("commonmark", {"html": False}).enable("table")
    html: str = reader.disable(["image", "link", "autolink", "reference"]).render(markdown)
    return html
