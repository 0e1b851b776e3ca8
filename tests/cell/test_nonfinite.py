"""No number is made of nothing: what is not finite is a failed record, or refused as it comes in.

Whatever a model, a generator or a column holds, a cell ends as ``done`` with finite scores, or as
``failed`` with a sentence; a score is null only where its definition denies it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from one_cell import run, tiny, tiny_folder
from safetensors.torch import load_file, save_file

from bench.cell.packed import MOST
from bench.cell.record import Record, fault, seal
from bench.cli import main
from bench.errors import ModelError
from bench.generator import BrokenPromise, Generator, require_rows
from bench.models.tab2d import forward as lean
from bench.models.tab2d.checkpoint import Checkpoint, load
from bench.models.tab2d.encoder import Encoder
from bench.models.tab2d.scoring import Scoring
from bench.models.weights import NANO
from bench.quality.measures import quality
from bench.score import ClassScore, ScoreError
from bench.scores import SCORES, all_scores, scores_of
from bench.scores._rank_area import binary_roc_auc
from bench.table import Table

few = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
NO_NUMBERS = [math.nan, math.inf, -math.inf]


# --- one tiny cell, in this process -------------------------------------------------------------


def with_weight(checkpoint: Checkpoint, name: str, where: int, value: float) -> Checkpoint:
    """As it is after loading, or after a step that went wrong."""
    with torch.no_grad():
        dict(checkpoint.module.named_parameters())[name].view(-1)[where] = value
    return checkpoint


def small(n: int = 30, **columns: Any) -> Table:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    frame = pd.DataFrame({"tells": y + rng.normal(size=n), "noise": rng.normal(size=n)} | columns)
    return Table("small", frame, y, dict.fromkeys(frame.columns, "numeric"), ("no", "yes"), "class")


def require_sound(record: Record) -> None:
    """Done with numbers, or failed with a sentence; nothing between."""
    if record["status"] == "done":
        scores = [
            value
            for parts in record["metrics"].values()
            for values in parts.values()
            for value in values.values()
        ]
        assert len(scores) == 6 * len(scores_of("classification"))
        assert np.isfinite(scores).all()  # both parts are of two classes: no score is denied
        assert np.isfinite(record["curves"].get("train_loss", [])[1:]).all()
        for part in ("validation", "test"):
            for name, curve in record["curves"].get(part, {}).items():
                assert np.isfinite(curve).all(), name
        return
    assert record["status"] in ("failed", "not_applicable")
    require_sentence(record["error"]["message"])
    assert record["metrics"] == {}
    assert record["curves"] == {}
    json.dumps(record, allow_nan=False)


def require_sentence(message: str) -> None:
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400


# --- weights ------------------------------------------------------------------------------------

WEIGHTS = [
    (name, weights.numel())
    for name, weights in load_file(tiny_folder() / "model.safetensors").items()
]
a_weight = st.sampled_from(WEIGHTS).flatmap(
    lambda found: st.tuples(st.just(found[0]), st.integers(0, found[1] - 1))
)
huge = st.sampled_from([1e38, -1e38, 3.4e38, 2e19])


class TestWeights:
    @few
    @given(where=a_weight, value=st.sampled_from(NO_NUMBERS) | huge)
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
    def test_a_checkpoint_with_such_a_weight_is_refused_at_load(
        self, dtype: torch.dtype, where: tuple[str, int], value: float, tmp_path: Path
    ) -> None:
        weights = {
            k: v.to(dtype) for k, v in load_file(tiny_folder() / "model.safetensors").items()
        }
        if dtype == torch.float64 and math.isinf(value):
            value = math.copysign(1e300, value)  # finite there, and not as float32
        weights[where[0]].view(-1)[where[1]] = torch.tensor(value, dtype=torch.float64).to(dtype)
        save_file(weights, tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_bytes((tiny_folder() / "config.json").read_bytes())
        with pytest.raises(ModelError, match=f"its weights '{where[0]}' reach") as refusal:
            load(str(tmp_path), 500, 8192, "cpu")
        require_sentence(str(refusal.value))

    @pytest.mark.long
    @few
    @given(where=a_weight, value=st.sampled_from(NO_NUMBERS) | huge)
    @example(where=("final_layer.bias", 7), value=math.nan)  # an output that no class uses
    @pytest.mark.parametrize("method", ["pretrained", "default_ft"])
    def test_a_model_with_such_a_weight_gives_no_made_up_score(
        self, method: str, where: tuple[str, int], value: float
    ) -> None:
        record = run(with_weight(tiny(), *where, value), small(), f"method={method}")
        require_sound(record)
        assert record["status"] == "failed"
        assert f"its weights '{where[0]}' reach" in record["error"]["message"]

    @pytest.mark.long
    @few
    @given(where=a_weight, size=st.integers(8, 18))
    def test_a_large_weight_leaves_a_finite_score_or_a_failure(
        self, where: tuple[str, int], size: int
    ) -> None:
        require_sound(run(with_weight(tiny(), *where, 10.0**size), small(), "method=pretrained"))

    def test_the_whole_command_refuses_it_in_a_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        weights = load_file(NANO / "model.safetensors")
        weights["final_layer.weight"][0, 0] = math.nan
        save_file(weights, tmp_path / "model.safetensors")
        (tmp_path / "config.json").write_bytes((NANO / "config.json").read_bytes())
        words = ["model=mitra_local", f"model.path={tmp_path}", f"results_dir={tmp_path / 'r'}"]
        assert main(["run", "dataset=iris", "method=pretrained", *words]) == 2
        told = capsys.readouterr().err
        assert "bench: " in told
        assert "its weights 'final_layer.weight' reach NaN" in told
        assert "Traceback" not in told

    def test_activations_that_a_layer_norm_would_hide_are_told(self) -> None:
        """A variance beyond float32 makes zeros of all tokens: scores like any model's."""
        checkpoint = with_weight(tiny(), "layers.0.linear2.bias", 3, 1e19)
        with_weight(checkpoint, "layers.0.linear4.bias", 3, 1e19)
        record = run(checkpoint, small(), "method=pretrained")
        assert record["status"] == "failed"
        assert "activations reach 2e+19" in record["error"]["message"]

    def test_a_failed_step_is_named(self) -> None:
        record = run(tiny(), small(), "method=default_ft", "finetune.lr=1e30")
        assert record["status"] == "failed"
        assert "step 1" in record["error"]["message"]
        require_sound(record)

    @pytest.mark.parametrize("scoring", [torch.float32, torch.bfloat16])
    @pytest.mark.parametrize("value", NO_NUMBERS)
    def test_every_output_counts(
        self, value: float, scoring: torch.dtype, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An infinite logit would be a certainty, one of −∞ a zero, in whatever class."""

        def read_out(model: Tab2D, tokens: torch.Tensor) -> torch.Tensor:
            logits = torch.zeros(1, len(tokens), 10)
            logits[0, -1, 9] = value
            return logits

        monkeypatch.setattr(lean, "_read_out", read_out)
        record = run(replace(tiny(), scoring=scoring), small(), "method=pretrained")
        assert record["status"] == "failed"
        told = "The model's outputs are not finite for 1 of 4 validation rows"
        assert told in record["error"]["message"]


# --- probabilities ------------------------------------------------------------------------------

FUNCTIONS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {"all_scores": all_scores}
FUNCTIONS |= {name: score for name, score in SCORES.items() if isinstance(score, ClassScore)}


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n, k = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    logits = draw(arrays(float, (n, k), elements=st.floats(-30, 30)))
    y = draw(arrays(np.int64, n, elements=st.integers(0, k - 1)))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return y, shares / shares.sum(axis=1, keepdims=True)


class TestScores:
    @few
    @given(predictions())
    def test_scores_are_finite_or_denied_by_their_definition(
        self, made: tuple[np.ndarray, np.ndarray]
    ) -> None:
        y, p = made
        denied = {"roc_auc_ovo", "roc_auc_ovr"} if len(np.unique(y)) < 2 else set()
        for name, value in all_scores(y, p).items():
            assert (value is None) == (name in denied)
            assert value is None or math.isfinite(value)

    @pytest.mark.parametrize("score", FUNCTIONS)
    @few
    @given(made=predictions(), value=st.sampled_from([*NO_NUMBERS, -0.1, 1.5]), data=st.data())
    def test_what_is_no_probability_is_refused(
        self, score: str, made: tuple[np.ndarray, np.ndarray], value: float, data: st.DataObject
    ) -> None:
        y, p = made
        p[data.draw(st.integers(0, len(p) - 1)), data.draw(st.integers(0, p.shape[1] - 1))] = value
        with pytest.raises(ScoreError) as refusal:
            FUNCTIONS[score](y, p)
        require_sentence(str(refusal.value))

    @pytest.mark.parametrize("score", FUNCTIONS)
    @pytest.mark.parametrize(
        ("y", "p"),
        [
            (np.array([0, 1]), np.eye(3)),  # rows
            (np.array([0, 2]), np.eye(2)),  # a class without a column
            (np.array([0, -1]), np.eye(2)),
            (np.array([0.0, 1.0]), np.eye(2)),
            (np.array([0, 1]), np.array([0.2, 0.8])),  # one column left out
            (np.array([0, 1]), np.eye(2) * 2),
            (np.array([0, 1]), np.full((2, 2), 0.4)),
            (np.zeros(0, dtype=int), np.zeros((0, 2))),
        ],
    )
    def test_what_does_not_fit_is_refused(self, score: str, y: np.ndarray, p: np.ndarray) -> None:
        with pytest.raises(ScoreError) as refusal:
            FUNCTIONS[score](y, p)
        require_sentence(str(refusal.value))

    def test_an_area_needs_two_classes_and_finite_scores(self) -> None:
        marks = np.array([True, False])
        assert binary_roc_auc(marks, np.array([2.0, 1.0])) == 1.0
        for bad in (
            (marks, np.array([math.nan, 1.0])),
            (np.array([True, True]), np.array([2.0, 1.0])),
            (marks, np.array([1.0])),
            (np.array([1, 0]), np.array([2.0, 1.0])),
        ):
            with pytest.raises(ScoreError):
                binary_roc_auc(*bad)

    def test_a_score_that_cannot_be_told_fails_the_cell(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever hands the probabilities over: the record never keeps half of it."""

        def zeros(self: Scoring, module: Tab2D) -> dict[str, np.ndarray]:
            return {part: np.zeros((len(y), 2)) for part, y in self.labels.items()}

        monkeypatch.setattr(Scoring, "probabilities", zeros)
        for method in ("pretrained", "default_ft"):
            record = run(tiny(), small(), f"method={method}")
            assert record["status"] == "failed"
            assert "do not sum to 1" in record["error"]["message"]
            assert (record["metrics"], record["chosen_step"]) == ({}, None)


# --- columns ------------------------------------------------------------------------------------

extreme = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e308, -1.7e308, 1e-320, 5e-324, 3.5e38, 1e39, 1e150, 0.0, math.nan]),
)


