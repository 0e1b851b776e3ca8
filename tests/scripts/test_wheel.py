"""A built wheel is whole: every verb works from it, in any folder, and computes the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from wheels import built, pip

from bench.cell.identity import code_fingerprint
from bench.files import CONF

# One process for all verbs: importing torch for each would take most of the time.
VERBS = """
import sys
from pathlib import Path
import bench, generators
from bench.cli import main
from bench.cell.identity import code_fingerprint
from bench.datasets.embedded import DATA

own, site = sys.argv[1], Path(sys.argv[2])
assert Path(bench.__file__).is_relative_to(site) and Path(generators.__file__).is_relative_to(site)
print("code", code_fingerprint(["generators.bootstrap"]))
for words in (
    ["run", "dataset=iris", "methods=[pretrained,bootstrap]", "finetune.steps=1"],
    ["run", "--config-dir", own, "dataset=iris", "method=mine", "finetune.steps=1"],
    ["plan", "--config-dir", own, "dataset=iris", "method=mine", "finetune.steps=1"],
    ["graph", "dataset=iris", "method.generator.discovery.resamples=1"],
    ["report", "results/single"],
    ["status", "results/single"],
    ["show", "iris/pretrained/0", "results/single"],
    ["diff", "results/single", "results/single"],
    ["verify", "results/single", "--config-dir", own, "--all"],
    ["fetch", "dataset=iris"],
    ["fit", "dataset=iris", "method=default_ft", "finetune.steps=1", "out=model"],
    ["predict", "model", str(DATA / "iris.parquet"), "out=told.csv"],
):
    code = main(words)
    print("ENDED", words[0], code, flush=True)
    assert code == 0, words
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip("install", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def run(site: Path, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """In another folder, with nothing of the checkout on the way to modules."""
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.long
def test_it_holds_every_config_and_nothing_twice(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    packed = {name.removeprefix("bench/_conf/") for name in names if "/_conf/" in name}
    assert packed == {str(p.relative_to(CONF)) for p in Path(CONF).rglob("*") if p.is_file()}
    assert not [name for name in names if name.startswith(("conf/", "tests/", "scripts/"))]


@pytest.mark.long
def test_the_command_and_the_module_teach_themselves(site: Path, tmp_path: Path) -> None:
    command = run(site, tmp_path, sys.executable, str(site / "bin" / "causalmixft"), "--help")
    module = run(site, tmp_path, sys.executable, "-m", "bench", "--help")
    assert command.returncode == module.returncode == 0, command.stderr + module.stderr
    assert "usage: causalmixft VERB" in command.stdout
    assert "causalmixft run dataset=credit-g" in command.stdout
    assert "python -m bench" not in command.stdout
    assert module.stdout.replace("python -m bench ", "causalmixft ") == command.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow  # the command itself is in every run
def test_every_verb_works_in_any_folder(site: Path, tmp_path: Path) -> None:
    methods = tmp_path / "configs" / "method"
    methods.mkdir(parents=True)
    (methods / "mine.yaml").write_text("defaults: [default_ft, _self_]\nname: mine\n")
    done = run(site, tmp_path, sys.executable, "-c", VERBS, "configs", str(site))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ENDED") == 12
    assert f"code {code_fingerprint(['generators.bootstrap'])}\n" in done.stdout
    assert (tmp_path / "results" / "single" / "report" / "index.html").is_file()
    left = ["configs", "model", "results", "told.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left
