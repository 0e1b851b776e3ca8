"""What differs between records of one method, or of one table's name, becomes part of the name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from made_records import adapted, failed, made
from sweeps import inside

from bench.analysis.answer import answer
from bench.analysis.frame import frame
from bench.analysis.mixing import differences
from bench.analysis.paired import against_default, paired
from bench.analysis.references import references
from bench.analysis.settings import settings
from bench.analysis.significance import wilcoxon_tests
from bench.analysis.variants import names, shown
from bench.cell.store import Store
from bench.cli import main
from bench.files import digest
from bench.report.tables import sections
from bench.report.tables.paired import pairs
from bench.report.write import report
from bench.scores.roc_auc_ovo import roc_auc_ovo
from bench.verbs.status import Look

QUICK = settings(["analysis.elo_rounds=1"])  # its bootstrap is not what is tested here
SLOW, FAST = {"lr": 1e-4, "steps": 30}, {"lr": 3e-4, "steps": 30}
SLOW_NAME, FAST_NAME = "default_ft · lr=1e-4", "default_ft · lr=3e-4"


def methods(*records: dict[str, Any]) -> list[str]:
    return [name.method for name in names(records)]


def tuned(dataset: str = "heart", auc: float = 0.72, **changed: Any) -> dict[str, Any]:
    return made(dataset, "default_ft", [0.7, auc], **changed)


def swept() -> list[dict[str, Any]]:
    """Two tables, the pre-trained model, and default fine-tuning under two learning rates."""
    return [
        record
        for dataset, more in {"heart": 0.0, "zoo": 0.01}.items()
        for record in (
            made(dataset, "pretrained", [0.7], finetune=SLOW),
            tuned(dataset, 0.72 + more, finetune=SLOW),
            tuned(dataset, 0.74, finetune=FAST),
        )
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return stored(tmp_path / "results", swept())


def stored(folder: Path, records: list[dict[str, Any]]) -> Path:
    store = Store(folder)
    for record in records:
        store.write(record)
    return store.root


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


class TestNames:
    def test_one_setting_that_differs_is_named(self):
        assert methods(*swept()[:3]) == ["pretrained", SLOW_NAME, FAST_NAME]

    def test_several_likewise(self):
        other = {"lr": 3e-4, "steps": 50}
        assert methods(tuned(finetune=SLOW), tuned(finetune=other)) == [
            "default_ft · lr=1e-4 · steps=30",
            "default_ft · lr=3e-4 · steps=50",
        ]

    def test_a_setting_that_came_later_is_named_where_it_is_set(self):
        """At its default no identity tells of it."""
        rival = SLOW | {"pull": 0.1}
        assert methods(tuned(finetune=SLOW), tuned(finetune=FAST), tuned(finetune=rival)) == [
            SLOW_NAME,
            FAST_NAME,
            f"{SLOW_NAME} · pull=0.1",
        ]

    def test_many_rivals_in_one_folder_are_each_named_by_what_is_theirs(self):
        rivals = [{"ema": 0.9}, {"wise_ft": 0.5}, {"wise_ft": "chosen"}, {"l2_sp": 0.1}]
        rivals += [{"trained": "last_layer", "lr": 3e-3}, {"bag": 8}]
        found = methods(tuned(finetune=FAST), *(tuned(finetune=SLOW | rival) for rival in rivals))
        assert found == [
            FAST_NAME,
            "default_ft · ema=0.9 · lr=1e-4",
            "default_ft · lr=1e-4 · wise_ft=0.5",
            "default_ft · lr=1e-4 · wise_ft=chosen",
            "default_ft · l2_sp=0.1 · lr=1e-4",
            "default_ft · lr=3e-3 · trained=last_layer",  # its rate alone would tell it apart
            "default_ft · bag=8 · lr=1e-4",
        ]

    def test_nothing_is_added_where_nothing_differs(self):
        assert methods(tuned(finetune=SLOW), tuned(finetune=SLOW, fold=1, seed=3)) == [
            "default_ft",
            "default_ft",
        ]

    def test_only_the_method_that_differs_is_renamed(self):
        scm = made("heart", "scm", [0.7, 0.71], finetune=SLOW)
        assert methods(scm, *swept()[:3])[:2] == ["scm", "pretrained"]

    def test_a_key_that_two_parts_have_is_named_with_its_part(self):
        generator = {"_target_": "generators.tabebm.TabEBM", "steps": 200, "lr": 0.1}
        of = {"method": {"finetune": True, "generator": generator}}
        assert methods(tuned(finetune=SLOW, identity=of), tuned(finetune=FAST, identity=of)) == [
            "default_ft · finetune.lr=1e-4",
            "default_ft · finetune.lr=3e-4",
        ]

    def test_a_generators_and_the_mixings_settings(self):
        def scm(epochs: int, ratio: float) -> dict[str, Any]:
            generator = {"_target_": "generators.ctgan.CTGAN", "epochs": epochs}
            method = {"generator": generator, "mixing": {"ratio": ratio}}
            return made("heart", "ctgan", [0.7, 0.71], identity={"method": method})

        assert methods(scm(100, 1.0), scm(300, 0.5)) == [
            "ctgan · epochs=100 · ratio=1.0",
            "ctgan · epochs=300 · ratio=0.5",
        ]

    def test_another_class_stands_for_its_own_parameters(self):
        def of(generator: dict[str, Any]) -> dict[str, Any]:
            return made("heart", "mine", [0.7, 0.71], identity={"method": {"generator": generator}})

        one = {"_target_": "generators.ctgan.CTGAN", "epochs": 100, "pac": 10}
        two = {"_target_": "generators.scm.SCM", "discovery": {"seconds": 120}}
        assert methods(of(one), of(two)) == [
            "mine · generator=CTGAN",
            "mine · generator=SCM",
        ]

    def test_models_are_named_for_every_method_the_pretrained_too(self):
        def of(weights: str, model: str) -> list[dict[str, Any]]:
            records = [
                made("heart", method, [0.7, 0.71], identity={"model": {"weights": weights * 64}})
                for method in ("pretrained", "default_ft")
            ]
            return [r | {"cell": r["cell"] | {"model": model}} for r in records]

        assert methods(*of("a", "mitra_nano"), *of("b", "mitra_local")) == [
            "pretrained · model=mitra_nano",
            "default_ft · model=mitra_nano",
            "pretrained · model=mitra_local",
            "default_ft · model=mitra_local",
        ]
        assert methods(*of("a", "mitra_local"), *of("b", "mitra_local"))[::2] == [
            "pretrained · weights=aaaaaa",
            "pretrained · weights=bbbbbb",
        ]

    def test_models_of_two_kinds_go_by_their_names_whatever_their_settings(self):
        nano = {"weights": "a" * 64, "scoring": "float32", "max_context": 8192}
        nearest = {"weights": "b" * 64, "_target_": "mine.load", "_class_": "<class 'mine.Near'>"}

        def of(model: str, *parts: dict[str, Any]) -> list[str]:
            records = [made("heart", "scm", [0.7, 0.71], identity={"model": p}) for p in parts]
            other = made("heart", "scm", [0.7, 0.71], identity={"model": nearest})
            called = [r | {"cell": r["cell"] | {"model": model}} for r in records]
            return methods(*called, other | {"cell": other["cell"] | {"model": "nearest"}})

        assert of("nano", nano) == ["scm · model=nano", "scm · model=nearest"]
        assert of("nano", nano, nano | {"scoring": "bfloat16"}) == [
            "scm · model=nano · scoring=float32",
            "scm · model=nano · scoring=bfloat16",
            "scm · model=nearest",
        ]
        assert of("nearest", nano) == ["scm · weights=aaaaaa", "scm · weights=bbbbbb"]
        assert of("nearest", {"weights": "b" * 64}) == [
            "scm",
            "scm · _class_=<class 'mine.Near'> · model=load",
        ]

    def test_one_models_weights_under_two_names_are_told_by_the_names(self):
        parts = [{"weights": "a" * 64, "max_context": size} for size in (8192, 64)]
        records = [made("heart", "scm", [0.7, 0.71], identity={"model": p}) for p in parts]
        for record, name in zip(records, ("mitra_nano", "narrow"), strict=True):
            record["cell"] = record["cell"] | {"model": name}
        assert methods(*records) == ["scm · model=mitra_nano", "scm · model=narrow"]

    def test_many_settings_are_cut_to_those_that_tell_apart(self):
        one, two = ({f"key{i}": i + shift for i in range(9)} for shift in (0, 1))
        assert methods(tuned(finetune=one), tuned(finetune=two)) == [
            "default_ft · key0=0 · …",
            "default_ft · key0=1 · …",
        ]

    def test_two_contents_of_one_name_are_two_tables(self):
        one, two = ("1a2b3c" + "0" * 58, "1a2b3d" + "0" * 58)
        records = [made("train", "scm", [0.7, 0.7], identity={"dataset": h}) for h in (one, two)]
        assert [name.dataset for name in names([*records, tuned()])] == [
            "train (1a2b3c)",
            "train (1a2b3d)",
            "heart",
        ]

    def test_the_hash_is_as_long_as_it_must_be(self):
        hashes = [f"{'f' * 10}{last}" for last in "ab"]
        records = [made("train", "scm", [0.7, 0.7], identity={"dataset": h}) for h in hashes]
        assert {name.dataset for name in names(records)} == {
            f"train ({'f' * 10}a)",
            f"train ({'f' * 10}b)",
        }

    def test_one_content_split_otherwise_is_another_table(self):
        records = [
            made("train", "scm", [0.7, 0.7], identity={"split": {"index": 0, "protocol": p}})
            for p in ("a", "b")
        ]
        assert len({name.dataset for name in names(records)}) == 2

    def test_settings_from_a_strange_record_cannot_break_a_line(self):
        strange = [{"lr\n": "a\x1b[31m"}, {"lr\n": ["\n"]}]
        for name in methods(*(tuned(finetune=finetune) for finetune in strange)):
            assert name.isprintable()

    def test_what_seed_and_target_draw_of_sources_makes_no_method_of_its_own(self):
        records = [
            adapted(made(target, "scm", [0.7, 0.8], seed=seed), sources=[f"a{seed}", f"{target}b"])
            for target in ("heart", "zoo")
            for seed in (0, 1)
        ]
        assert {*methods(*records)} == {"scm"}
        other = adapted(made("heart", "scm", [0.7, 0.8]), domains=["finance"])
        assert {*methods(*records, other)} == {"scm · domain=finance", "scm · domain=healthcare"}
        other["identity"]["parts"]["transfer"] = other["settings"]["transfer"] = None
        assert methods(other) == ["scm"]

    def test_what_is_told_of_one_table_makes_no_method_of_its_own(self):
        def told(dataset: str, dag: list | None) -> dict[str, Any]:
            generator = {"n_dags": 3, "dag": dag}
            return made(dataset, "scm", [0.7], identity={"method": {"generator": generator}})

        heart, zoo = told("heart", [["age", "num"]]), told("zoo", [["legs", "type"]])
        assert methods(heart, zoo) == ["scm", "scm"]
        assert len({*methods(heart, zoo, told("zoo", [["eggs", "type"]]))}) == 3
        assert len({*methods(heart, told("zoo", None))}) == 2

    def test_parts_of_any_shape_have_names(self):
        shapes: list[Any] = [None, 3, "text", [1], {}, {"a": {"b": []}}]
        records = [tuned(identity={"split": s, "finetune": s, "method": s}) for s in shapes]
        found = names(records)
        assert len({(name.dataset, name.method) for name in found}) == len(shapes)

    @effort(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.dictionaries(
                st.sampled_from(["lr", "steps", "keep", "a.b", ""]),
                st.one_of(
                    st.floats(allow_nan=False, allow_infinity=False),
                    st.integers(),
                    st.booleans(),
                    st.none(),
                    st.text(max_size=50),
                    st.lists(st.integers(), max_size=30),
                ),
            ),
            min_size=2,
            max_size=6,
        )
    )
    def test_whatever_differs_no_two_settings_share_a_name(self, of: list[dict[str, Any]]):
        records = [tuned(finetune=finetune) for finetune in of]
        called = {(digest(r["identity"]["parts"]), n) for r, n in zip(records, methods(*records))}
        assert len(called) == len({hashed for hashed, _ in called}) == len({n for _, n in called})


class TestValues:
    @pytest.mark.parametrize(
        ("value", "text"),
        [(1e-4, "1e-4"), (3e-4, "3e-4"), (0.01, "0.01"), (1.0, "1.0"), (1e-5, "1e-5"),
         (0.00035, "3.5e-4"), (50, "50"), (True, "true"), (None, "null"), ("log_loss", "log_loss"),
         ("1", '"1"'), ([1, 2], "[1,2]"), ("two\nlines", '"two\\nlines"')],
    )  # fmt: skip
    def test_it_is_as_short_as_one_would_type_it(self, value: Any, text: str):
        assert shown(value) == text

    @given(st.floats(allow_nan=False, allow_infinity=False))
    @effort(max_examples=50, deadline=None)
    def test_a_number_keeps_every_bit(self, value: float):
        assert float(shown(value)) == value
        assert len(shown(value)) <= len(repr(value))


class TestTables:
    @pytest.mark.long
    def test_a_sweep_over_settings_is_one_experiment(self, root: Path):
        assert report(root, QUICK, figures=True) == 0
        text = (root / "report" / "tables.md").read_text()
        for name in ("pretrained", SLOW_NAME, FAST_NAME):
            assert f"| {name} " in text
        assert "Methods with records of several settings (default_ft: 2)" in text
        assert "2 dataset × fold × seed units over 2 datasets" in text
        assert (
            r"Default fine-tuning · lr=3e-4"
            in (root / "report" / "tables.tex").parent.joinpath("latex", "summary.tex").read_text()
        )

    @pytest.mark.long
    def test_a_pages_cells_lead_to_their_records(self, root: Path):
        report(root, QUICK, figures=True)
        page = (root / "report" / "index.html").read_text()
        for path in Store(root).paths():
            assert path.relative_to(root).as_posix() in page

    def test_the_pretrained_model_serves_every_variant(self):
        """Improvement, by hand: unit heart's range is 0.70 to 0.74 over all variants."""
        read = answer(frame(swept()), QUICK, roc_auc_ovo)
        gains = read.tables["improvements"].set_index(["dataset", "method"])["improvement"]
        assert gains["heart"].to_dict() == pytest.approx(
            {"pretrained": 0.0, SLOW_NAME: 0.5, FAST_NAME: 1.0}
        )
        assert read.tables["summary"]["rank"].to_dict() == {
            FAST_NAME: 1.0,
            SLOW_NAME: 2.0,
            "pretrained": 3.0,
        }

    def test_each_method_is_measured_against_its_own_models_start(self):
        """Model a starts at 0.6 and ends at 0.7 or 0.8, model b at 0.9 and 0.92: 0.5, 1 and 1."""

        def of(weights: str, scores: dict[str, float], start: float) -> list[dict[str, Any]]:
            model = {"model": {"weights": weights * 64}}
            return [
                made("heart", m, [start] if m == "pretrained" else [start, auc], identity=model)
                for m, auc in scores.items()
            ]

        records = [
            *of("a", {"pretrained": 0.6, "default_ft": 0.7, "scm": 0.8}, 0.6),
            *of("b", {"pretrained": 0.9, "default_ft": 0.92, "scm": 0.9}, 0.9),
        ]
        gains = answer(frame(records), QUICK, roc_auc_ovo).tables["improvements"]
        assert gains.set_index("method")["improvement"].to_dict() == pytest.approx(
            {
                "pretrained · weights=aaaaaa": 0,
                "default_ft · weights=aaaaaa": 0.5,
                "scm · weights=aaaaaa": 1,
                "pretrained · weights=bbbbbb": 0,
                "default_ft · weights=bbbbbb": 1,
                "scm · weights=bbbbbb": 0,
            }
        )

    @pytest.mark.long
    def test_two_tables_of_one_name_are_shown_apart_oldest_first(self, tmp_path: Path):
        records = []
        for content, begun in (("b" * 64, 100.0), ("a" * 64, 200.0)):
            for method in ("pretrained", "default_ft"):
                one = made("train", method, [0.7, 0.72], identity={"dataset": content})
                records.append(one | {"timings": one["timings"] | {"started": begun}})
        root = stored(tmp_path / "results", records)
        assert report(root, QUICK, figures=False) == 0
        text = (root / "report" / "tables.md").read_text()
        assert "share the name 'train': train (bbbbbb), train (aaaaaa), from the oldest" in text
        assert "dataset.name=NAME" in text
        assert "| train (aaaaaa) " in text

    def test_a_variant_that_failed_is_named_in_what_is_left_out(self, tmp_path: Path):
        records = [*swept(), failed("heart", "default_ft", finetune={"lr": 1e-3, "steps": 30})]
        root = stored(tmp_path / "results", records)
        assert report(root, QUICK, figures=False) == 0
        assert "default_ft · lr=1e-3" in (root / "report" / "left_out.csv").read_text()


