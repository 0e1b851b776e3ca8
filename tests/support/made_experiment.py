"""Records of a small experiment, made by hand."""

from __future__ import annotations

from typing import Any

from made_records import METHODS, made, made_numeric


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


def experiment_with_rare_classes() -> list[dict[str, Any]]:
    """`experiment`, of whose tables one has a rare class."""
    records = experiment()
    for record in records:
        is_rare = record["cell"]["dataset"] == "zoo"
        record["data"]["class_rows"] = [8, 72] if is_rare else [40, 40]
    return records


def experiment_of_numbers() -> list[dict[str, Any]]:
    """Three datasets of different units × two folds × four methods, with curves of RMSE."""
    records = []
    for d, (dataset, scale) in enumerate({"airfoil": 7.0, "houses": 1e5, "zinc": 0.02}.items()):
        for fold in (0, 1):
            start = 0.5 + d / 10 + fold / 100
            records.append(made_numeric(dataset, "pretrained", [start], scale, fold=fold))
            for m, method in enumerate(["default_ft", "causalmixft", "scm"]):
                loss = (((7 * d + 3 * m + 5 * fold) % 11) - 6) / 200
                curve = [start, start + loss / 2, start + loss]
                promised = [0.6, 0.59, 0.58 - m / 100]
                records.append(
                    made_numeric(dataset, method, curve, scale, fold=fold, validation=promised)
                )
    return records


def experiment_of_utility(tables: int, with_global: bool = True) -> list[dict[str, Any]]:
    """Three generators on each table: the more target utility, the more gain; of global, less."""
    records = []
    for d in range(tables):
        records.append(made(f"d{d}", "pretrained", [0.5]))
        for m, generator in enumerate(["scm", "smote", "noise"]):
            told = {"test_tstr_roc_auc": 0.6 + m / 10}
            told |= {"test_global_utility": 0.9 - m / 10} if with_global else {}
            curve = [0.5, 0.5 + (m + 1) / 100]
            rows = {
                "key": None,
                "rows": 80,
                "class_counts": [40, 40],
                "copies_of_training_rows": 0,
                "fingerprint": "f00d" * 16,
                "generator": {},
                "quality": told,
            }
            records.append(made(f"d{d}", f"{generator}-synthetic", curve, synthetic=rows))
    return records
