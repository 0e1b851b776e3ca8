"""Options of the test suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--method-dir",
        action="append",
        default=[],
        metavar="DIR",
        help="also hold the generators of the method YAMLs in DIR to the conformance suite; their "
        "classes must be importable (may be given several times)",
    )