class TestColumns:
    @pytest.mark.long
    @few
    @given(column=st.lists(extreme, min_size=30, max_size=30))
    @example(column=[1e308, -1e308] * 15)
    @example(column=[1e-320 * i for i in range(30)])
    @example(column=[1e308] * 30)
    @example(column=[1e16 + 2 * i for i in range(30)])  # constant once it is a float32
    @example(column=[math.nan] * 29 + [1.7e308])
    @pytest.mark.parametrize("method", ["default_ft", "bootstrap"])
    def test_extreme_numbers_give_scores(self, method: str, column: list[float]) -> None:
        record = run(tiny(), small(extreme=column), f"method={method}")
        assert record["status"] == "done", record["error"]
        require_sound(record)
        for value in ((record["synthetic"] or {}).get("quality") or {}).values():
            assert value is None or math.isfinite(value)

    @few
    @given(column=st.lists(extreme, min_size=4, max_size=30), other=st.lists(extreme, min_size=3))
    def test_the_model_reads_finite_numbers_in_their_order(
        self, column: list[float], other: list[float]
    ) -> None:
        table = small(len(column)).select(["noise"])
        table = table.with_rows(table.X.assign(noise=column), table.y)
        encoder = Encoder(10).fit(table)
        rows = table.take(np.zeros(len(other), dtype=int))
        rows = rows.with_rows(rows.X.assign(noise=other), rows.y)
        for part in (table, rows):
            read = encoder.encode_x(part)
            assert np.isfinite(read).all()
            values = part.X["noise"].to_numpy()
            present = ~np.isnan(values)
            order = np.argsort(values[present], kind="stable")
            assert (np.diff(read[present][order], axis=0) >= 0).all()

    def test_columns_beyond_float32_keep_their_order_and_are_noted(self) -> None:
        y = np.arange(30) % 2
        table = small(tells=np.where(y, 1e300, -1e200) * (1 + np.arange(30)))
        encoder = Encoder(10).fit(table)
        assert encoder.rescaled_ == ("tells",)
        read = encoder.encode_x(table)[:, 0]
        assert read[y == 0].max() < 0 < read[y == 1].min()
        notes = run(tiny(), table, "method=pretrained")["data"]["notes"]
        assert [note for note in notes if "Column 'tells' holds numbers beyond float32" in note]

    def test_a_value_beyond_float32_lies_at_the_end_and_not_in_the_middle(self) -> None:
        """AutoGluon's preprocessor reads what float32 cannot hold as zero."""
        encoder = Encoder(10).fit(small(noise=np.arange(30.0)))
        far = encoder.encode_x(small(noise=np.where(np.arange(30) % 2, 1e300, -1e300)))[:, 1]
        assert far[0] < -1e38
        assert far[1] > 1e38

    def test_a_column_next_to_zero_keeps_its_values_apart(self) -> None:
        read = (
            Encoder(10)
            .fit(small(noise=np.arange(30) * 1e-320))
            .encode_x(small(noise=np.arange(30) * 1e-320))
        )
        assert len(np.unique(read[:, 1])) == 30

    @pytest.mark.long
    @few
    @given(
        ours=st.lists(extreme, min_size=8, max_size=8),
        theirs=st.lists(extreme, min_size=8, max_size=8),
    )
    def test_measures_of_synthetic_rows_are_finite_or_denied(
        self, ours: list[float], theirs: list[float]
    ) -> None:
        real, made = small(8, extreme=ours), small(8, extreme=theirs)
        with np.errstate(all="raise", under="ignore"):
            scores = quality(real, made, np.random.default_rng(0), real)
        for name, value in scores.items():
            assert value is not None or name in ("detection_auc", "detection_auc_unseen")
            assert value is None or math.isfinite(value), name

    def test_measures_do_not_hang_on_the_unit_of_a_column(self) -> None:
        ours, theirs = np.arange(30.0) ** 2, np.arange(30.0) ** 2 + 3
        expected = quality(small(extreme=ours), small(extreme=theirs), np.random.default_rng(0))
        for unit in (2.0**-1060, 2.0**-1000):
            scores = quality(
                small(extreme=ours * unit), small(extreme=theirs * unit), np.random.default_rng(0)
            )
            assert scores == pytest.approx(expected, rel=1e-9)


