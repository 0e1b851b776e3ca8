"""AutoGluon's own Mitra, made to compute in float32 as ours does."""

from __future__ import annotations

import pytest
from autogluon.tabular.models.mitra.sklearn_interface import MitraBase


def without_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """AutoGluon's bfloat16 is hard-wired in its config; autocast to float32 changes nothing."""
    original = MitraBase._create_config

    def create(self: MitraBase, *args: object, **kwargs: object) -> object:
        config, kind = original(self, *args, **kwargs)
        config.hyperparams["precision"] = "float32"
        return config, kind

    monkeypatch.setattr(MitraBase, "_create_config", create)
