"""A cell that starts from weights fine-tuned on other tables, which all such cells share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import tiny_model
import torch
from omegaconf import DictConfig, OmegaConf
from one_cell import composed, run
from safetensors.torch import load_file

from bench.cell.adapted import _encode, adapt
from bench.cell.check import inconsistencies
from bench.cell.corpus import corpus_of
from bench.cell.identity import identity, learned_from
from bench.cell.record import Record, fault, results_of, seal
from bench.datasets import embedded
from bench.datasets.splits import split
from bench.files import plain
from bench.generator import NotApplicable
from bench.models.base import Backbone
from bench.process import Clock
from bench.table import Table
from generators.bootstrap import Bootstrap

MODEL = tiny_model.load()
IRIS = embedded.load("iris")
TRANSFER = (
    "transfer.tables=[haberman,tae,penguins]",
    "transfer.support=[16]",
    "transfer.finetune.steps=6",
    "transfer.finetune.lr=0.05",
    "transfer.finetune.eval_every=1",
)
TUNED = ("finetune.steps=3", "finetune.eval_every=1")


def adapted(
    folder: Path | str,
    *words: str,
    table: Table = IRIS,
    model: Backbone = MODEL,
    method: str = "pretrained",
    arm: str = "real",
) -> Record:
    """A cell's record; its weights are kept in the folder."""
    sources = () if arm == "none" else (f"transfer={arm}", *TRANSFER)
    return run(model, table, f"method={method}", f"results_dir={folder}", *sources, *words)


@cache
def base() -> tuple[Path, Record]:
    """A folder with weights, and the record of the cell that made them."""
    folder = Path(mkdtemp())
    return folder, adapted(folder)


def kept(folder: Path) -> Path:
    """The folder's one file of weights."""
    (path,) = (folder / "weights").glob("*.safetensors")
    return path


def config(*words: str, arm: str = "real") -> DictConfig:
    return composed(("dataset=iris", "method=pretrained", f"transfer={arm}", *TRANSFER, *words))


def changed(table: Table, rows: np.ndarray) -> Table:
    """Other features and labels in these rows."""
    X, y = table.X.copy(), table.y.copy()
    for name, values in X.items():
        taken = values.iloc[rows].to_numpy()[::-1]
        X.iloc[rows, X.columns.get_loc(name)] = (
            taken if name in table.categorical else taken * 2 + 1
        )
    y[rows] = np.random.default_rng(0).permutation(y[rows])
    return replace(table, X=X, y=y)


# --- what decides the weights ------------------------------------------------------------------


@pytest.mark.long
def test_cells_of_another_validation_share_have_weights_of_their_own(tmp_path: Path) -> None:
    adapted(tmp_path / "one")
    beside = adapted(tmp_path / "one", "validation_share=0.4")
    alone = adapted(tmp_path / "two", "validation_share=0.4")
    assert not beside["timings"]["transfer"]["shared"]
    assert results_of(beside) == results_of(alone)
    assert beside["transfer"]["key"] != base()[1]["transfer"]["key"]
    assert beside["transfer"]["weights"] != base()[1]["transfer"]["weights"]


def test_two_folders_have_the_same_weights_and_a_second_cell_finds_them(tmp_path: Path) -> None:
    folder, one = base()
    assert results_of(adapted(tmp_path)) == results_of(one)
    again = adapted(folder, "fold=1")
    assert again["timings"]["transfer"]["shared"]
    assert not one["timings"]["transfer"]["shared"]
    assert again["transfer"]["weights"] == one["transfer"]["weights"]
    assert fault(seal(one)) is None
    assert list(inconsistencies(one)) == []


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_no_row_of_the_target_is_learned_from(part: str, tmp_path: Path) -> None:
    table = changed(IRIS, getattr(split(IRIS, 0), part))
    other, one = adapted(tmp_path, table=table), base()[1]
    assert other["metrics"] != one["metrics"]
    for name in one["transfer"].keys() - {"in_context"}:
        assert other["transfer"][name] == one["transfer"][name], name


