"""A word that a person types is that word; a setting without effect is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from omegaconf import OmegaConf

from bench.errors import BadInput
from bench.files import plain
from bench.sweep.folders import place, writable
from bench.sweep.jobs import composing, expand
from bench.sweep.overrides.line import config_folder
from bench.sweep.overrides.words import as_typed, literal, quoted

OWN = ["dataset=csv", "path=x.csv", "target=y"]


@pytest.fixture(scope="module", autouse=True)
def _hydra() -> Iterator[None]:
    with config_folder():
        yield


def read(*words: str) -> object:
    """The last word's value as the config holds it."""
    typed = as_typed(words)
    cfg = compose("config", [word for word in typed if not word.startswith("-")])
    return OmegaConf.select(cfg, words[-1].partition("=")[0].lstrip("+"))


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        "2.10", "1_1", "1e5", "true", "null ", "inf", "größer", "e\u0301", "a b", " a", "a=b",
        "[x]", "{x: 1}", "${x}", "${oc.env:HOME}", "$x", "a\\b", "a\\", "it's", 'say "so"', "a,b",
        "~x", "@x", "x:y", "#", "(1)", "*", "%", "'", "2026-01-02", "0x10", "1:30", "\\${x}",
    ],
)  # fmt: skip
def test_a_name_is_the_word_as_typed(text: str) -> None:
    assert read("dataset=csv", "path=x.csv", f"target={text}") == text
    assert read(*OWN, f"dataset.name={text}") == text


@pytest.mark.long
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
@example("\\'")
@example("'a'b'")
@example("\\\\${a}")
@examples(max_examples=50, deadline=None)
def test_any_text_comes_through_hydra(text: str) -> None:
    if text in ("???", "null") or (text[0] in "'\"" and text[-1] == text[0]):
        return  # missing, none, or quoted by the person already
    assert quoted(quoted(text)) == quoted(text)
    cfg = compose("config", ["dataset=csv", f"target={quoted(text)}"])
    assert cfg.dataset.target == text
    again = OmegaConf.create(literal(plain(cfg.dataset)))
    assert again.target == text  # and once more, from resolved data


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("ab", ["ab"]),
        ("[1.10,1_1]", ["1.10", "1_1"]),
        ("[a, b]", ["a", "b"]),
        ("a,b", ["a", "b"]),
        ("'a,b'", ["a,b"]),
        ("['a,b',c]", ["a,b", "c"]),
        ("['${x}',b]", ["${x}", "b"]),
        ("[${x}]", ["${x}"]),
        ("a[1]", ["a[1]"]),
        ("[a[1],b]", ["a[1]", "b"]),
        ("[a[,b]", ["a[", "b"]),
        ("[it's,b]", ["it's", "b"]),
        ("[]", []),
        ("", []),
        ("null", None),
    ],
)
def test_a_list_of_names_may_be_one_word(typed: str, names: list[str] | None) -> None:
    given = read(*OWN, f"dataset.drop={typed}")
    assert (given if given is None else list(given)) == names


def test_entries_of_methods_keep_their_own_lists() -> None:
    typed = "methods=[pretrained,ctgan method.generator.generator_dim=[8,8]]"
    assert read(typed) == ["pretrained", "ctgan method.generator.generator_dim=[8,8]"]
    assert read("methods=default_ft") == ["default_ft"]


def test_what_is_in_hydras_quotes_already_stays() -> None:
    typed = as_typed([*OWN, "dataset.name='a b'", 'dataset.drop=["1.10"]', "finetune.lr=1e-4"])
    assert typed[3:] == ["dataset.name='a b'", 'dataset.drop=["1.10"]', "finetune.lr=1e-4"]
    assert as_typed(typed) == typed


def test_a_comma_sweeps_where_a_sweep_is_asked_for(tmp_path: Path) -> None:
    words = ["dataset=csv", "path=a.csv", "target=2.10,y"]
    with composing(["-m", *words]) as overrides:
        assert [job[-1] for job in expand(overrides)] == ["target='2.10'", "target=y"]
    assert read(*words) == "2.10,y"
    there = tmp_path / "a,b.csv"
    there.touch()
    assert as_typed(["-m", "dataset=csv", f"path={there}"])[-1] == f"path='{there}'"
    assert as_typed(["-m", "results_dir=r,1"])[-1] == "results_dir='r,1'"
    assert as_typed(["-m", *OWN, "dataset.decimal=,"])[-1] == "dataset.decimal=','"


def test_a_number_stays_one_where_a_word_may_stand_instead() -> None:
    words = ("dataset=iris", "method=default_ft")
    assert read(*words, "finetune.wise_ft=0.5") == 0.5
    assert read(*words, "finetune.wise_ft=chosen") == "chosen"
    for wrong, shown in (("1", "1.0"), ("best", "'best'"), ("[0.5,0.7]", "[0.5, 0.7]")):
        with pytest.raises(BadInput) as refused:
            as_typed([*words, f"finetune.wise_ft={wrong}"])
        assert str(refused.value) == (
            f"finetune.wise_ft is {shown}; expected a number above 0, below 1, 'chosen' or null."
        )


# Settings without effect --------------------------------------------------------------------------


