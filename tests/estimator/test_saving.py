"""A model in a folder is the model: the same bits, and nothing that was changed is taken for it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from fitted_models import LEVELS, bits, fitted, schema_of, table
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_model import load as load_tiny

from bench.errors import BadInput, ModelError, TableError
from bench.estimator import context, manifest, whole_folder
from bench.estimator.fitted import Child
from bench.estimator.saving import check_folder, load, save
from bench.files import Unsound
from bench.table import Table

NETWORK = {"config.json", "model.safetensors"}
ONE = {*NETWORK, "context.parquet"}


def within(folder: str, names: set[str]) -> set[str]:
    return {f"{folder}/{name}" for name in names}


@pytest.mark.parametrize(
    ("given", "files"),
    [
        ({}, ONE),
        ({"problem": "regression"}, ONE),
        (
            {"moved": (0.0, 0.01, 0.0), "held_out": True},
            within("children/0", ONE)
            | within("children/1", ONE)
            | within("children/2", {"context.parquet"}),
        ),
    ],
    ids=["one child", "numeric target", "a bag"],
)
def test_a_loaded_model_predicts_the_same_bits(
    given: dict[str, Any], files: set[str], tmp_path: Path
) -> None:
    model = fitted(**given)
    before = bits(model)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert set(manifest.names(tmp_path / "model")) == files | {"manifest.json", "schema.json"}
    assert bits(loaded) == before
    assert len({path.stat().st_mode for path in (tmp_path / "model").rglob("*.*")}) == 1
    assert (loaded.report, loaded.schema) == (model.report, model.schema)
    assert [c.context.fingerprint() for c in loaded.children] == [
        c.context.fingerprint() for c in model.children
    ]
    save(loaded, tmp_path / "again")
    assert bits(load(tmp_path / "again")) == before


def test_levels_keep_their_order_and_numbers_their_bits(tmp_path: Path) -> None:
    save(fitted(), tmp_path / "model")
    read = load(tmp_path / "model").children[0].context
    assert list(read.X["job"].cat.categories) == LEVELS
    assert list(read.X["empty"].cat.categories) == []
    assert np.array_equal(read.X["job"].cat.codes, table().X["job"].cat.codes)
    assert read.X["age"].to_numpy()[1:].tobytes() == table().X["age"].to_numpy()[1:].tobytes()
    assert read.classes == ("left", "none", "stayed")


def test_whole_numbers_that_got_fractions_keep_them() -> None:
    rows = table()
    X = rows.X.assign(sibs=rows.X["sibs"] + 0.5)
    mixed = replace(rows, X=X, kinds={**rows.kinds, "sibs": "numeric"})
    read = context.decode(context.encode(mixed), schema_of(rows))
    assert read.fingerprint() == mixed.fingerprint()


def test_a_target_may_be_called_as_a_column() -> None:
    rows = replace(table(), target="job")
    read = context.decode(context.encode(rows), schema_of(rows))
    assert read.fingerprint() == rows.fingerprint()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@settings(max_examples=15, deadline=None)
@example([0.0, 1.0, 2.0], ["", "\0", "a\0"], ["a", "b", "y"], [0, 1, 2], [0.0, 1.0, 2.0])
@given(
    st.lists(st.floats(allow_infinity=False), min_size=3, max_size=3),
    st.lists(TEXT, unique=True, max_size=4),
    st.lists(TEXT, unique=True, min_size=3, max_size=3),
    st.lists(st.integers(-1, 3), min_size=3, max_size=3),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
)
def test_any_context_is_read_as_it_was(
    numbers: list[float], levels: list[str], names: list[str], codes: list[int], y: list[float]
) -> None:
    a, b, target = names
    known = pd.Categorical.from_codes([min(c, len(levels) - 1) for c in codes], levels)
    X = pd.DataFrame({a: numbers, b: known})
    rows = Table("made", X, np.array(y), {a: "numeric", b: "categorical"}, (), target)
    assert context.decode(context.encode(rows), schema_of(rows)).fingerprint() == rows.fingerprint()


def test_autogluon_loads_the_folder(tmp_path: Path) -> None:
    """Its own class, with the same weights, gives what our forward pass gives."""
    from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D

    model = fitted()
    save(model, tmp_path / "model")
    theirs = Tab2D.from_pretrained(str(tmp_path / "model"), device="cpu").eval()
    rows, encoder = table(), model.backbone.encoder(model.children[0].context)
    x = torch.from_numpy(encoder.encode_x(rows))[None]
    y = torch.from_numpy(encoder.encode_y(rows.y))[None]
    no = [torch.zeros(1, n, dtype=torch.bool) for n in (x.shape[2], len(rows), len(rows))]
    with torch.no_grad():
        told = theirs(x.clone(), y, x.clone(), *no)[0]
        ours = model.backbone.logits(model.children[0].module, x, y, x)[0]
    np.testing.assert_allclose(told, ours, atol=1e-5)
    of_encoder = encoder.decode(told.numpy(), rows.n_classes)
    np.testing.assert_allclose(of_encoder, model.predict(rows), atol=1e-5)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", "bü", "ccc"]),
        np.array(["a", True, 0.1], dtype=object),
        np.array([0.1, 2.0, 1e300]),
        np.array([1, 2, 3], dtype=np.uint8),
        np.array(["2020-01-01", "2021-01-01", "2022-01-01"], dtype="datetime64[ns]"),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_classes_come_back_as_they_were_written(labels: np.ndarray) -> None:
    saved = manifest.SavedLabels.of(labels)
    read = manifest.SavedLabels.model_validate(json.loads(json.dumps(saved.model_dump()))).array()
    assert read.dtype == labels.dtype
    assert read.tolist() == labels.tolist()
    assert [*map(type, read)] == [*map(type, labels)]


def test_numpy_s_text_among_objects_is_kept_as_text() -> None:
    labels = np.array([np.str_("a"), np.str_("b")], dtype=object)
    read = manifest.SavedLabels.of(labels).array()
    assert (read == labels).all()
    assert [*map(type, read)] == [str, str]


def test_no_path_of_this_machine_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    base = {"_target_": "x.y", "path": str(tmp_path / "base"), "device": "cpu", "sha256": None}
    model = fitted(model=base)
    settings = {"model": base, "cache_dir": str(tmp_path)}
    save(replace(model, report=replace(model.report, settings=settings)), tmp_path / "model")
    for file in (tmp_path / "model").iterdir():
        assert str(tmp_path).encode() not in file.read_bytes()
    loaded = load(tmp_path / "model")
    assert loaded.model["path"] == loaded.report.settings["model"]["path"] == "base"
    assert "_target_" not in loaded.model
    hub = {"path": "autogluon/mitra-classifier", "revision": "main"}
    save(fitted(model=hub), tmp_path / "model")
    assert load(tmp_path / "model").model["path"] == "autogluon/mitra-classifier"


# Where it may be written


def test_a_saved_model_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / "model"
    place.mkdir()  # an empty folder is nobody's
    save(fitted(), place)
    before = bits(load(place))
    other = fitted(moved=(0.02, 0.01))
    save(other, place)
    assert bits(load(place)) == bits(other) != before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def _notes(place: Path) -> None:
    place.mkdir()
    (place / "notes.txt").write_text("mine")


def _beside(place: Path) -> None:
    save(fitted(), place)
    (place / "notes.txt").write_text("mine")


def _of_later(place: Path) -> None:
    save(fitted(), place)
    edit(place, lambda told: told.update(format=2))


@pytest.mark.parametrize(
    ("lay", "why"),
    [
        (lambda place: place.write_text("mine"), "it is a file"),
        (lambda place: place.symlink_to(place.parent), "it is a link"),
        (_notes, "with other things than a saved model"),
        (_beside, "holds 'notes.txt' beside the model"),
        (_of_later, "with other things than a saved model"),
    ],
    ids=["a file", "a link", "another folder", "a file beside the model", "a later version's"],
)
def test_nothing_else_is_overwritten(lay: Callable[[Path], None], why: str, tmp_path: Path) -> None:
    lay(tmp_path / "model")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(BadInput, match=why):
        check_folder(tmp_path / "model")
    with pytest.raises(BadInput, match=why):
        save(fitted(), tmp_path / "model")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("here", [".", ".."])
def test_the_folder_one_is_in_is_not_replaced(
    here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(BadInput, match="it is the folder you are in, or one above it"):
        check_folder(here)
    assert check_folder("within") == tmp_path / "empty" / "within"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_model_that_cannot_be_written_leaves_the_old_one(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "model"
    save(fitted(), place)
    before = bits(load(place))

    def full(*given: object) -> None:
        raise error

    monkeypatch.setattr(context, "encode", full)
    told = BadInput if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(told) as raised:
        save(fitted(moved=(0.02,)), place)
    assert told is KeyboardInterrupt or "(No space left on device); nothing there" in str(
        raised.value
    )
    assert bits(load(place)) == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_where_folders_cannot_change_places_it_takes_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_folder, "_exchanged", lambda *paths: False)
    save(fitted(), tmp_path / "model")
    save(fitted(moved=(0.02,)), tmp_path / "model")
    assert bits(load(tmp_path / "model")) == bits(fitted(moved=(0.02,)))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    rename = os.rename

    def locked(one: Path, other: Path) -> None:
        if one.suffix == ".tmp" and other.name == "model":
            if other.exists():
                raise OSError(39, "Directory not empty")
            raise OSError(16, "Device or resource busy")
        rename(one, other)

    monkeypatch.setattr(os, "rename", locked)
    with pytest.raises(BadInput, match="busy"):
        save(fitted(), tmp_path / "model")
    assert bits(load(tmp_path / "model")) == bits(fitted(moved=(0.02,)))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_the_format_has_no_place_for_is_refused(tmp_path: Path) -> None:
    foreign = load_tiny()
    with pytest.raises(ModelError, match=r"class NeighbourModel cannot be saved: .* \(Tab2D\)"):
        save(fitted(backbone=foreign), tmp_path / "model")
    days = pd.to_datetime(["2020", "2021", "2022"]).astype(object).to_numpy()
    with pytest.raises(TableError, match="classes are of type Timestamp"):
        save(fitted(labels=days), tmp_path / "model")
    rows = table()
    rows.X["job"] = rows.X["job"].cat.rename_categories({"z": "\ud800"})
    with pytest.raises(TableError, match="no Unicode"):
        save(fitted(children=(Child(fitted().children[0].module, rows),)), tmp_path / "model")
    named = table().select(["age"])
    named = replace(named, X=named.X.set_axis(["\udc00"], axis=1), kinds={"\udc00": "numeric"})
    with pytest.raises(TableError, match="no Unicode"):
        context.encode(named)
    assert not list(tmp_path.iterdir())


# What is read is not believed


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    save(fitted(), folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest, and seal it again, with what the files are now."""
    path = folder / manifest.NAME
    told = json.loads(path.read_text())
    del told["checksum"]
    told["files"] = {
        name: manifest.saved_file(folder / name).model_dump()
        for name in manifest.names(folder)
        if name != manifest.NAME
    }
    change(told)
    path.write_text(json.dumps(manifest.sealed(told) | {"format": told["format"]}))