class TestVerbs:
    def test_status_has_a_row_a_variant(self, root: Path):
        counts = Look(root).now().counts
        assert {method: n["done"] for method, n in counts.items()} == {
            "pretrained": 2,
            SLOW_NAME: 2,
            FAST_NAME: 2,
        }

    def test_show_lists_every_variant(self, root: Path, capsys: pytest.CaptureFixture[str]):
        assert main(["show", "heart/default_ft/0", str(root)]) == 0
        text = printed(capsys)
        assert f"heart · fold 0 · {SLOW_NAME} · seed 0" in text
        assert f"heart · fold 0 · {FAST_NAME} · seed 0" in text

    @pytest.mark.parametrize("name", [f"heart/{FAST_NAME}/0", "heart/default_ft lr=3e-4/0"])
    def test_show_finds_one_by_what_tables_call_it(
        self, name: str, root: Path, capsys: pytest.CaptureFixture[str]
    ):
        assert main(["show", name, str(root)]) == 0
        text = printed(capsys)
        assert FAST_NAME in text
        assert SLOW_NAME not in text

    @pytest.mark.long
    def test_diff_compares_variant_with_variant(
        self, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        changed = [r for r in swept() if r["cell"]["dataset"] == "heart"][:2]
        changed.append(tuned("heart", 0.79, finetune=FAST))
        other = stored(tmp_path / "other", changed)
        assert main(["diff", str(root), str(other)]) == 1
        text = printed(capsys)
        assert "3 cells are in both: 2 to the bit, 1 further apart." in text
        assert f"zoo 0 0 {SLOW_NAME}" in text
        assert "+0.0500" in text

    def test_diff_of_folders_with_one_setting_each_compares_across_settings(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        one = stored(tmp_path / "one", [tuned(auc=0.72, finetune=SLOW)])
        two = stored(tmp_path / "two", [tuned(auc=0.75, finetune=FAST)])
        assert main(["diff", str(one), str(two)]) == 1
        text = printed(capsys)
        assert "are only in" not in text
        assert "+0.0300" in text

    def test_verify_names_the_variant_that_contradicts_itself(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        records = swept()
        records[2]["metrics"]["chosen"]["test"]["roc_auc_ovo"] = 0.99
        assert main(["verify", str(stored(tmp_path / "r", records)), "n=0"]) == 1
        text = printed(capsys)
        assert text.count("CONTRADICTS ITSELF") == 1
        assert f"heart fold 0 {FAST_NAME} seed 0" in text

    def test_verify_accuses_no_record_of_another_start(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        """Of another share of validation rows, model or table the pre-trained scores differ."""
        records = [
            made("heart", "pretrained", [start], identity=parts)
            for start, parts in [
                (0.70, {"validation_share": 0.2}),
                (0.71, {"validation_share": 0.3}),
                (0.72, {"model": {"weights": "b" * 64}}),
                (0.73, {"dataset": "c" * 64}),
            ]
        ]
        assert main(["verify", str(stored(tmp_path / "r", records)), "n=0"]) == 0
        assert "0 do not hold" in printed(capsys)


class TestReferences:
    """Which default fine-tuning a method is held against."""

    def two_rates(self) -> list[dict[str, Any]]:
        """scm and default fine-tuning under both rates: scm gains 0.01 over its own, then 0.03."""
        scores = {"a": (0.72, 0.73, 0.74, 0.77), "b": (0.74, 0.75, 0.76, 0.79)}
        return [
            made(dataset, method, [0.7, auc], finetune=finetune)
            for dataset, aucs in scores.items()
            for auc, (finetune, method) in zip(
                aucs,
                [(r, m) for r in (SLOW, FAST) for m in ("default_ft", "scm")],
                strict=True,
            )
        ] + [made(dataset, "pretrained", [0.7]) for dataset in scores]

    def test_a_method_is_paired_with_default_fine_tuning_under_its_own_settings(self):
        read = answer(frame(self.two_rates()), QUICK, roc_auc_ovo)
        table = against_default(read.tables["paired"], "chosen").set_index("method")
        assert table["against"].to_dict() == {
            "scm · lr=1e-4": SLOW_NAME,
            "scm · lr=3e-4": FAST_NAME,
            FAST_NAME: SLOW_NAME,
            "pretrained": SLOW_NAME,
        }
        assert table["mean"].to_dict() == pytest.approx(
            {"scm · lr=1e-4": 0.01, "scm · lr=3e-4": 0.03, FAST_NAME: 0.02, "pretrained": -0.03}
        )

    def test_wilcoxons_tests_have_the_same_references(self):
        table = wilcoxon_tests(frame(self.two_rates()))
        held = table[table["against"] != "pretrained"].set_index("method")["against"].to_dict()
        assert held == {
            "scm · lr=1e-4": SLOW_NAME,
            "scm · lr=3e-4": FAST_NAME,
            FAST_NAME: SLOW_NAME,
        }

    @pytest.mark.long
    def test_the_table_and_its_caption_say_which(self):
        read = answer(frame(self.two_rates()), QUICK, roc_auc_ovo)
        (section,) = (s for s in sections(read) if s.key == "paired")
        assert section.table is not None
        assert section.table.loc["scm · lr=3e-4", "minus"] == FAST_NAME
        assert "There are 2 variants of default_ft" in section.text
        assert f"({SLOW_NAME})" in section.text

    def test_other_settings_than_the_only_reference_are_no_fair_pair(self):
        records = [tuned(finetune=SLOW), made("heart", "scm", [0.7, 0.71], finetune=FAST)]
        held = references(frame(records))
        assert held.of == {"scm": "default_ft"}
        assert held.unlike == ("scm",)
        text = pairs(paired(frame(records)), roc_auc_ovo, held)
        assert "no fair pair: scm (against default_ft)" in text

    def test_another_models_default_fine_tuning_is_no_reference(self):
        one, two = ({"model": {"weights": letter * 64}} for letter in "ab")
        cells = frame([tuned(identity=one), made("heart", "scm", [0.6, 0.7], identity=two)])
        held = references(cells)
        assert held.of == {}
        assert held.without == ("scm · weights=bbbbbb",)
        read = answer(cells, QUICK, roc_auc_ovo)
        (section,) = (s for s in sections(read) if s.key == "paired")
        assert section.text == "Left out: no method is of the same model as a default_ft."

    def test_ablation_holds_like_against_like(self):
        """Mixed minus alone is 0.02 at one rate, and at the other nothing was run alone."""
        records = [
            made("heart", "causalmixft", [0.7, 0.74], finetune=SLOW),
            made("heart", "causalmixft", [0.7, 0.90], finetune=FAST),
            made("heart", "scm", [0.7, 0.72], finetune=SLOW),
        ]
        table = differences(frame(records).assign(improvement=0.0, raw_gain=0.0))
        assert table["mean"].to_list() == pytest.approx([0.02])


@pytest.mark.long
def test_the_words_of_a_sweep_over_settings_run_and_report(tmp_path: Path) -> None:
    """As typed: default fine-tuning under two learning rates, on the smallest table."""
    run = inside(
        "run", "-m", "dataset=iris", "finetune.lr=1e-4,3e-4", "finetune.steps=2",
        "methods=[default_ft]", f"results_dir={tmp_path}",
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert {name.method for name in names(Store(tmp_path).records())} == {SLOW_NAME, FAST_NAME}
    assert f"│ {SLOW_NAME} " in run.stdout
    assert f"│ {FAST_NAME} " in run.stdout
    assert "names no winner" in run.stdout or "none is best" in run.stdout