def test_a_file_or_a_task_means_the_dataset_that_reads_it() -> None:
    assert as_typed(["path=x.csv", "target=y"])[0] == "dataset=csv"
    assert as_typed(["experiment=smoke", "path=x.csv", "target=y"])[0] == "dataset=csv"
    assert as_typed(["task_id=31"])[0] == "dataset=openml"
    assert as_typed(["-m", "dataset=iris,csv", *OWN[1:]])[1] == "dataset=iris,csv"
    assert as_typed(["path=null"]) == ["path=null"]
    assert "openml.tries=2" in as_typed(["experiment=paper", "openml.tries=2"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["dataset=iris", "path=x.csv"], "path=x.csv has no effect: it is read by dataset=csv"),
        (
            ["dataset=iris", "problem=regression"],
            "problem=regression has no effect: it is read by dataset=csv",
        ),
        (["dataset=iris", "target=y"], "target=y has no effect"),
        (["dataset=csv", "task_id=31"], "task_id=31 has no effect: it is read by dataset=openml"),
        (["openml.tries=2"], "not by dataset=credit-g"),
        (["experiment=smoke", "openml.tries=2"], "not by dataset=iris,haberman,servo"),
        (["method=scm", "methods=[ctgan]"], "method=scm has no effect beside methods=[ctgan]"),
        (["=3"], "'=3' is no setting"),
        (["fold"], "'fold' is no setting"),
        (["dataset="], "names no config"),
        (["dataset=null"], "names no config"),
        (["method=''"], "names no config"),
        (["dataset=IRIS"], "did you mean 'iris'?"),
        (["dataset=credt-g"], "did you mean 'credit-g'?"),
        (["dataset=iris,tabarena/credt-g"], "did you mean 'tabarena/credit-g'?"),
        (["model=3"], "Could not find 'model/3'; there are mitra,"),
        (["dataset=[3]"], "Could not find 'dataset/3'"),
        (["experiment=smke"], "did you mean 'smoke'?"),
        (["--config-dir"], "--config-dir needs a value"),
        (["experiment=smoke,pilot"], "names several configs; expected one"),
        (["finetune=[default,autogluon]"], "or finetune=default,autogluon after -m"),
        (["--hlep"], "did you mean '--help'?"),
        (["--experimental-rerun=x.pickle"], "There is no flag '--experimental-rerun'"),
        (["lr=1e-3"], "did you mean 'finetune.lr'?"),
        (["stepps=2"], "did you mean 'finetune.steps'?"),
        (["+foo=2"], "There is no setting 'foo'"),
        (["finetune.step=2"], "did you mean 'finetune.steps'?"),
        (["dataset=csv", "drop=age"], "did you mean 'dataset.drop'?"),
        (["dataset=csv", "dataset.categorial=age"], "did you mean 'categorical'?"),
        (["model.max_contxt=9"], "did you mean 'max_context'?"),
        (["finetune.steps=null"], "finetune.steps is null; expected a whole number from 1"),
        (["finetune.steps=[2]"], "finetune.steps is [2]; expected a whole number"),
        (["finetune.lr=true"], "finetune.lr is true; expected a number above 0"),
        (["fold={"], "fold is '{', which cannot be read"),
        (["-m", "fold=0,"], "fold is '0,', which cannot be read"),
        (["offline=3"], "offline is 3; expected true or false"),
        (["rerun=al"], "rerun is 'al'; expected 'needed', 'failed', 'all' or 'none'"),
    ],
)
def test_words_that_mean_nothing_are_refused(words: list[str], told: str) -> None:
    with pytest.raises(BadInput) as refused:
        as_typed(words)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


# Folders ------------------------------------------------------------------------------------------


def test_a_home_is_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read("results_dir=~/r") == str(tmp_path / "r")
    assert read("results_dir=2026_11_27") == "2026_11_27"


NO_FOLDERS = ("", " ", "/dev/null", "/dev/null/x", "a\0b", "~nobody-here/x")


@pytest.mark.parametrize("name", NO_FOLDERS)
def test_what_can_be_no_folder_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="results_dir is"):
        place(name)


@pytest.mark.parametrize("target", ["nowhere", "link"])
def test_a_link_that_leads_nowhere_is_no_results_folder(target: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / target)
    with pytest.raises(BadInput, match="link', which is a link that leads nowhere"):
        place(str(tmp_path / "link"))
    with pytest.raises(BadInput, match="link is a link that leads nowhere"):
        place(str(tmp_path / "link" / "x"))
    (tmp_path / "good").symlink_to(tmp_path)
    assert place(str(tmp_path / "good")) == str(tmp_path / "good")


def test_a_file_is_no_results_folder(tmp_path: Path) -> None:
    (tmp_path / "afile").touch()
    with pytest.raises(BadInput, match="afile', which is a file, not a folder"):
        as_typed([f"results_dir={tmp_path / 'afile'}"])
    assert writable(str(tmp_path / "new" / "er")) == str(tmp_path / "new" / "er")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(BadInput, match="nothing can be written to"):
        writable("results/x")


def test_another_function_has_settings_of_its_own() -> None:
    words = ["dataset=iris", "dataset._target_=mine.load", "+dataset.folder=x"]
    assert as_typed(words) == words