def cut(name: str, to: int = 40) -> Callable[[Path], None]:
    return lambda folder: os.truncate(folder / name, to)


def flipped(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def linked(folder: Path) -> None:
    (folder / "schema.json").rename(folder.parent / "schema.json")
    (folder / "schema.json").symlink_to(folder.parent / "schema.json")


def _fifo(folder: Path) -> None:
    (folder / "schema.json").unlink()
    os.mkfifo(folder / "schema.json")


DAMAGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "weights truncated": (
        cut("model.safetensors"),
        "'model.safetensors' has 40 bytes, not the 60,3",
    ),
    "a bit of the weights": (flipped, "'model.safetensors' was changed since"),
    "schema edited": (
        lambda f: (f / "schema.json").write_text((f / "schema.json").read_text()[:-1] + " "),
        "'schema.json' was changed since",
    ),
    "manifest truncated": (cut("manifest.json"), "manifest.json is not sound: it is no JSON"),
    "manifest edited": (
        lambda f: (f / "manifest.json").write_text(
            (f / "manifest.json").read_text().replace('"float32"', '"bfloat16"')
        ),
        "does not match its checksum",
    ),
    "manifest of something else": (
        lambda f: (f / "manifest.json").write_text("[1]"),
        "manifest.json is none of a saved model",
    ),
    "manifest huge": (cut("manifest.json", 2**25), "bytes, more than the 16,777,216 that are read"),
    "context lost": (lambda f: (f / "context.parquet").unlink(), "it lacks 'context.parquet'"),
    "a file more": (lambda f: (f / "run.pkl").touch(), "holds 'run.pkl', which is no part of it"),
    "a link": (linked, "schema.json is not sound: it is a link"),
    "a FIFO": (_fifo, "schema.json.* it is a FIFO"),
}


