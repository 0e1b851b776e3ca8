"""The report as files: what is written, what is said of bad input, LaTeX that compiles."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_experiment import experiment
from made_records import failed, made

from bench.analysis.answer import answer
from bench.analysis.frame import frame
from bench.analysis.settings import settings
from bench.cell.record import SCHEMA_VERSION
from bench.cell.store import Store
from bench.cli import main
from bench.report.captions import repaired
from bench.report.figures import (
    curves,
    drawings,
    gains,
    heat_map,
    improvements,
    quality,
    ranks,
    time,
)
from bench.report.latex import escape, latex
from bench.report.published import published
from bench.report.table import Section
from bench.report.tables import sections
from bench.report.write import report
from bench.scores.roc_auc_ovo import roc_auc_ovo

NASTY = "<script>alert('x')</script> & 100% \\evil_{}#$~^"
LATEX_SECONDS = 60
FIGURES = [improvements, ranks, heat_map, gains, curves, time, quality]

pytestmark = pytest.mark.usefixtures("pictures")


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def of(records: list[dict[str, Any]]) -> Path:
        store = Store(tmp_path / "results")
        for record in records:
            store.write(record)
        return store.root

    return of


def read(root: Path, name: str) -> str:
    return (root / "report" / name).read_text(encoding="utf-8")


class TestFiles:
    @pytest.mark.long
    @pytest.mark.filterwarnings("error:constrained_layout:UserWarning")
    def test_figures_have_room_for_the_names_of_many_methods(self):
        """As many as the ablation's. matplotlib warns where axes collapse, and the legend of a
        figure must not stand on its panels."""
        measures = ("copies", "detection_auc", "frechet_distance", "tstr_roc_auc", "distance")
        records = [made(dataset, "pretrained", [0.7]) for dataset in ("credit", "zoo")]
        for m in range(31):
            rows = {"quality": dict.fromkeys(measures, m / 31)}
            records += [
                made(dataset, f"generator-{m}-mixed-0.5", [0.7, 0.7 + m / 999], synthetic=rows)
                for dataset in ("credit", "zoo")
            ]
        read_as = answer(frame(records), settings(), roc_auc_ovo)
        for draw in (heat_map, time, quality):
            drawing = draw(read_as)
            assert drawing is not None
            figure = drawing.figure
            figure.draw_without_rendering()
            panels = [a for a in figure.axes if a.get_visible() and a.get_label() != "<colorbar>"]
            boxes = [a.get_window_extent() for a in panels]
            assert min(min(box.width, box.height) for box in boxes) > 60, drawing.name
            beside = [a.legend_ for a in figure.axes if a.legend_ and draw is time]
            for legend in [*figure.legends, *beside]:
                box = legend.get_window_extent()
                assert not any(box.overlaps(panel) for panel in boxes), drawing.name
                assert box.y0 >= 0, drawing.name
                assert box.y1 <= figure.bbox.height, drawing.name

    def test_every_axis_says_what_it_shows_and_colours_have_a_bar(self):
        rows = {"quality": {"copies": 0.1, "own_measure": 0.2}}
        read_as = answer(frame(experiment(synthetic=rows)), settings(), roc_auc_ovo)
        drawn = {d.name: d.figure for d in drawings(read_as, FIGURES)}
        assert len(drawn) == len(FIGURES)

        def labels(name: str) -> list[str]:
            figure = drawn[name]
            told = [t for a in figure.axes for t in (a.get_xlabel(), a.get_ylabel()) if t]
            return [*told, *filter(None, (figure.get_supxlabel(), figure.get_supylabel()))]

        assert labels("heat_map") == ["mean change in test\nROC-AUC ×1000"]
        assert labels("time") == [
            "median wall time of a cell, seconds (log scale)",
            "mean change in test ROC-AUC ×1000",
        ]
        assert labels("gains") == [
            "validation gain of the chosen step, ROC-AUC ×1000",
            "test gain, ROC-AUC ×1000",
        ]
        assert "change in ROC-AUC ×1000" in labels("curves")
        assert labels("improvements")[0].endswith("share of the unit's range (min–max)")
        assert labels("quality") == [
            "share of rows",
            "measure of the synthetic rows",
            "test gain, ROC-AUC ×1000",
        ]

    @pytest.mark.long
    def test_a_name_with_dollar_signs_is_no_formula(self):
        records = [made(f"${name}_^$", "default_ft", [0.7, 0.8]) for name in "ab"]
        records += [made(f"${name}_^$", "$x_^$", [0.7, 0.6]) for name in "ab"]
        read_as = answer(frame(records), settings(), roc_auc_ovo)
        for drawing in drawings(read_as, FIGURES):
            assert drawing.pdf().startswith(b"%PDF")

    def test_a_pdf_has_its_fonts_and_no_date(self):
        read_as = answer(frame(experiment()), settings(), roc_auc_ovo)
        (drawing,) = drawings(read_as, [ranks])
        written = drawing.pdf()
        assert b"/FontFile2" in written  # TrueType (type 42), embedded
        assert b"/Type3" not in written
        assert b"Date" not in written
        assert b"/Subtype /Image" not in written

    @pytest.mark.long
    def test_the_same_records_give_the_same_bytes(self, written: Callable[..., Path]):
        root = written(experiment())
        report(root)
        files = {p: p.read_bytes() for p in (root / "report").rglob("*") if p.is_file()}
        assert {p.suffix for p in files if p.parent.name == "figures"} == {".png", ".pdf", ".svg"}
        assert all(files.values())  # tests elsewhere leave some empty (`pictures`)
        report(root)
        assert {p: p.read_bytes() for p in (root / "report").rglob("*") if p.is_file()} == files

    @pytest.mark.long
    def test_a_table_of_too_many_columns_for_the_terminal_says_where_it_stands(
        self, written: Callable[..., Path], capsys: pytest.CaptureFixture[str]
    ):
        root = written([made("small", f"m{n}", [0.6, 0.7]) for n in range(25)])
        assert report(root, figures=False) == 0
        printed = capsys.readouterr().out
        assert printed.count("Too wide for here: it stands in report/tables.md.") == 1
        assert "| m24 " in read(root, "tables.md")

    def test_a_deleted_record_is_said_to_be_missing(self, written: Callable[..., Path]):
        root = written(experiment())
        next((root / "cells" / "heart" / "scm").glob("1-*.json")).unlink()
        report(root, figures=False)
        assert "Left out: 1 unit (1 missing: scm)" in read(root, "tables.md")
        assert "heart,1,0,scm" in read(root, "left_out.csv") or "heart,1,1,scm" in read(
            root, "left_out.csv"
        )

    @pytest.mark.long
    def test_what_the_journal_saw_and_no_record_shows_is_said(self, written: Callable[..., Path]):
        root = written(experiment())
        event = {"event": "cell", "cell": "lost 0 scm", "status": "done", "made": True}
        Store(root).log({**event, "seconds": 1.0, "error": None, "again": "run …"})
        report(root, figures=False)
        assert "1 cell of the journal" in read(root, "tables.md")
        assert "lost 0 scm" in read(root, "tables.md")

    def test_an_edited_record_counts_as_missing_and_stays_where_it_is(
        self, written: Callable[..., Path]
    ):
        root = written(experiment())
        path = next((root / "cells" / "heart" / "scm").glob("1-*.json"))
        path.write_text(path.read_text().replace('"chosen_step": 4', '"chosen_step": 2'))
        report(root, figures=False)
        assert "it was edited or damaged" in read(root, "tables.md")
        assert path.exists()

    def test_records_of_an_older_schema_are_named(
        self, written: Callable[..., Path], capsys: pytest.CaptureFixture[str]
    ):
        root = written(experiment()[:1])
        (path,) = Store(root).paths()
        path.write_text(json.dumps(json.loads(path.read_text()) | {"schema_version": 0}))
        assert report(root) == 2
        printed = " ".join(capsys.readouterr().out.split())
        assert f"it has schema version 0, expected {SCHEMA_VERSION}" in printed
        assert "No records under" in printed

    @pytest.mark.long
    def test_imputation_is_said_in_the_caption(self, written: Callable[..., Path]):
        root = written([*experiment(), failed("heart", "noise"), made("zoo", "noise", [0.5, 0.6])])
        report(root, settings(["analysis.impute=worst"]), figures=False)
        assert "Imputed (analysis.impute=worst)" in read(root, "tables.md")


class TestRepaired:
    """What a record's `repaired` is, beside the graphs: the total after repair."""

    @pytest.mark.parametrize("added", [{}, {"added": 16.4}])  # records of before hold none
    def test_the_share_that_repair_added_is_told(self, added: dict[str, float]):
        edges = {"drawn": 3.6, "repaired": 20.0} | added
        rows = {"generator": {"edges_a_dag": edges}}
        records = [made("zoo", "scm", [0.5, 0.6], synthetic=rows), made("zoo", "smote", [0.5])]
        assert repaired(records) == (
            "Over the records of this folder a DAG has 20 edges: 3.6 drawn from the edge "
            "probabilities, 16.4 (82%) added by repair, because the training rows ask for them."
        )

    @pytest.mark.parametrize(
        "facts",
        [{}, *({"edges_a_dag": e} for e in ("x", {"drawn": 1.0}, {"drawn": 1.0, "repaired": []}))],
    )
    def test_without_causal_rows_nothing_is_told(self, facts: dict[str, Any]):
        rows = {"generator": facts}
        assert repaired([made("zoo", "ctgan", [0.5], synthetic=rows), failed("zoo", "scm")]) == ""


