"""What gains come to is read from the kept records, and nothing is promised beyond them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from omegaconf import OmegaConf

from bench.estimator.experience import FILE, expected, experiences
from bench.files import CONF
from scripts.update_experience import REFERENCE, packs, written


def test_the_file_is_of_the_records_that_lie_here_and_of_the_rule_for_ones_own_table() -> None:
    whole = json.loads(FILE.read_text(encoding="utf-8"))
    assert whole["records"] == packs(REFERENCE)
    assert whole["rule"] == OmegaConf.load(CONF / "finetune" / "safe.yaml").select_by


@pytest.mark.slow
def test_the_file_says_what_the_records_say() -> None:
    told, found = json.loads(FILE.read_text(encoding="utf-8")), json.loads(written(REFERENCE))
    assert told.keys() == found.keys()
    for ours, theirs in zip(told["experiences"], found["experiences"], strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():  # a sum's last bit may turn a rounded digit
            assert value == pytest.approx(theirs[name], abs=0.011), name


@pytest.mark.parametrize("scored", sorted({(e.problem, e.metric) for e in experiences()}))
def test_every_size_has_one_experience(scored: tuple[str, str]) -> None:
    sizes = [e for e in experiences() if (e.problem, e.metric) == scored]
    assert (sizes[0].least, sizes[-1].most) == (None, None)
    assert all(one.most == two.least for one, two in pairwise(sizes))
    for n_rows in (1, 199, 200, 600, 10**6):
        assert sum(e.covers(*scored, n_rows) for e in sizes) == 1


def test_a_gain_is_expected_shrunken_and_its_source_told() -> None:
    known = next(e for e in experiences() if e.covers("classification", "log_loss", 400))
    found = expected("log_loss", "classification", 400, 0.02)
    assert found is not None
    assert found[0] == pytest.approx(0.02 * known.ratio)
    assert f"{known.runs} reference runs of finetune=default on {known.tables} tables" in found[1]
    assert expected("log_loss", "classification", 400, 0.0) == (0.0, found[1])


@pytest.mark.parametrize("experience", experiences(), ids=lambda e: f"{e.metric}-{e.least}")
def test_no_more_is_expected_than_was_promised(experience) -> None:
    at = (experience.metric, experience.problem, experience.least or 1)
    found = expected(*at, 1.0)
    assert found is not None
    assert 0 <= found[0] <= 1


def test_an_error_in_the_targets_unit_is_expected_as_one_without() -> None:
    assert expected("rmse", "regression", 300, 7.0) == expected("rmse_sd", "regression", 300, 7.0)


def test_of_a_score_that_no_record_tells_nothing_is_expected() -> None:
    assert expected("accuracy", "classification", 300, 0.1) is None
    assert expected("rmse", "classification", 300, 0.1) is None
