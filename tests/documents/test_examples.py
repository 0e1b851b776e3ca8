"""The examples of the documents are run, in a copy of the project that has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, blocks

ROOMS = ("bench", "conf", "generators", "tests")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "generators/README.md")
SHOWN = [block for name in DOCUMENTS for block in blocks(ROOT / name)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the files that the documents show, each where it says."""
    root = tmp_path_factory.mktemp("shown") / "project"
    for room in ROOMS:  # with what is compiled of it: times are copied, so that it holds
        shutil.copytree(ROOT / room, root / room)
    shutil.copy(ROOT / "pyproject.toml", root)
    for block in SHOWN:
        if block.file is not None:
            block.put(root)
    return root


def run(project: Path, *arguments: str) -> str:
    """What Python prints there; its exit code is 0."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_the_tour_and_the_examples_give_what_they_show(project: Path) -> None:
    examples = [block.text for block in SHOWN if ">>> " in block.text]
    assert examples
    (project / "examples.txt").write_text("\n".join(examples), encoding="utf-8")
    run(project, "-m", "doctest", "-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE", "examples.txt")


@pytest.mark.slow  # `test_adding_a_method_takes_one_class_file_and_one_yaml` is in every run
def test_what_is_shown_passes_the_suites_that_find_it(project: Path) -> None:
    generators, tables = "tests/generators/test_generators.py", "tests/report/test_tables.py"
    models = "tests/models/test_models_conform.py"
    expected = [
        f"{generators}::test_an_ordinary_table_is_served[independent]",
        f"{generators}::test_an_ordinary_table_is_served[parzen]",
        f"{models}::test_a_few_steps_on_one_task_lower_its_loss[nearest-classification]",
        f"{models}::test_it_is_known_by_its_weights_whenever_it_is_loaded[nearest-classification]",
        f"{tables}::test_a_table_is_in_all_outputs[unmoved]",
    ]
    quiet = ("-q", "-p", "no:cacheprovider", "-rp")
    named = "independent or parzen or unmoved or nearest"
    printed = run(project, "-m", "pytest", *quiet, generators, models, tables, "-k", named)
    assert [test for test in expected if f"PASSED {test}" not in printed] == []
    assert "failed" not in printed