@pytest.mark.long
def test_test_rows_of_a_held_out_table_choose_the_step_and_teach_nothing(tmp_path: Path) -> None:
    base()  # torch is told to be deterministic
    found = corpus_of(config(), IRIS)
    (held_out,) = found.held_out
    other = replace(found, held_out=(changed(held_out, split(held_out, 0).test),))
    one, two = (
        adapt(
            OmegaConf.to_object(config(f"results_dir={tmp_path}/{n}")), of, MODEL, "code", Clock()
        )
        for n, of in enumerate((found, other))
    )
    assert one.told["curves"]["held_out"] != two.told["curves"]["held_out"]
    assert one.told["curves"]["train_loss"] == two.told["curves"]["train_loss"]
    for name, values in one.last.state_dict().items():
        assert torch.equal(values, two.last.state_dict()[name]), name


# --- files that are not what was kept ----------------------------------------------------------


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def edited(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def foreign(path: Path) -> None:
    state = load_file(path)
    path.write_bytes(_encode("f" * 32, {}, state))


def of_another_model(path: Path) -> None:
    state = {name: values.reshape(-1)[:1].clone() for name, values in load_file(path).items()}
    path.write_bytes(_encode(path.stem, {}, state))


def linked(path: Path) -> None:
    whole = path.replace(path.parent.parent / "whole")
    path.symlink_to(whole)


def waiting(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (truncated, "it holds no weights of ours"),
        (edited, "its content does not match its hash"),
        (foreign, "it holds the weights of other tables, another arm or another seed"),
        (of_another_model, "its weights are not those of the model"),
        (linked, "link"),
        (waiting, "FIFO"),
    ],
)
def test_what_is_not_the_file_that_was_kept_is_set_aside_and_made_again(
    harm: Callable[[Path], None], told: str, tmp_path: Path
) -> None:
    folder, one = base()
    shutil.copytree(folder / "weights", tmp_path / "weights")
    whole, once = kept(folder).read_bytes(), load_file(kept(folder))
    harm(kept(tmp_path))
    again = adapted(tmp_path)
    assert results_of(again) == results_of(one)
    assert not again["timings"]["transfer"]["shared"]
    made = load_file(kept(tmp_path))
    assert made.keys() == once.keys()
    assert all(torch.equal(made[name], once[name]) for name in once)
    (note,) = (tmp_path / "set_aside").rglob("*.txt")
    assert told in note.read_text()
    assert adapted(tmp_path)["timings"]["transfer"]["shared"]
    if harm is linked:
        assert (tmp_path / "whole").read_bytes() == whole


# --- the identity ------------------------------------------------------------------------------


def hash_of(*words: str, arm: str = "real") -> str:
    return identity(config(*words, arm=arm), IRIS)["hash"]


@pytest.mark.long
def test_whatever_decides_the_weights_makes_another_cell() -> None:
    every = [
        hash_of(),
        hash_of(arm="bootstrap"),
        hash_of(arm="noise"),
        hash_of("transfer.tables=[haberman,tae,penguins,glass]"),
        hash_of("transfer.domain=other", "transfer.tables=null"),
        hash_of("transfer.tables=[haberman,tae,penguins,glass]", "transfer.share=0.5"),
        hash_of("seed=1"),
        hash_of("transfer.support=[16,32]"),
        hash_of("transfer.finetune.steps=7"),
        hash_of("transfer.finetune.lr=0.04"),
        hash_of("transfer.finetune.select_by=log_loss"),
        hash_of("validation_share=0.4"),
        identity(composed(("dataset=iris", "method=pretrained")), IRIS)["hash"],
    ]
    assert len(set(every)) == len(every)
    named = ("method.name=x", "transfer.method.name=x", "results_dir=elsewhere", "threads=2")
    assert [hash_of(word) for word in named] == [hash_of()] * len(named)


def test_a_changed_source_is_another() -> None:
    found, transfer = corpus_of(config(), IRIS), plain(config().transfer)
    for part in ("train", "held_out"):
        first, *others = getattr(found, part)
        other = replace(found, **{part: (changed(first, np.arange(9)), *others)})
        assert learned_from(transfer, other) != learned_from(transfer, found)


def test_without_sources_nothing_names_a_transfer(tmp_path: Path) -> None:
    off, on = adapted(tmp_path, arm="none"), base()[1]
    for of in ("settings", "timings"):
        assert "transfer" in on[of]
        assert "transfer" not in off[of]
    assert "transfer" not in off["identity"]["parts"]
    assert off["transfer"] is None
    assert not (tmp_path / "weights").exists()


# --- what the target is scored with ------------------------------------------------------------


