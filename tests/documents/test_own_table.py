"""The README's page on one's own table does what it says, line by line."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import ROOT, Block, blocks
from hospital import admissions
from wheels import built, pip

from bench.cli import main

HEADING = "## On your own table"
FEW_DAGS = "method.generator.discovery.resamples=1"
# What is run here too, and what makes it quick. `advise` is a study: it is run where it is slow.
QUICK = {"fit": ["finetune.steps=1", FEW_DAGS], "predict": [], "graph": [FEW_DAGS]}


def page() -> list[Block]:
    """The blocks under the heading, in order."""
    readme = ROOT / "README.md"
    written = readme.read_text(encoding="utf-8").splitlines()
    first = written.index(HEADING) + 1
    after = (i for i, line in enumerate(written[first:], first) if line.startswith("## "))
    last = next(after, len(written))
    return [block for block in blocks(readme) if first < block.line <= last]


def put_rows(folder: Path, n: int) -> None:
    """The two files that the page is about."""
    for name, rows in (("train.csv", admissions(n)), ("new.csv", admissions(n // 3, seed=1))):
        rows = rows.drop(columns="patient id").rename(columns={"readmitted": "label"})
        rows = rows if name == "train.csv" else rows.drop(columns="label")
        rows.to_csv(folder / name, index=False)


def lines(block: Block) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block of the shell: as they are typed, and their words."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield line, words


def behind_the_program(words: list[str]) -> list[str]:
    """The verb and what stands behind it; nothing if another program is run."""
    for program in (["causalmixft"], ["python", "-m", "bench"]):
        if words[: len(program)] == program:
            return words[len(program) :]
    return []


@pytest.mark.long
def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, where the rows and steps are few."""
    put_rows(tmp_path, 60)
    monkeypatch.chdir(tmp_path)
    done: list[str] = []
    for block in page():
        if block.language == "python":
            text = re.sub(r"(FineTuned\w+)\((?!\))", r"\1(steps=1, ", block.text)
            exec(compile(text.replace("()", "(steps=1)"), str(block), "exec"), {})
            done.append("python")
        for _, words in lines(block) if block.language == "sh" else ():
            verb, *rest = behind_the_program(words) or [words[0]]
            done.append(verb)
            if verb in QUICK:
                assert main([verb, *rest, *QUICK[verb]]) == 0, words
    assert {"python", "advise", "fit", "predict"} <= {*done}


@pytest.mark.slow
@pytest.mark.network
def test_the_page_works_in_a_fresh_environment(tmp_path: Path) -> None:
    """With a wheel in it and nothing else, in a folder of one's own; as it is written."""
    wheel = built(tmp_path / "built")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "fresh")], check=True)
    programs = tmp_path / "fresh" / "bin"
    pip("install", str(wheel), python=str(programs / "python"), seconds=3600)
    home = tmp_path / "mine"
    home.mkdir()
    put_rows(home, 200)
    for block in page():
        if block.language == "python":
            (home / "page.py").write_text(block.text, encoding="utf-8")
            typed(home, programs, "python page.py")
        for line, words in lines(block) if block.language == "sh" else ():
            if words[0] != "pip":
                typed(home, programs, re.sub(r"minutes=\S+", "minutes=1", line))


def typed(home: Path, programs: Path, line: str) -> None:
    """A line in the shell of somebody who has nothing but the environment's programs."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=home, env=environment, capture_output=True, text=True,
        timeout=1800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
