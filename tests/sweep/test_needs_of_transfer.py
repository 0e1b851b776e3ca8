"""A cell's source tables are needed like its own: planned, fetched, told where they lack."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openml_server import Server, generated, serving

from bench.cell.store import Store
from bench.cli import main

SUPPORT = Path(__file__).parents[1] / "support" / "conf" / "model"
YAML = "defaults: [openml, _self_]\nname: far/{name}\ntask_id: {number}\ndomain: finance\n"
OWN = "defaults: [csv, _self_]\npath: {path}\ntarget: label\ndomain: healthcare\n"
FAR = {"one": 1, "two": 2}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(sys, "argv", sys.argv)  # `main` sets it for Hydra
    with serving() as server:
        for number in FAR.values():
            server.add(generated(number))
        yield server


@pytest.fixture
def words(server: Server, tmp_path: Path) -> list[str]:
    """Of a cell with two sources that are fetched, a person's own and an embedded one."""
    folder = tmp_path / "conf"
    (folder / "dataset" / "far").mkdir(parents=True)
    shutil.copytree(SUPPORT, folder / "model")
    for name, number in FAR.items():
        (folder / "dataset" / "far" / f"{name}.yaml").write_text(
            YAML.format(name=name, number=number)
        )
    rows = "\n".join(f"{i * 7 % 60},{i * i},{'no' if i % 3 else 'yes'}" for i in range(60))
    (tmp_path / "mine.csv").write_text(f"age,weight,label\n{rows}\n")
    (folder / "dataset" / "mine.yaml").write_text(OWN.format(path=tmp_path / "mine.csv"))
    return [
        *("--config-dir", str(folder), "dataset=iris", "model=tiny", "method=pretrained"),
        *("transfer=real", "transfer.tables=[tae,far/one,mine,far/two]"),
        *("transfer.finetune.steps=2", "transfer.finetune.eval_every=2"),
        *(f"openml.server={server.url}", f"openml.cache_dir={tmp_path}/cache"),
        *("openml.timeout=2", "openml.tries=1", f"results_dir={tmp_path}/results"),
    ]


@pytest.mark.long
def test_sources_are_planned_fetched_and_used_offline(
    words: list[str], server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", *words]) == 0
    told = capsys.readouterr().out
    assert "tables    2 of 4 here; " in told
    assert "gets far/one, far/two" in told
    assert "to do           1" in told

    assert main(["run", "-m", *words, "offline=true"]) == 2
    told = capsys.readouterr().err
    assert "offline=true, and this machine lacks the tables far/one, far/two; " in told
    assert main(["run", *words, "offline=true"]) == 2
    assert "transfer.tables, 'far/one': Dataset 'far/one' is not on" in capsys.readouterr().err
    assert list(Store(tmp_path / "results").records()) == []

    assert main(["fetch", *words]) == 0
    assert "[tables 4/4] far/two: 60 rows" in capsys.readouterr().out
    server.fault("500", "task")  # from here on everything works without the server

    assert main(["run", *words, "offline=true"]) == 0
    (record,) = Store(tmp_path / "results").records()
    moved = record["transfer"]
    assert sorted(moved["sources"] + moved["held_out"]) == ["far/one", "far/two", "mine", "tae"]
    assert moved["domains"] == ["finance", "healthcare", "other"]
    assert main(["plan", *words]) == 0
    told = capsys.readouterr().out
    assert "done            1" in told
    assert "tables    4 of 4 here" in told

    again = [str(tmp_path / "results"), *words[:2], *words[-5:-3]]
    assert main(["verify", *again]) == 0
    assert "Reproduced: 1 of 1 cell, 1 to the bit." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ("[tae,glass,nowhere]", "transfer.tables names 'nowhere', and no dataset is called so."),
        ("[tae,glass]", "transfer: 2 source tables of classification are left for 'iris'"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_what_cannot_be_a_source_is_told_in_one_sentence(
    verb: str, tables: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "argv", sys.argv)
    words = ["dataset=iris", "transfer=real", f"transfer.tables={tables}"]
    assert main([verb, *words, f"results_dir={tmp_path}"]) == 2
    output = capsys.readouterr()
    assert f"bench: {told}" in output.err
    assert "Traceback" not in output.err
    assert output.err.count("\n") == 1
    assert list(Store(tmp_path).records()) == []


@pytest.mark.long
def test_two_sources_of_one_name_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    twin = Path(words[1], "dataset", "mine.yaml")
    twin.write_text(f"{twin.read_text()}name: tae\n")
    tables = "transfer.tables=[tae,glass,mine,penguins]"
    asked = [word for word in words if not word.startswith(("openml.", "transfer.tables"))]
    assert main(["run", *asked, tables]) == 2
    told = "bench: Two of transfer.tables are called 'tae'; give one a name of its own.\n"
    assert capsys.readouterr().err == told
