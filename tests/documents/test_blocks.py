"""What the documents show is there: commands, configs, files that they name, examples that run."""

from __future__ import annotations

import doctest
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from documents import ROOT, Block, blocks, documents
from hydra import compose

from bench.cell.checking import check_config
from bench.cli import main, names
from bench.sweep.entries import cells_of
from bench.sweep.jobs import composing, expand

BLOCKS = [block for document in documents() for block in blocks(document)]
SHELL = [block for block in BLOCKS if block.language == "sh"]
LANGUAGES = ("python", "yaml", "sh", "text")
PATH = re.compile(r"`((?:bench|conf|generators|scripts|tests|results/reference)/[\w/.-]+)`")
COMPOSED = {"run", "plan", "fetch", "graph", "fit", "advise"}  # they take the keys of a run ...
OF_VERBS = re.compile(r"(out|replace|time_limit|join_validation|minutes)=\S+")  # ... and their own
READ = {"status", "show"}  # cheap: they are run, on the committed records
KEYS = re.compile(
    r"(analysis\.\w+|n|seed|hours|offline|predictions|out)=\S+|--(watch|all|config-dir)"
)


def test_every_block_says_in_what_language_it_is() -> None:
    # A block that is not known cannot be held to anything.
    assert [str(block) for block in BLOCKS if block.language not in LANGUAGES] == []


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "yaml"], ids=str)
def test_yaml_is_read(block: Block) -> None:
    assert isinstance(yaml.safe_load(block.text), dict)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "python"], ids=str)
def test_python_is_python(block: Block) -> None:
    source = doctest.script_from_examples(block.text) if ">>> " in block.text else block.text
    compile(source, str(block), "exec")


def made(words: list[str]) -> Iterator[list[str]]:
    """The commands of a target, as make would run them; the environment's own are left out.

    A method or model that a document shows is run by `test_examples`; one that is there stands for
    it.
    """
    words = [re.sub(r"^METHOD=.*", "METHOD=bootstrap", word) for word in words]
    words = [re.sub(r"^MODEL=.*", "MODEL=mitra_nano", word) for word in words]
    printed = subprocess.run(
        ["make", "-n", "-s", "-o", ".venv/.ready", *words],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    yield from (
        command
        for command in Block(ROOT, 0, "sh", printed.replace(".venv/bin/", "")).commands
        if command[0] != "make"
    )


@pytest.mark.long
@pytest.mark.parametrize("block", SHELL, ids=str)
def test_commands_are_understood(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for command in block.commands:
        for words in made(command[1:]) if command[0] == "make" else [command]:
            understood(words)


def understood(words: list[str]) -> None:
    """Hold a command to what is there."""
    match [word.removeprefix(".venv/bin/") for word in words]:
        case ["python", "-m", "bench", verb, *rest] | ["causalmixft", verb, *rest]:
            assert verb in names(), words
            bench(verb, rest)
        case ["python", "-m", "pytest", *rest]:
            for word in rest:
                assert "/" not in word or (ROOT / word).exists(), words
        case ["python", "-m", module, *_]:
            assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file(), words
        case ["python", script, *_] if script != "-m":
            assert (ROOT / script).is_file(), words
        case [("pip" | "pre-commit" | "ruff" | "mypy" | "rm" | "find" | "git" | "source"), *_]:
            pass
        case _:
            raise AssertionError(f"no word that is known: {words}")


def bench(verb: str, words: list[str]) -> None:
    """Hold a verb's words to the configs, the settings and the folders that there are."""
    if verb in COMPOSED:
        own = [word for word in words if word in ("--cfg", "job") or OF_VERBS.fullmatch(word)]
        composes(tuple(word for word in words if word not in own))
        return
    for word in words:
        if "=" in word or word.startswith("--"):
            assert KEYS.fullmatch(word), word
        elif word.startswith("results/reference/"):
            assert (ROOT / word).is_dir(), word
    if verb in READ:
        told = [word for word in words if not word.startswith(("results/", "--"))]
        assert main([verb, *told, "results/reference/embedded"]) == 0


@cache
def composes(words: tuple[str, ...]) -> None:
    """Compose and check the cells of a sweep's first job; of the others, that they can be told."""
    with composing(list(words)) as overrides:
        job = expand(overrides)[0]
        cfg = compose("config", job)
        for _, cell in cells_of(cfg, job, cfg.method.name):
            check_config(cell)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[\w-]*)?\)", text):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_that_are_named_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    shown = {block.file for block in blocks(document)}
    for path in PATH.findall(text):
        there = [ROOT / path, document.parent / path]
        assert "NAME" in path or path in shown or any(p.exists() for p in there), (
            f"{document.name} names {path}"
        )
