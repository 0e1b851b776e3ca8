"""A cell that starts from weights fine-tuned on other tables, which all such cells share."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import tiny_model
from one_cell import run
from safetensors.torch import load_file
from torch import Tensor

from bench.cell.record import Record, results_of
from bench.datasets.embedded import load
from bench.table import Table

MODEL = tiny_model.load()
IRIS = load("iris")
TRANSFER = (
    "transfer=real",
    "transfer.tables=[haberman,tae,penguins]",
    "transfer.support=[16]",
    "transfer.finetune.steps=6",
    "transfer.finetune.lr=0.05",
    "transfer.finetune.eval_every=1",
)


def adapted(
    folder: Path | str,
    *words: str,
    table: Table = IRIS,
    model: Any = MODEL,
    method: str = "pretrained",
) -> Record:
    made = run(model, table, f"method={method}", f"results_dir={folder}", *TRANSFER, *words)
    assert made["status"] in ("done", "not_applicable"), made["error"]
    return made


@cache
def base() -> tuple[Path, Record]:
    """A folder with weights, and the record of the cell that made them."""
    folder = Path(mkdtemp())
    return folder, adapted(folder)


def weights(folder: Path) -> dict[str, Tensor]:
    (path,) = folder.glob("weights/*.safetensors")
    return load_file(path)


def with_weights(which: str) -> Any:
    """The model, with those of the chosen or of the last step in its place."""
    module = MODEL.copy()
    kept = {k.removeprefix(which): v for k, v in weights(base()[0]).items() if k.startswith(which)}
    module.load_state_dict(kept)
    return replace(MODEL, module=module.eval(), weights_hash="")


# --- what decides the weights ------------------------------------------------------------------


def test_cells_of_another_validation_share_have_weights_of_their_own(tmp_path: Path) -> None:
    adapted(tmp_path / "one")
    beside = adapted(tmp_path / "one", "validation_share=0.4")
    alone = adapted(tmp_path / "two", "validation_share=0.4")
    assert not beside["timings"]["transfer"]["shared"]
    assert results_of(beside) == results_of(alone)
    assert beside["transfer"]["key"] != base()[1]["transfer"]["key"]
    assert beside["transfer"]["weights"] != base()[1]["transfer"]["weights"]