@pytest.mark.parametrize(("damage", "why"), DAMAGED.values(), ids=DAMAGED)
def test_what_was_changed_is_not_loaded(
    damage: Callable[[Path], object], why: str, copy: Path
) -> None:
    damage(copy)
    with pytest.raises(ModelError, match=rf"^The model in '.*' cannot be used: .*{why}") as raised:
        load(copy)
    assert str(raised.value).count("\n") == 0


def rewritten(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / "context.parquet"
        pq.write_table(change(pq.ParquetFile(path).read()), path)

    return write


def knowing(*columns: object) -> Callable[[pa.Table], pa.Table]:
    return lambda rows: rows.replace_schema_metadata({context.COLUMNS: json.dumps(columns)})


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        state = load_file(folder / "model.safetensors")
        change(state)
        save_file(state, folder / "model.safetensors")

    return write


def shape(**changed: Any) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changed))

    return write


def told(*keys: str | int, to: Any) -> Callable[[Path], None]:
    def change(manifest: dict[str, Any]) -> None:
        node: Any = manifest
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = to

    return lambda folder: edit(folder, change)


def _nan(state: dict[str, torch.Tensor]) -> None:
    next(iter(state.values())).fill_(torch.nan)


def _wider(state: dict[str, torch.Tensor]) -> None:
    name = next(iter(state))
    state[name] = torch.zeros(3, *state[name].shape)