# --- generators ---------------------------------------------------------------------------------


class Speechless(Exception):
    def __str__(self) -> str:
        raise ValueError


class Broken(Generator):
    """Copies of the training rows, but for what went wrong."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.stays_in_range = how != "no range"

    def fit(self, table: Table, rng: np.random.Generator) -> Self:
        self.table_ = table
        match self.how:
            case "facts":
                self.facts_ = {"loss": math.nan}
            case "facts of half a character":
                self.facts_ = {"file": "\ud800"}
            case "facts of an object":
                self.facts_ = {"rows": table.y}
            case "endless facts":
                self.facts_ = {"rows": [0.5] * 10**6}
            case "half a character":
                raise ValueError("no file \udcff")
            case "a long word":
                raise ValueError("x" * 10**7)
            case "the end":
                raise SystemExit("it ends here")
            case "speechless":
                raise Speechless
        return self

    def sample(self, n: int, rng: np.random.Generator) -> Table:
        rows = self.table_.take(rng.integers(len(self.table_), size=n))
        X, y = rows.X.copy(), rows.y
        match self.how:
            case "one missing":
                X.iloc[0, 0] = math.nan
            case "all missing":
                X.iloc[:, 0] = math.nan
            case "infinite":
                X.iloc[0, 0] = math.inf
            case "absurd" | "no range":
                X.iloc[0, 0] = 1e300
            case "too few":
                return rows.take(range(n - 1))
        return rows.with_rows(X, y)


def with_broken(how: str, fresh: bool) -> Record:
    """A cell whose generator is broken in this way."""
    return run(
        tiny(),
        small(),
        "method=bootstrap",
        f"method.mixing.fresh={fresh}",
        "method.mixing.size=1.0",
        generator={"_target_": f"{__name__}.Broken", "how": how},
    )


class TestGenerators:
    @pytest.mark.parametrize(
        ("how", "told"),
        [
            ("one missing", "no number or level in 1 of 16 rows of column 'tells'"),
            ("all missing", "no number or level in 16 of 16 rows of column 'tells'"),
            ("infinite", "column 'tells': holds infinite values"),
            ("absurd", "gave 1e+300 in column 'tells', outside"),
            ("too few", "gave 15 rows, 16 were asked for"),
            ("facts", "facts hold a number that is none"),
            ("no range", None),
        ],
    )
    @pytest.mark.parametrize("fresh", [False, True])
    def test_rows_without_sense_fail_the_cell(
        self, how: str, told: str | None, fresh: bool
    ) -> None:
        record = with_broken(how, fresh)
        require_sound(record)
        if told is None:
            assert record["status"] == "done", record["error"]
        else:
            assert record["status"] == "failed"
            assert told in record["error"]["message"]

    @pytest.mark.long
    @pytest.mark.parametrize(
        ("how", "told"),
        [
            ("facts of half a character", "no JSON of whole characters"),
            ("facts of an object", "not JSON serializable"),
            ("endless facts", "facts have "),
            ("half a character", "no file \\udcff"),
            ("a long word", "xxx … xxx"),
            ("the end", "it ends here"),
            ("speechless", "failed"),
        ],
    )
    @pytest.mark.parametrize("fresh", [False, True])
    def test_whatever_a_generator_raises_or_tells_is_a_record_that_can_be_read(
        self, how: str, told: str, fresh: bool
    ) -> None:
        record = with_broken(how, fresh)
        assert record["status"] == "failed"
        assert told in record["error"]["message"]
        assert len(json.dumps(record)) < MOST
        record["cell"]["model"] = "mitra_nano"
        assert fault(seal(record)) is None

    def test_a_column_without_values_is_refused_where_training_rows_have_some(self) -> None:
        train = small(extreme=np.where(np.arange(30) % 3, np.nan, 1.0))
        rows = train.with_rows(train.X.assign(extreme=np.nan), train.y)
        with pytest.raises(BrokenPromise, match="no number or level at all in column 'extreme'"):
            require_rows(rows.take(np.arange(300) % 30), 300, train, True)
        require_rows(rows.take([1, 2]), 2, train, True)  # two rows may both lack it by chance
        unknown = rows.with_rows(train.X, train.y)
        require_rows(unknown, 30, train, True)
