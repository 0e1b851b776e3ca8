"""When a device's memory runs out: smaller chunks, the same but for rounding; then less support.

There is no GPU here: torch's own error is raised where the stubbed pass is too large.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from composing import composing
from hydra import compose

from bench.cell import run as way
from bench.cell.identity import identity, score_fingerprints
from bench.cell.record import Record
from bench.datasets import embedded
from bench.finetune import loop
from bench.finetune.settings import Precision
from bench.models.memory import LEAST_QUERIES, LessSupport, Memory, OutOfMemory
from bench.models.tab2d import forward as lean
from bench.models.tab2d.checkpoint import Checkpoint, load
from bench.models.tab2d.forward import Context


def out_of_memory() -> torch.cuda.OutOfMemoryError:
    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class TestMemory:
    def test_chunks_are_halved_until_a_pass_fits(self) -> None:
        memory, tried = Memory(scoring=256), []

        def compute(chunk: int) -> str:
            tried.append(chunk)
            if chunk > 50:
                raise out_of_memory()
            return "done"

        assert memory.attempt("scoring", compute, n_support=500, n_queries=900) == "done"
        assert tried == [256, 128, 64, 32]
        assert memory.attempt("scoring", compute, n_support=500, n_queries=900) == "done"
        assert tried[4:] == [32]  # what did not fit once is not tried again
        assert memory.notes[-1] == (
            "The device ran out of memory in scoring: 32 query rows at a time instead of 64."
        )

    def test_all_rows_go_at_once_where_nothing_was_said(self) -> None:
        memory, tried = Memory(), []

        def compute(chunk: int) -> None:
            tried.append(chunk)
            if chunk > 100:
                raise out_of_memory()

        for n_queries in (60, 128, 96, 50):
            memory.attempt("training", compute, n_support=500, n_queries=n_queries)
        assert tried == [60, 128, 64, 64, 50]

    def test_then_the_support_is_halved_and_the_cell_begins_anew(self) -> None:
        memory = Memory()

        def never(chunk: int) -> None:
            raise out_of_memory()

        with pytest.raises(LessSupport):
            memory.attempt("training", never, n_support=300, n_queries=LEAST_QUERIES)
        assert memory.support == 150
        assert (memory.limit(400), memory.limit(100)) == (150, 100)
        with pytest.raises(OutOfMemory, match="for training with 100 support rows and 16"):
            memory.attempt("training", never, n_support=100, n_queries=90)

    def test_other_errors_pass(self) -> None:
        def broken(chunk: int) -> None:
            raise RuntimeError("a bug")

        memory = Memory(scoring=256)
        with pytest.raises(RuntimeError, match="a bug"):
            memory.attempt("scoring", broken, n_support=300, n_queries=900)
        assert (memory.chunks, memory.notes) == ({"scoring": 256}, [])


@pytest.fixture(scope="module")
def nano() -> Checkpoint:
    return load(None, 500, 8192, "cpu")


def run(checkpoint: Checkpoint, *overrides: str) -> Record:
    """A cell's record, in this process."""
    with composing():
        cfg = compose("config", ["dataset=haberman", "finetune.steps=2", *overrides])
    table = embedded.load("haberman")
    names = {"dataset": "haberman", "domain": "other", "method": "default_ft", "fold": 0, "seed": 0}
    what, scores = identity(cfg, table), score_fingerprints()
    return way.run(cfg, names, table, checkpoint, what, "code", scores)


def notes_on_memory(record: Record) -> list[str]:
    return [note for note in record["data"]["notes"] if "out of memory" in note]


