"""The examples of README and CONTRIBUTING are run, in a copy of the project that has them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, blocks

ROOMS = ("bench", "conf", "generators", "tests")
SHOWN = [block for name in ("README.md", "CONTRIBUTING.md") for block in blocks(ROOT / name)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the files that README and CONTRIBUTING show, each where it says."""
    root = tmp_path_factory.mktemp("shown") / "project"
    for room in ROOMS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / room, root / room, ignore=ignored)
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


def test_the_tour_and_the_examples_give_what_they_show(project: Path) -> None:
    examples = [block.text for block in SHOWN if ">>> " in block.text]
    assert examples
    (project / "examples.txt").write_text("\n".join(examples), encoding="utf-8")
    run(project, "-m", "doctest", "-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE", "examples.txt")


def test_the_generator_that_is_shown_passes_the_conformance_suite(project: Path) -> None:
    suite = "tests/generators/test_generators.py"
    printed = run(
        project, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite, "-k", "independent"
    )
    assert " passed" in printed
    assert "failed" not in printed
