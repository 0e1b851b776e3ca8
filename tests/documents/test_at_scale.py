"""The commands at scale fit the launchers' configs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from composing import composing
from hydra import compose

ELSEWHERE = (Path(__file__).parents[2] / "bench/sweep/README.md").read_text()
LINES = re.findall(r"`… (hydra/launcher=.*?)`", ELSEWHERE)


def test_every_launcher_is_named() -> None:
    named = {line.split()[0].partition("=")[2] for line in LINES}
    assert named == {"joblib", "ray", "submitit_slurm"}


@pytest.mark.parametrize("line", LINES)
def test_a_command_composes(line: str) -> None:
    with composing():
        cfg = compose("config", ["experiment=paper", *line.split()], return_hydra_config=True)
    assert cfg.hydra.launcher._target_.startswith("hydra_plugins.")
    assert cfg.experiment_name == "paper"