def _holes(rows: pa.Table) -> pa.Table:
    return rows.set_column(4, "end", pa.array([None] * len(rows), pa.int64()))


MADE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a later format": (told("format", to=2), r"format 2 by version '0.1.0'; this is version"),
    "a format of text": (told("format", to="x"), "it was saved in format 'x'"),
    "another loader": (
        told("network", "_target_", to="os.system"),
        "it names 'os.system' as a loader, which no config does",
    ),
    "another model to ask for": (
        told("report", "settings", "model", to={"_target_": "os.system", "command": "x"}),
        "it names 'os.system' as a loader, which no config does",
    ),
    "a base model of others": (told("model", "_target_", to="os.system"), "names 'os.system'"),
    "a list for a loader": (
        told("report", "settings", "model", to={"_target_": ["os.system"]}),
        r"as a loader, which no config does",
    ),
    "another setting": (told("network", "run", to="x"), "are not its loader's: got an unexpected"),
    "a key more": (told("run", to="x"), "not as it is written: run: Extra inputs"),
    "a report of text": (told("report", "base", to="high"), "report .* is damaged: base: Input"),
    "a report of no rows": (told("report", "rows", to={}), "does not count rows"),
    "a score of no name": (told("report", "metric", to="f2"), "tells 'f2', which is no score"),
    "no children": (told("children", to=[]), "not as it is written: children"),
    "a child elsewhere": (told("children", 0, "network", to="../x"), "needs '../x/config.json'"),
    "a context elsewhere": (told("children", 0, "context", to="schema.json"), "schema.json is not"),
    "absurd limits": (told("network", "max_context", to=10**12), "max_context"),
    "classes lost": (told("labels", "values", to=[1]), "has 1 classes, and 3 in its schema.json"),
    "classes of no type": (told("labels", "dtype", to="<U2000000000"), "which is never saved"),
    "classes of another type": (told("labels", "values", to=["x"] * 3), "are not of type '<i8'"),
    "absurd dims": (shape(dim=10**9), "its dim is 1000000000, not a number from 1"),
    "many layers": (shape(n_layers=10**6), "its n_layers is 1000000, not a number from 1"),
    "other dims": (shape(dim=32), "damaged or of another kind"),
    "for another problem": (shape(task="REGRESSION"), "damaged or of another kind|regression"),
    "config huge": (cut("config.json", 2**21), "bytes, more than the 1,048,576 that are read"),
    "config no JSON": (cut("config.json", 9), "no JSON"),
    "NaN weights": (weights(_nan), "reach NaN"),
    "weights of another shape": (weights(_wider), "damaged or of another kind"),
    "weights lost": (weights(lambda state: state.popitem()), "Missing key"),
    "weights no safetensors": (cut("model.safetensors"), "damaged or of another kind"),
    "another column": (
        rewritten(lambda t: t.rename_columns(["age", "sibs", "task", "empty", "end"])),
        "its columns are not the schema's: it lacks 'job'",
    ),
    "a column more": (
        rewritten(lambda t: t.append_column("x", t["age"])),
        "not the schema's: it has 'x' too",
    ),
    "another order": (
        rewritten(lambda t: t.select(["sibs", "age", "job", "empty", "end"])),
        "not the schema's: it has another order",
    ),
    "numbers as text": (
        rewritten(lambda t: t.set_column(0, "age", t["job"])),
        "'age' is of type string",
    ),
    "no levels": (
        rewritten(lambda t: t.replace_schema_metadata()),
        "which levels its columns know",
    ),
    "levels lost": (
        rewritten(
            lambda t: t.replace_schema_metadata(
                {context.COLUMNS: '["numeric", "integer", ["z"], []]'}
            )
        ),
        "'b' is no known level|'ü' is no known level|'' is no known level",
    ),
    "levels of whole numbers": (
        rewritten(knowing("x", [], "x", [])),
        "its column 'age' is 'x', in the schema numeric",
    ),
    "levels of numbers": (
        rewritten(
            lambda t: t.replace_schema_metadata({context.COLUMNS: '["numeric", "integer", [1], 2]'})
        ),
        "context.parquet is not sound",
    ),
    "rows lost": (rewritten(lambda t: t.slice(0, 0)), "it has 0 rows of 5 columns"),
    "a target lost": (rewritten(_holes), "a row of it has no target"),
    "a class of no name": (
        rewritten(lambda t: t.set_column(4, "end", pa.array([7] * len(t)))),
        "class codes outside 0 … 2",
    ),
    "no parquet": (cut("context.parquet"), "it is no parquet file that can be read"),
    "schema lost": (lambda f: (f / "schema.json").unlink(), "needs 'schema.json', which it lacks"),
    "schema no JSON": (cut("schema.json"), "no JSON"),
}