class TestACell:
    def test_smaller_chunks_give_the_same_scores_but_for_rounding(
        self, nano: Checkpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        roomy = run(nano)
        forward, logits = lean.forward, Context._logits

        def small_forward(model: Any, x: Any, y: Any, x_query: torch.Tensor) -> torch.Tensor:
            if x_query.shape[1] > 20:
                raise out_of_memory()
            return forward(model, x, y, x_query)

        def small_logits(self: Context, x_query: torch.Tensor) -> torch.Tensor:
            if x_query.shape[1] > 40:
                raise out_of_memory()
            return logits(self, x_query)

        monkeypatch.setattr(lean, "forward", small_forward)
        monkeypatch.setattr(Context, "_logits", small_logits)
        tight = run(nano)
        assert tight["status"] == "done", tight["error"]
        assert [note.partition(":")[0] for note in notes_on_memory(tight)] == [
            *["The device ran out of memory in scoring"] * 2,
            *["The device ran out of memory in training"],
        ]
        for of in (
            lambda r: r["curves"]["train_loss"],
            lambda r: r["curves"]["validation"]["log_loss"],
            lambda r: r["curves"]["test"]["log_loss"],
        ):
            a, b = (np.array(of(r), dtype=float) for r in (roomy, tight))
            # Rounding of two steps; a row too many or too few would show in the third digit.
            np.testing.assert_allclose(a, b, atol=2e-5, equal_nan=True)

    def test_a_smaller_support_is_a_cell_with_less_context_from_the_start(
        self, nano: Checkpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        encode = Context.encode.__func__

        def small(cls: type[Context], model: Any, x: torch.Tensor, y: Any) -> Context:
            if x.shape[1] > 100:
                raise out_of_memory()
            context: Context = encode(cls, model, x, y)
            return context

        monkeypatch.setattr(Context, "encode", classmethod(small))
        # From the start as small as the tight run's become: other chunks round differently.
        monkeypatch.setattr(way, "CHUNK", LEAST_QUERIES)
        tight = run(nano)
        assert tight["status"] == "done", tight["error"]
        rows = tight["data"]["rows"]["train"]
        assert (
            f"with {rows} support rows: the cell began anew with at most {rows // 2}"
            in (notes_on_memory(tight)[-1])
        )
        expected = run(replace(nano, max_context=rows // 2), f"finetune.max_support={rows // 2}")
        assert tight["metrics"] == expected["metrics"]
        assert tight["curves"] == expected["curves"]
        told = f"In scoring, {rows // 2} of {rows} training rows are the context."
        assert told in tight["data"]["notes"]
        assert told in expected["data"]["notes"]

    def test_a_device_that_is_too_small_is_a_failed_record(
        self, nano: Checkpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(*_: Any) -> None:
            raise out_of_memory()

        monkeypatch.setattr(Context, "encode", never)
        record = run(nano)
        assert record["status"] == "failed"
        assert "The device has no memory for scoring" in record["error"]["message"]


def test_auto_is_bfloat16_on_a_gpu_and_float32_elsewhere() -> None:
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert loop.is_bfloat16(Precision.auto, gpu)
    assert not loop.is_bfloat16(Precision.auto, cpu)
    assert loop.is_bfloat16(Precision.bfloat16, cpu)
    assert not loop.is_bfloat16(Precision.float32, gpu)


@pytest.mark.gpu
def test_a_cell_runs_on_a_gpu_and_agrees_with_the_processor() -> None:
    on_gpu = run(load(None, 500, 8192, "cuda"))
    on_cpu = run(load(None, 500, 8192, "cpu"))
    assert on_gpu["status"] == "done", on_gpu["error"]
    assert on_gpu["provenance"]["device"] == "cuda"
    for part in ("validation", "test"):
        a, b = (r["metrics"]["pretrained"][part]["log_loss"] for r in (on_gpu, on_cpu))
        assert a == pytest.approx(b, abs=1e-3)


@pytest.mark.gpu
def test_the_same_cell_on_the_same_gpu_gives_the_same_bits() -> None:
    first, second = (run(load(None, 500, 8192, "cuda"), "finetune.precision=auto") for _ in "ab")
    assert first["status"] == "done", first["error"]
    assert first["provenance"]["precision"] == "bfloat16"
    assert (first["metrics"], first["curves"]) == (second["metrics"], second["curves"])
