"""What is checked before a commit, by CI and by hand is one thing; whom to cite is well-formed."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def recipe(target: str) -> list[str]:
    """The lines that make runs for a target, the environment's folder put in."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n?)+)", text, re.MULTILINE)
    assert found is not None, f"the Makefile has no {target}"
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in found[1].splitlines()]


def test_before_a_commit_runs_what_make_lint_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    assert [hook["entry"] for hook in repository["hooks"]] == recipe("lint")
    for hook in repository["hooks"]:
        assert hook["language"] == "system"
        assert hook["pass_filenames"] is False


def test_continuous_integration_runs_lint_and_then_the_tests() -> None:
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert [line.split("#")[0].strip() for line in lines if line.startswith("make ")] == [
        "make lint",
        "make test",
    ]


@pytest.fixture(scope="module")
def citation() -> dict:
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_citation_has_what_its_format_requires(citation: dict) -> None:
    # citation-file-format 1.2.0, schema.json: what a file, a reference and a conference must have.
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] in ("software", "dataset")
    assert all(author.keys() == {"name"} for author in citation["authors"])
    for reference in citation["references"]:
        assert {"authors", "title", "type"} <= reference.keys()
        assert reference["conference"]["name"]
        for author in reference["authors"]:
            assert author.keys() == {"family-names", "given-names"}


def test_the_citation_says_what_the_package_says(citation: dict) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    assert citation["title"].startswith(f"{project['name']}: ")


def test_the_study_that_is_cited_is_the_readme_s(citation: dict) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (study,) = citation["references"]
    assert study["url"] in readme
    assert study["title"] in " ".join(readme.split())
    assert all(author["family-names"] in readme for author in study["authors"])


def test_contributing_draws_the_house_as_the_code_has_it() -> None:
    drawn = runpy.run_path(str(ROOT / "tests/test_floors.py"))["drawn"]()
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert drawn in told, "put in what `python tests/test_floors.py` prints"
