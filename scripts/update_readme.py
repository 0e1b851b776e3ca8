"""Write what README, model card and the kept runs' page say from the records, between markers.

    python -m scripts.update_readme            # of all that is kept (`make readme`)
    python -m scripts.update_readme --check    # exit code 1, and which file, if one differs

Table, sentences and figures come from the records and from rules; nobody writes them by hand. The
answer is of `embedded_full` where that is kept, and of `embedded` until then. The figures are those
that `python -m bench report` wrote beside the records.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pandas as pd

from bench.analysis.answer import Answer, answer
from bench.analysis.frame import frame, metric_of
from bench.analysis.planned import SAFE, Verdict
from bench.analysis.resolves import STEPS, Told
from bench.analysis.rules import ALL
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
from bench.report.readable import share, sign_three, signed, three, with_error, with_interval
from bench.report.tables import claims
from bench.report.transfer import question
from bench.scores import SCORES
from scripts.reference.folders import folders
from scripts.reference.found import FOUND_BEGIN, FOUND_END, found, origin

BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"
TRANSFER_BEGIN, TRANSFER_END = "<!-- transfer: begin -->", "<!-- transfer: end -->"
ANSWER_BEGIN, ANSWER_END = "<!-- answer: begin -->", "<!-- answer: end -->"
RULES_BEGIN, RULES_END = "<!-- rules: begin -->", "<!-- rules: end -->"
CARD = Path("bench", "models", "mitra_nano", "README.md")  # beside the README
MAIN, TRANSFER = ("embedded_full", "embedded"), "transfer"  # kept runs that the README is of
STEPS_TOLD = {
    STEPS[0]: "the step that the runs chose",
    SAFE: "that of a rule held for safe (safe)",
    STEPS[1]: "the last",
}
STEPS_NAMED = {STEPS[0]: "chosen", SAFE: "safe", STEPS[1]: "last"}
FIGURES = {
    "improvements": "Improvement of every run over the pre-trained model",
}


def main() -> int:
    """Update the README or check it; give the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kept", type=Path, nargs="?", default=Path("results/reference"))
    parser.add_argument("--readme", type=Path, default=Path("README.md"))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    try:
        pages = list(made(args.readme, args.kept))
    except BadInput as reason:
        print(f"update_readme: {reason}", file=sys.stderr)
        return 2
    other = [path for path, before, after in pages if before != after]
    if args.check:
        for path in other:
            print(f"{path} is not what {args.kept} says: run `make readme`.")
        return int(bool(other))
    for path, _, after in pages:
        write_whole(path, after.encode())
    return 0


def made(readme: Path, kept: Path) -> Iterator[tuple[Path, str, str]]:
    """Each page with its text as it is, and as the records say: README, model card, kept runs.

    Raises
    ------
    BadInput
        As `updated`, and if a page is not there.
    """
    page, card = kept / "README.md", readme.parent / CARD
    for path in (readme, card, page):
        if not path.is_file():
            raise BadInput(f"there is no '{path}'.")
    main = main_run(kept)
    before = readme.read_text(encoding="utf-8")
    yield readme, before, updated(before, main, readme.parent, kept / TRANSFER)
    before = card.read_text(encoding="utf-8")
    yield card, before, between(before, RULES_BEGIN, RULES_END, by_rule(main, card.parent))
    before = page.read_text(encoding="utf-8")
    yield page, before, between(before, FOUND_BEGIN, FOUND_END, found(kept))


def main_run(kept: Path) -> Path:
    """The kept run that the answer is of: the largest one, once it is whole."""
    full = kept / MAIN[0]
    return full if Store(full).is_there else kept / MAIN[1]


def updated(text: str, root: Path, beside: Path, across: Path | None = None) -> str:
    """The README's text with the parts between the markers made anew.

    Parameters
    ----------
    text : str
    root : path
        The run that the answer is of.
    beside : path
        The README's folder.
    across : path, optional
        The run from domain to domain; without it nothing is said of that.

    Raises
    ------
    BadInput
        If a marker, the records, a complete unit, a method or a figure is missing.
    """
    records, read = _read(root)
    told = [replies.is_worth_it(read), replies.is_safer(read)]
    if across is not None:
        moved = _records(across)
        of = transfer.answer(moved, settings(), metric_of(moved))
        if of is None:
            raise BadInput(f"'{across}' holds no record of transfer.")
        first, *more = question.replies(of)
        told.append(first)
        page = _relative(_page(across), beside)
        made = [*(reply.markdown for reply in more), _from(moved, f"[`{across.name}`]({page})")]
        others = _others(across.parent, beside, {root.name, across.name})
        text = between(text, TRANSFER_BEGIN, TRANSFER_END, f"{' '.join(made)}\n\n{others}")
    lines = [f"* {reply.markdown}" for reply in told]
    text = between(text, ANSWER_BEGIN, ANSWER_END, "\n".join(lines))
    return between(text, BEGIN, END, generated(read, records, root, beside))


