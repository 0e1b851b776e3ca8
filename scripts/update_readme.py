"""Write the README's answer and results from a reference run's records, between its markers.

    python -m scripts.update_readme results/reference/embedded
    python -m scripts.update_readme results/reference/transfer   # what it says of transfer
    python -m scripts.update_readme results/reference/embedded --check   # exit code 1 if it differs

Table, sentences and figures come from the records and from rules; nobody writes them by hand. The
figures are those that `python -m bench report` wrote beside the records.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from bench.analysis.answer import Answer, answer
from bench.analysis.frame import frame, metric_of
from bench.analysis.resolves import Told
from bench.analysis.safety import CAUSAL
from bench.analysis.settings import settings
from bench.analysis.transfer import answer as transfer
from bench.cell.record import Record
from bench.cell.store import Store
from bench.errors import BadInput
from bench.files import write_whole
from bench.phrases import joined
from bench.report import replies, verdict
from bench.report.captions import completeness
from bench.report.looks import title
from bench.report.published import elsewhere
from bench.report.question import opening
from bench.report.readable import share, sign_three, signed, three, with_interval
from bench.report.tables import claims
from bench.report.transfer import question

BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"
TRANSFER_BEGIN, TRANSFER_END = "<!-- transfer: begin -->", "<!-- transfer: end -->"
ANSWER_BEGIN, ANSWER_END = "<!-- answer: begin -->", "<!-- answer: end -->"
FIGURES = {
    "improvements": "Improvement of every run over the pre-trained model",
}


def main() -> int:
    """Update the README or check it; give the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results_dir", type=Path)
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    try:
        before = args.readme.read_text(encoding="utf-8")
        after = updated(before, args.results_dir, args.readme.parent)
    except BadInput as reason:
        print(f"update_readme: {reason}", file=sys.stderr)
        return 2
    if args.check:
        if after != before:
            print(f"{args.readme} is not what {args.results_dir} says: run `make readme`.")
        return int(after != before)
    write_whole(args.readme, after.encode())
    return 0


def updated(text: str, root: Path, beside: Path) -> str:
    """The README's text with the parts between the markers made anew.

    Raises
    ------
    BadInput
        If a marker, the records, a complete unit, a method or a figure is missing.
    """
    records, faults = Store(root).survey()
    if not records or faults:
        raise BadInput(f"'{root}' holds {len(records)} sound records and {len(faults)} faulty.")
    across = transfer.answer(records, settings(), metric_of(records))
    if across is not None:
        return _between(
            text, TRANSFER_BEGIN, TRANSFER_END, _transfer(across, records, root, beside)
        )
    read = answer(frame(records), settings(), metric_of(records), Told(records))
    if not read.tables:
        raise BadInput(f"'{root}' has no dataset and fold that is complete for all methods.")
    text = _between(text, ANSWER_BEGIN, ANSWER_END, opening(read).markdown)
    return _between(text, BEGIN, END, generated(read, records, root, beside))


def _between(text: str, begin: str, end: str, made: str) -> str:
    if text.count(begin) != 1 or text.count(end) != 1:
        raise BadInput(f"the README needs one line '{begin}' and one line '{end}'.")
    head, rest = text.split(begin)
    return f"{head}{begin}\n{made}\n{end}{rest.split(end)[1]}"


def generated(read: Answer, records: list[Record], root: Path, beside: Path) -> str:
    """The study's claims, where the numbers come from, the table, its reading, a figure."""
    folder = root / "report"
    numbers = claims.numbers(read)
    parts = [_claims(read, numbers), _origin(read, records, root, beside), _table(read)]
    # Who is first is a claim above.
    told = [
        " ".join([replies.is_worth_it(read).markdown, *verdict.harm(read), _elsewhere()]),
        " ".join([*_of_synthetic(numbers), *verdict.differences(read)]),
        replies.when_to_stop(read).markdown,
        replies.unknown(read).markdown,
    ]
    parts.append("\n".join(f"* {line}" for line in filter(None, told)))
    shown = []
    for name, caption in FIGURES.items():
        figure = folder / "figures" / f"{name}.png"
        if not figure.is_file():
            raise BadInput(f"there is no '{figure}': run `python -m bench report {root}` first.")
        shown.append(f"![{caption}]({_relative(figure, beside)})")
    return "\n\n".join([*parts, "\n".join(shown)])


def _transfer(read: transfer.Answer, records: list[Record], root: Path, beside: Path) -> str:
    """The research question's sentences, and what the experiment could see."""
    page = _relative(root / "report" / "index.html", beside)
    told = [reply.markdown for reply in question.replies(read)]
    return " ".join([*told, f"From the {len(records)} records of [`transfer`]({page})."])


def _elsewhere() -> str:
    """What others' records say of another model."""
    stated = elsewhere()
    return (
        f"Published elsewhere, of another model: {stated.told} ([{stated.source}]({stated.url}))."
    )


def _origin(read: Answer, records: list[Record], root: Path, beside: Path) -> str:
    machines = Counter(
        f"{r['provenance']['processor']}, {r['provenance']['threads']} thread a cell, "
        f"torch {r['provenance']['versions'].get('torch', '?')}"
        for r in records
    )
    machine, n = machines.most_common(1)[0]
    others = "" if n == len(records) else f" ({n} of {len(records)} records)"
    page = _relative(root / "report" / "index.html", beside)
    return (
        f"Generated from the {len(records)} records under [`{_relative(root, beside)}`]({page}) by "
        f"`scripts/update_readme.py`. {completeness(read)} {machine}{others}."
    )


def _claims(read: Answer, numbers: pd.DataFrame) -> str:
    """What the study claims of its causal mix, a row each."""
    rows = claims.readable(read, numbers[numbers["method"] == CAUSAL])
    lines = [
        "| claim of the study | there (Mitra) | here | holds? | a null |",
        "|---|---|---|---|---|",
        *(f"| {' | '.join(map(str, row))} |" for row in rows.itertuples(index=False)),
    ]
    return "\n".join(lines)


def _of_synthetic(numbers: pd.DataFrame) -> list[str]:
    """What it claims of purely synthetic rows, in a sentence."""
    by_outcome = numbers[numbers["method"] != CAUSAL].groupby("holds", sort=False)["method"]
    told = [f"{outcome} for {joined(map(title, of), 'and')}" for outcome, of in by_outcome]
    return [f"That purely synthetic rows lose (the study) {'; '.join(told)}."] if told else []


def _table(read: Answer) -> str:
    """The study's measures, with intervals over datasets."""
    level = f"{read.settings.confidence:.0%}"
    lines = [
        f"| method | average rank [{level}] | median improvement [{level}] | ± IQR | "
        f"{read.metric.title} ×1000 [{level}] | runs worse than not fine-tuning |",
        "|---|---|---|---|---|---|",
    ]
    for method, row in read.tables["summary"].iterrows():
        cells = (
            with_interval(row["rank"], row["rank_low"], row["rank_high"], "{:.2f}".format),
            with_interval(row["median"], row["median_low"], row["median_high"], sign_three),
            three(row["iqr"]),
            with_interval(row["raw_gain"], row["raw_gain_low"], row["raw_gain_high"], signed),
            share(row["harm"]),
        )
        lines.append(f"| `{method}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _relative(path: Path, beside: Path) -> str:
    return Path(os.path.relpath(path, beside)).as_posix()


if __name__ == "__main__":
    sys.exit(main())