@pytest.mark.parametrize(("make", "why"), MADE.values(), ids=MADE)
def test_what_was_made_to_fit_its_hashes_is_not_believed(
    make: Callable[[Path], object], why: str, copy: Path
) -> None:
    make(copy)
    if "format" not in why:
        edit_hashes(copy)
    with pytest.raises(ModelError, match=why) as raised:
        load(copy)
    assert str(raised.value).count("\n") == 0


def edit_hashes(folder: Path) -> None:
    edit(folder, lambda manifest: None)


def test_a_file_of_few_bytes_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MOST_VALUES", 149)
    with pytest.raises(Unsound, match="30 rows of 5 columns; expected are 1 to 149 values"):
        context.decode(context.encode(table()), fitted().schema)


def test_where_no_model_is_a_sentence_says_so(copy: Path) -> None:
    with pytest.raises(ModelError, match=r"^There is no saved model '.*nowhere'; expected a"):
        load(copy / "nowhere")
    with pytest.raises(ModelError, match=r"manifest.json' is a file; expected a folder"):
        load(copy / "manifest.json")
    (copy / "manifest.json").unlink()
    with pytest.raises(
        ModelError, match=r"no manifest\.json; a checkpoint is fine-tuned with model=mi"
    ):
        load(copy)
    (copy / "config.json").unlink()
    with pytest.raises(ModelError, match=r"holds no saved model: it has no manifest.json\.$"):
        load(copy)


def test_a_device_that_is_not_here_is_no_damage(saved: Path) -> None:
    with pytest.raises(ModelError, match=r"^Unknown device 'tpu'"):
        load(saved, device="tpu")


def test_a_link_to_the_folder_is_followed(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(copy)
    assert bits(load(tmp_path / "latest")) == bits(fitted())


def test_hidden_files_of_a_system_do_no_harm(copy: Path) -> None:
    (copy / ".DS_Store").touch()
    assert bits(load(copy)) == bits(fitted())
