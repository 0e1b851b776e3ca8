"""Records of a small experiment, made by hand."""

from __future__ import annotations

from typing import Any

from made_records import METHODS, made


def experiment(**changed: Any) -> list[dict[str, Any]]:
    """Four datasets × two folds × two seeds × five methods, with curves."""
    records = []
    for d, dataset in enumerate(["credit", "heart", "market", "zoo"]):
        for fold in (0, 1):
            start = 0.7 + d / 20 + fold / 100
            records.append(made(dataset, "pretrained", [start], fold=fold, **changed))
            for seed in (0, 1):
                for m, method in enumerate([m for m in METHODS if m != "pretrained"]):
                    gain = (((7 * d + 3 * m + 5 * fold + 2 * seed) % 11) - 4) / 500
                    curve = [start, start + gain / 2, start + gain]
                    promised = [0.7, 0.71, 0.72 + m / 100]
                    records.append(
                        made(dataset, method, curve, fold, seed, validation=promised, **changed)
                    )
    return records
