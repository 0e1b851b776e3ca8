"""The README's commands at scale fit the launchers' configs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from composing import composing
from hydra import compose

README = (Path(__file__).parents[2] / "README.md").read_text()
LINES = re.findall(r"`… (hydra/launcher=.*?)`", README)


def test_the_readme_names_every_launcher() -> None:
    named = {line.split()[0].partition("=")[2] for line in LINES}
    assert named == {"joblib", "ray", "submitit_slurm"}


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_readme_composes(line: str) -> None:
    with composing():
        cfg = compose("config", ["experiment=paper", *line.split()], return_hydra_config=True)
    assert cfg.hydra.launcher._target_.startswith("hydra_plugins.")
    assert cfg.experiment_name == "paper"