def by_rule(root: Path, beside: Path) -> str:
    """What each stopping rule would have kept in a run, of all its methods together.

    Raises
    ------
    BadInput
        If the records or a complete unit are missing.
    """
    _, read = _read(root)
    rows = read.rules.table[read.rules.table["method"] == ALL]
    metric = f"{read.metric.title} ×1000"
    lines = [
        f"Of the {read.rules.runs:,} runs that fine-tune in [`{root.name}`]"
        f"({_relative(_page(root), beside)}), each rule read from their curves; on test "
        "rows, ± standard error over tables (`never`: the pre-trained model; `oracle`: the best "
        "step on test rows, which nobody knows):",
        "",
        f"| rule | harm | gain, {metric} | worst quarter |",
        "|---|---|---|---|",
    ]
    for row in rows.to_dict("records"):
        cells = (
            with_error(row["harm"], row["harm_se"], share),
            with_error(row["gain"], row["gain_se"]),
            with_error(row["worst"], row["worst_se"]),
        )
        lines.append(f"| `{row['rule']}` | {' | '.join(cells)} |")
    return "\n".join(lines)


@cache
def _read(root: Path) -> tuple[list[Record], Answer]:
    """A run's records and what they say: seconds, and several pages ask."""
    records = _records(root)
    read = answer(frame(records), settings(), metric_of(records), Told(records))
    if not read.tables:
        raise BadInput(f"'{root}' has no dataset and fold that is complete for all methods.")
    return records, read


def _records(root: Path) -> list[Record]:
    records, faults = Store(root).survey()
    if not records or faults:
        raise BadInput(f"'{root}' holds {len(records)} sound records and {len(faults)} faulty.")
    return records


def _from(records: list[Record], where: str) -> str:
    return f"From the {len(records):,} records of {where}."


def _others(kept: Path, beside: Path, but: set[str]) -> str:
    """Which other runs are kept, and where it stands what they found."""
    names = [of.name for of in folders() if of.name not in but and Store(kept / of.name).is_there]
    page = f"{_relative(kept / 'README.md', beside)}#what-they-found"
    return (
        f"Also [kept]({page}), with what each found: {', '.join(f'`{name}`' for name in names)}. "
        "`make reference` makes all of them again."
    )


def between(text: str, begin: str, end: str, made: str) -> str:
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
        " ".join([*verdict.harm(read), _elsewhere()]),
        _in_other_scores(read),
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


def _in_other_scores(read: Answer) -> str:
    """How many of the secondary comparisons say what; "" where nothing was planned."""
    if read.planned is None:
        return ""
    return secondary(read.planned.scores, read.settings.margins)


def secondary(table: pd.DataFrame, margins: Mapping[str, float]) -> str:
    """How many comparisons of the causal mix say what, against whom, and where it is better.

    Parameters
    ----------
    table : DataFrame
        `bench.analysis.planned.Planned.scores`.
    margins : mapping of str to float
        By score: within it two are as good.
    """
    table = table.astype({"verdict": str})
    counts = Counter(table["verdict"])
    told = joined([f"{counts[verdict]} {verdict}" for verdict in map(str, Verdict)], "and")
    scores = joined([SCORES[name].title for name in table["score"].unique()], "and")
    steps = joined([STEPS_TOLD[name] for name in table["step"].unique()], "and")
    parts = [
        f"Of {len(table)} comparisons of CausalMixFT on {scores}, at {steps}, {told} "
        "(better and worse: Holm over all; as good: each by itself). Differences ×1000, above 0: "
        "better:",
        "; ".join(_against(str(name), rows) for name, rows in table.groupby("against", sort=False))
        + ".",
    ]
    low, high = table["mean"] - 2 * table["se"], table["mean"] + 2 * table["se"]
    margin = table["score"].map(margins)
    small = ((table["verdict"] == Verdict.better) & (low > -margin) & (high < margin)).sum()
    if small:
        parts.append(f"Within the margin of as good, too: {small} of the better ones.")
    return " ".join(parts)


def _against(name: str, rows: pd.DataFrame) -> str:
    """In how many of its comparisons the causal mix is better or worse than one, and in which."""
    told = []
    for said in (Verdict.better, Verdict.worse):
        held = rows[rows["verdict"] == said]
        where = [
            f"{SCORES[row['score']].title}, {STEPS_NAMED[row['step']]}: {signed(row['mean'])}"
            for row in held.to_dict("records")
        ]
        if where or said == Verdict.better:
            named = f" ({'; '.join(where)})" if where else ""
            told.append(f"{len(held)} of {len(rows)} {said}{named}")
    return f"against `{name}` {joined(told, 'and')}"


def _elsewhere() -> str:
    """What others' records say of another model."""
    stated = elsewhere()
    return (
        f"Published elsewhere, of another model: {stated.told} ([{stated.source}]({stated.url}))."
    )


def _origin(read: Answer, records: list[Record], root: Path, beside: Path) -> str:
    page = _relative(_page(root), beside)
    return (
        f"Generated from the {len(records):,} records under [`{_relative(root, beside)}`]({page}) "
        f"by `scripts/update_readme.py`. {completeness(read)} {origin(records)}."
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
    lose = "That purely synthetic rows lose against not fine-tuning (the study: a median below 0)"
    return [f"{lose} {'; '.join(told)}."] if told else []


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


def _page(root: Path) -> Path:
    """The tables of a kept run: its page may have been made beside them, but is not kept."""
    return root / "report" / "tables.md"


def _relative(path: Path, beside: Path) -> str:
    return Path(os.path.relpath(path, beside)).as_posix()


if __name__ == "__main__":
    sys.exit(main())