@cache
def with_weights(which: str) -> Backbone:
    """The model with the weights that were kept of a step."""
    module = MODEL.copy()
    state = load_file(kept(base()[0]))
    module.load_state_dict(
        {name.removeprefix(which): v for name, v in state.items() if name.startswith(which)}
    )
    return replace(MODEL, module=module.eval(), weights_hash="")


def test_in_context_the_published_the_chosen_and_the_last_weights_are_scored() -> None:
    folder, one = base()
    assert one["metrics"]["pretrained"] == adapted(folder, arm="none")["metrics"]["pretrained"]
    for which, when in (("chosen:", "chosen"), ("last:", "last")):
        plainly = adapted(folder, arm="none", model=with_weights(which))
        assert one["metrics"][when] == plainly["metrics"]["pretrained"]
        assert one["metrics"][when] != one["metrics"]["pretrained"]
    assert 0 < one["transfer"]["chosen_step"] <= one["transfer"]["last_step"] == 6


@pytest.mark.long
@pytest.mark.parametrize("words", [(), ("finetune.bag=3",)], ids=["alone", "a bag"])
def test_fine_tuning_on_the_target_starts_from_the_chosen_weights(words: tuple[str, ...]) -> None:
    folder, in_context = base()
    made = adapted(folder, *TUNED, *words, method="default_ft")
    model = with_weights("chosen:")
    same = adapted(folder, *TUNED, *words, method="default_ft", arm="none", model=model)
    published = adapted(folder, *TUNED, *words, method="default_ft", arm="none")
    for name in ("curves", "chosen_step", "last_step", "children"):
        assert made[name] == same[name]
    assert made["metrics"]["chosen"] != published["metrics"]["chosen"]
    for when in ("chosen", "last"):
        assert made["metrics"][when] == same["metrics"][when]
    assert made["metrics"]["pretrained"] == published["metrics"]["pretrained"]
    if not words:
        first = {name: values[0] for name, values in made["curves"]["test"].items()}
        chosen = in_context["metrics"]["chosen"]["test"]
        assert first == {name: chosen[name] for name in first}


# --- other problems, and arms that do not serve every source -----------------------------------


def test_numeric_targets_are_learned_from_for_a_numeric_target(tmp_path: Path) -> None:
    model = tiny_model.load(problem="regression")
    target, *sources = sorted(map(embedded.load, embedded.names("regression")), key=len)[:5]
    words = (f"transfer.tables=[{','.join(table.name for table in sources)}]",)
    made = adapted(tmp_path, *words, "transfer.finetune.steps=2", table=target, model=model)
    assert made["status"] == "done", made["error"]
    assert fault(seal(made)) is None
    assert list(inconsistencies(made)) == []
    assert made["transfer"]["in_context"]["adapted"]["rmse"][0] > 0
    assert made["transfer"]["curves"]["held_out"].keys() >= {"rmse"}


class Picky(Bootstrap):
    """Serves all tables but those that it is told."""

    def __init__(self, refused: list[str], stratified: bool) -> None:
        super().__init__(stratified)
        self.refused = refused

    def fit(self, table: Table, rng: np.random.Generator) -> Picky:
        if table.name in self.refused:
            raise NotApplicable(f"It does not like {table.name}.")
        super().fit(table, rng)
        return self


@pytest.mark.long
def test_a_source_that_the_arm_cannot_serve_is_dropped_and_too_few_are_no_corpus(
    tmp_path: Path,
) -> None:
    tables = "transfer.tables=[haberman,tae,penguins,hepatitis]"
    first, second, third = (table.name for table in corpus_of(config(tables), IRIS).train)
    kind = f"transfer.method.generator._target_={__name__}.Picky"
    refused = "+transfer.method.generator.refused=[%s]"
    made = adapted(tmp_path, tables, kind, refused % second, arm="bootstrap")
    assert made["status"] == "done", made["error"]
    assert made["transfer"]["sources"] == [first, third]
    assert made["transfer"]["dropped"] == {second: f"It does not like {second}."}
    assert fault(seal(made)) is None

    none = adapted(tmp_path, tables, kind, refused % f"{first},{second}", arm="bootstrap")
    assert none["status"] == "not_applicable"
    assert none["error"]["message"] == (
        f"Of the sources 1 can be learned from: It does not like {first}."
    )
    assert fault(seal(none)) is None
