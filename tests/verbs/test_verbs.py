"""A verb is its file: what each says of itself, and that a new one is found."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest

from bench import cli
from bench.cli import Verb, main


@pytest.mark.parametrize("name", cli.names())
class TestEveryVerb:
    def test_it_takes_words_and_gives_an_exit_code(self, name: str) -> None:
        hints = get_type_hints(import_module(f"bench.verbs.{name}").main)
        assert list(hints.values()) == [list[str], int]

    def test_what_the_help_says_is_what_the_module_holds(self, name: str) -> None:
        module, verb = import_module(f"bench.verbs.{name}"), Verb.of(name)
        assert verb.help == module.HELP
        assert verb.usage == getattr(module, "USAGE", "")
        assert verb.only_prints is getattr(module, "ONLY_PRINT", False)
        assert verb.usage.partition(" ")[0] in ("", name)
        assert (module.__doc__ or "").startswith(f"`python -m bench {name}")

    def test_its_line_in_the_help_fits_a_terminal(self, name: str) -> None:
        (line,) = (told for told in cli.usage().splitlines() if told.startswith(f"  {name} "))
        assert Verb.of(name).help in line
        assert len(line) <= 100


def test_the_help_begins_with_how_a_sweep_is_made_then_read() -> None:
    lines = cli.usage().partition("verbs\n")[2].splitlines()
    told = [line.split()[0] for line in lines if line][: len(cli.names())]
    assert sorted(told) == cli.names()
    assert told[:5] == ["run", "fetch", "plan", "report", "status"]


def test_a_file_is_a_verb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "_shared.py").write_text("")
    (tmp_path / "dance.py").write_text(
        'HELP = "one step"\nUSAGE = "dance [PARTNER]"\n\n\n'
        "def main(words):\n    print(*words)\n    return 7\n"
    )
    monkeypatch.setattr(cli, "VERBS", tmp_path)
    monkeypatch.setattr("bench.verbs.__path__", [str(tmp_path)])
    assert main(["dance", "with", "me"]) == 7
    assert capsys.readouterr().out == "with me\n"
    assert main(["dance", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "dance [PARTNER]\n\nusage: " in shown
    assert "\n  dance     one step\n" in shown
    assert main(["_shared"]) == 2
    assert "no verb '_shared'" in capsys.readouterr().err


def test_the_help_imports_no_verb_and_nothing_heavy() -> None:
    told = "import sys; from bench.cli import main; main(['--help']); print(sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.splitlines()[-1].strip("[]").replace("'", "").split(", "))
    assert "bench.verbs._door" in loaded
    heavy = {"hydra", "numpy", "pandas", "torch", "rich", "pydantic"}
    assert loaded & {*heavy, *(f"bench.verbs.{name}" for name in cli.names())} == set()