class TestPublished:
    @pytest.mark.long
    def test_stated_figures_have_a_column_of_their_own_for_their_model_alone(
        self, written: Callable[..., Path]
    ):
        nano = experiment()
        assert published(answer(frame(nano), settings(), roc_auc_ovo)) is None
        mitra = [r | {"cell": r["cell"] | {"model": "mitra"}} for r in nano]
        root = written(mitra)
        report(root, figures=False)
        assert "published: median improvement" in read(root, "tables.md")
        assert "+0.12 ± 0.63" in read(root, "tables.md")
        assert "2601.04110" in read(root, "tables.md")
        stated = {s.key: s.stated for s in sections(answer(frame(mitra), settings(), roc_auc_ovo))}
        assert stated["summary"] == {"published: median improvement"}  # no cells are behind them
        assert stated["reliability"] == {"published: median gap"}
        for path in (root / "report").glob("*.csv"):
            assert "0.63" not in path.read_text().split()
            assert "published" not in path.read_text()

    @pytest.mark.long
    def test_the_embedded_model_never_has_them(self, written: Callable[..., Path]):
        root = written(experiment())
        report(root, figures=False)
        assert "published" not in read(root, "tables.md").lower()


class TestBadInput:
    @pytest.mark.long
    def test_one_method_is_told_so(self, written: Callable[..., Path]):
        root = written([r for r in experiment() if r["cell"]["method"] == "default_ft"])
        assert report(root) == 0
        assert "default_ft is the only method" in read(root, "index.html")

    def test_failures_only_make_a_page_that_says_so(self, written: Callable[..., Path]):
        root = written([failed("heart", "scm", NASTY), failed("heart", "default_ft")])
        assert report(root) == 0
        page = read(root, "index.html")
        assert "there is nothing to compare yet" in page
        assert "2 failed" in page
        assert not list((root / "report").glob("figures/*"))

    def test_what_came_from_data_is_escaped(self, written: Callable[..., Path]):
        root = written([*experiment(), failed("heart", "odd<b>", NASTY)])
        report(root)
        page = read(root, "index.html")
        assert "alert('x')</script>" not in page
        assert "odd<b>" not in page
        assert "&lt;script&gt;alert" in page

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["nowhere"], "no records under 'nowhere'"),
            (["experiment=nope"], "no records under 'results/nope'"),
            (["a", "b"], "One results folder"),
            (["reslts_dir=x"], "There is no setting 'reslts_dir'"),
            (["analysis.nope=1"], "There is no setting 'analysis.nope'"),
        ],
    )
    def test_it_is_one_sentence(
        self, arguments: list[str], told: str, written: Callable[..., Path],
        capsys: pytest.CaptureFixture[str],
    ):  # fmt: skip
        root = written(experiment()[:1])
        given = arguments if not arguments[0].startswith("analysis") else [str(root), *arguments]
        assert main(["report", *given]) == 2
        error = capsys.readouterr().err
        assert error.startswith("bench: ")
        assert told in error
        assert len(error.strip().splitlines()) == 1

    def test_an_empty_folder(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
        (tmp_path / "cells").mkdir()
        assert main(["report", str(tmp_path)]) == 2
        assert "No records under" in capsys.readouterr().out


class TestLatex:
    def test_every_special_character_is_escaped(self):
        assert escape("a_b & 5% <x> ü 中") == r"a\_b \& 5\% \textless{}x\textgreater{} ü [U+4E2D]"

    def test_a_table_as_narrow_as_a_column_takes_one_and_a_wider_one_both(self):
        narrow = pd.DataFrame(
            {"rank": ["1.00", "2.00"]}, index=pd.Index(["scm", "x"], name="method")
        )
        wide = pd.concat([narrow.add_suffix(f" of the {i}th") for i in range(9)], axis=1)
        for table, kind in ((narrow, "table"), (wide, "table*")):
            text = latex(Section("key", "Title", table, "Below, default_ft & all."))
            assert text.startswith(rf"\begin{{{kind}}}[tbp]")
            assert r"\caption{Title. Below, Default fine-tuning \& all.}\label{tab:key}" in text
            assert "resizebox" not in text
            assert "SCM-only & 1.00" in text
            assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")

    def test_a_long_table_goes_on_in_another_float(self):
        table = pd.DataFrame({"rank": ["1"] * 100}, index=[f"row {i}" for i in range(100)])
        text = latex(Section("key", "Title", table, "Below."))
        assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 3
        assert text.count(r"\label{tab:key}") == 1
        assert text.count(r"Table~\ref{tab:key}, continued.") == 2
        assert all(f"row {i} & 1" in text for i in range(100))

    def test_a_rule_parts_groups_and_a_minus_is_none_of_a_name(self):
        table = pd.DataFrame({"method": list("abc"), "gain": ["-1.0", "+2.0", "[-3.0, 4]"]},
                             index=pd.Index(["in-1", "in-1", "out"], name="group"))  # fmt: skip
        text = latex(Section("key", "Title", table, "", rivals="label"))
        *_, first, second, rule, third = text[: text.index("\\bottomrule")].strip().splitlines()
        assert first == r"in-1 & a & $-$1.0 \\"
        assert second == r"in-1 & b & +2.0 \\"
        assert rule == r"\midrule"
        assert third == r"out & c & {[}$-$3.0, 4] \\"

    @pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
    def test_the_document_compiles_and_nothing_sticks_out_of_its_two_columns(
        self, written: Callable[..., Path]
    ):
        root = written([*experiment(), failed("heart", "odd [method]", NASTY + " 中文 …")])
        report(root, figures=False)
        tables = (root / "report" / "tables.tex").read_text()
        assert "twocolumn" in tables
        run = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"],
            cwd=root / "report", capture_output=True, text=True, errors="replace",
            stdin=subprocess.DEVNULL, timeout=LATEX_SECONDS, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout[-2000:]
        assert "Overfull \\hbox" not in run.stdout, run.stdout
        assert (root / "report" / "tables.pdf").stat().st_size > 1000
