"""Records as a run would leave them, made up for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any

from bench.cell.identity import score_fingerprints
from bench.files import digest
from bench.score import Score
from bench.scores import SCORES
from bench.scores.roc_auc_ovo import roc_auc_ovo

METHODS: dict[str, dict[str, Any]] = {
    "pretrained": {"finetune": False, "generator": None, "rows": "real"},
    "default_ft": {"finetune": True, "generator": None, "rows": "real"},
    "causalmixft": {"finetune": True, "generator": "generators.scm.SCM", "rows": "mixed"},
    "scm": {"finetune": True, "generator": "generators.scm.SCM", "rows": "synthetic"},
    "bootstrap": {
        "finetune": True,
        "generator": "generators.bootstrap.Bootstrap",
        "rows": "mixed",
    },
}
MORE: dict[str, dict[str, Any]] = {
    "noise": {"finetune": True, "generator": "generators.noise.Noise", "rows": "mixed"},
    "smote": {"finetune": True, "generator": "generators.smote.SMOTE", "rows": "mixed"},
}


RATES = (1e-4, 1e-3, 1e-2)
# The last step's gain at each rate, on either of two tables; chosen is the step before, at +0.01.
LAST = {"default_ft": (0.02, -0.02, -0.2), "causalmixft": (0.02, 0.02, -0.02)}


def method_settings(name: str) -> dict[str, Any]:
    """The settings of a method of `METHODS` or `MORE`; another name fine-tunes on real rows."""
    known = {**METHODS, **MORE}.get(name, METHODS["default_ft"])
    generator = known["generator"]
    return {
        "name": name,
        "finetune": known["finetune"],
        "generator": generator and {"_target_": generator},
        "mixing": {"rows": known["rows"], "ratio": 1.0, "fresh": False, "size": 2.0},
    }


def made(
    dataset: str,
    method: str,
    curve: list[float],
    fold: int = 0,
    seed: int = 0,
    validation: list[float] | None = None,
    chosen: int = -1,
    finetune: dict[str, Any] | None = None,
    identity: dict[str, Any] | None = None,
    metric: Score = roc_auc_ovo,
    **changed: Any,
) -> dict[str, Any]:
    """A record whose test curve is ``curve``; a method that does not fine-tune keeps no curve.

    ``chosen`` is the evaluation whose scores are the chosen step's; ``finetune`` the settings of
    fine-tuning, which are part of the identity where a method fine-tunes; ``identity`` more parts;
    ``metric`` what the curve is of.
    """
    validation = curve if validation is None else validation
    settings = method_settings(method)
    tuned = settings["finetune"]
    parts: dict[str, Any] = {
        "dataset": digest(dataset),
        "split": {"index": fold},
        "method": {k: v for k, v in settings.items() if k != "name"} | {"of": method},
        "model": {"weights": "f00d" * 16},
    }
    parts |= {"seed": seed} if tuned else {}
    if finetune is not None:
        parts["finetune"] = finetune if tuned else None
    parts |= identity or {}
    chosen %= len(curve)

    def scores(at: int) -> dict[str, dict[str, float]]:
        return {
            "validation": {metric.name: validation[at]},
            "test": {"log_loss": 0.5, metric.name: curve[at]},
        }

    return {
        "status": "done",
        "cell": {
            "dataset": dataset,
            "domain": "healthcare" if dataset < "m" else "finance",
            "method": method,
            "fold": fold,
            "seed": seed if tuned else 0,
            "model": "mitra_nano",
        },
        "identity": {"hash": digest(parts), "parts": parts},
        "settings": {
            "dataset": {"_target_": "bench.datasets.embedded.load", "name": dataset},
            "method": settings,
            "model": {"_target_": "bench.models.tab2d.checkpoint.load", "path": None},
            "finetune": {"keep": "last" if chosen == len(curve) - 1 else "best"}
            | (finetune or {"steps": 2 * (len(curve) - 1)}),
            "fold": fold,
            "seed": seed,
            "validation_share": parts.get("validation_share", 0.2),
            "threads": 1,
            "device": "auto",
        },
        "data": {
            "rows": {"train": 80, "validation": 20, "test": 50},
            "features": 4,
            "categorical": 1,
            "classes": 2,
            "duplicates": 1,
            "notes": [],
        },
        "metric": metric.as_metric(),
        "metrics": {
            "pretrained": scores(0),
            "chosen": scores(chosen),
            "last": scores(-1),
        },
        "predictions": {},
        "chosen_step": 2 * chosen,
        "last_step": 2 * (len(curve) - 1),
        "children": [],
        "curves": {
            "step": [2 * i for i in range(len(curve))],
            "validation": {metric.name: validation},
            "test": {metric.name: curve},
        }
        if tuned
        else {},
        "synthetic": None,
        "transfer": None,
        "timings": {
            "started": 0.0,
            "seconds": {"total": 1.0},
            "cpu_seconds": 1.0,
            "peak_memory_mb": 100.0,
            "generation": None,
        },
        "provenance": {
            "code": "c0de" * 16,
            "scores": {name: score_fingerprints()[name] for name in ("log_loss", metric.name)},
            "versions": {"torch": "2.13.0"},
            "python": "3.11.7",
            "platform": "Linux",
            "processor": "a processor",
            "kernels": "torch DEFAULT",
            "threads": 1,
            "device": "cpu",
            "precision": "float32",
        },
        "error": None,
    } | changed


def made_numeric(
    dataset: str,
    method: str,
    curve: list[float],
    scale: float = 1.0,
    validation: list[float] | None = None,
    chosen: int = -1,
    **changed: Any,
) -> dict[str, Any]:
    """A record of a numeric target, whose test curve of RMSE/sd is ``curve``.

    ``scale`` is the standard deviation of the training target: what has a unit is in multiples of
    it. Other arguments are those of `made`.
    """
    told = {"validation": curve if validation is None else validation, "test": curve}
    model = {"model": {"weights": "beef" * 16}} | changed.pop("identity", {})
    record = made(
        dataset, method, [scale * value for value in curve], metric=SCORES["rmse"], chosen=chosen,
        validation=[scale * value for value in told["validation"]], identity=model, **changed,
    )  # fmt: skip
    record["data"] |= {"classes": 0} if record["data"] else {}
    for when, at in (("pretrained", 0), ("chosen", chosen), ("last", -1)):
        for part, values in told.items():
            record["metrics"][when][part] = _numeric(values[at], scale)
    for part, values in told.items() if record["curves"] else ():
        of = [_numeric(value, scale) for value in values]
        drawn = ("rmse", "rmse_sd", "mae", "log_score")
        record["curves"][part] = {name: [scores[name] for scores in of] for name in drawn}
    fingerprints = score_fingerprints()
    scores = record["metrics"]["chosen"]["test"]
    record["provenance"]["scores"] = {name: fingerprints[name] for name in scores}
    return record


def _numeric(value: float, scale: float) -> dict[str, float]:
    """The scores of a model whose RMSE/sd is ``value``."""
    return {
        "rmse": scale * value,
        "mae": 0.75 * scale * value,
        "r2": 1 - value**2,
        "rmse_sd": value,
        "spearman": max(1 - value, 0.0),
        "crps": 0.6 * scale * value,
        "log_score": 1 + log(value),
    }


def adapted(
    record: dict[str, Any],
    arm: str = "real",
    domains: Sequence[str] = ("healthcare",),
    sources: Sequence[str] = ("wdbc", "hepatitis", "heart-statlog"),
    held_out: Mapping[str, float] | None = None,
    step: int = 40,
    read_out: Mapping[int, float] | None = None,
    **changed: Any,
) -> dict[str, Any]:
    """The record, its weights having been adapted to other tables first.

    ``metrics.pretrained`` is then the published model's, and without fine-tuning steps are those on
    the other tables. ``held_out`` is how much each table that was held out gains in ROC-AUC,
    ``read_out`` the target with so many rows in context; ``changed`` are other keys of the record's
    ``transfer``.
    """
    held_out = {"diabetes": 0.02, "ilpd": -0.01} if held_out is None else held_out
    read_out = {32: 0.05, 64: 0.02} if read_out is None else read_out
    finetune = {"steps": 80, "lr": 1e-4, "select_by": "until_worse", "keep": "best"}
    settings = {
        "method": method_settings("default_ft") | {"name": arm},
        "finetune": finetune,
        "domain": "+".join(domains),
        "tables": None,
        "share": 0.667,
        "support": [32, 64, 128],
    }
    parts = {
        **record["identity"]["parts"],
        "seed": record["settings"]["seed"],
        "transfer": {
            "train": [digest(name) for name in sources],
            "held_out": [digest(name) for name in held_out],
            "method": {"generator": None, "of": arm},
            "finetune": finetune,
        },
    }
    if not record["curves"] and record["status"] == "done":  # not fine-tuned any further
        record = record | {"chosen_step": step, "last_step": 80}
    gain = sum(held_out.values()) / len(held_out)
    weights = digest([arm, list(sources), record["settings"]["seed"]])
    told = {
        "key": weights[:32],
        "weights": weights,
        "domains": sorted(domains),
        "sources": list(sources),
        "held_out": list(held_out),
        "dropped": {"breast-w": "it is of one origin with wdbc"},
        "chosen_step": step,
        "last_step": 80,
        "curves": {
            "step": [0, 80] if step in (0, 80) else [0, step, 80],
            "train_loss": [None, 0.5] if step in (0, 80) else [None, 0.5, 0.4],
            "held_out": {"roc_auc_ovo": [0.8, 0.8 + gain, 0.8][: 2 if step in (0, 80) else 3]},
        },
        "forgetting": {
            table: {"pretrained": {"roc_auc_ovo": 0.8}, "adapted": {"roc_auc_ovo": 0.8 + more}}
            for table, more in held_out.items()
        },
        "in_context": {
            "rows": list(read_out),
            "pretrained": {"roc_auc_ovo": [0.6] * len(read_out)},
            "adapted": {"roc_auc_ovo": [0.6 + more for more in read_out.values()]},
        },
    }
    return record | {
        "cell": record["cell"] | {"seed": record["settings"]["seed"]},
        "identity": {"hash": digest(parts), "parts": parts},
        "settings": record["settings"] | {"transfer": settings},
        "transfer": told | changed,
        "timings": record["timings"] | {"transfer": {"shared": False, "seconds": 9.5}},
    }


def failed(dataset: str, method: str, message: str = "no luck", **where: Any) -> dict[str, Any]:
    """A record of a cell that failed before its table was split."""
    return made(dataset, method, [0.5], **where) | {
        "status": "failed",
        "data": {},
        "metrics": {},
        "curves": {},
        "chosen_step": None,
        "last_step": None,
        "error": {"type": "ValueError", "message": message, "traceback": "…"},
    }


def one_table(
    gains: Mapping[str, Sequence[float | None]], proper: float = 0.01
) -> list[dict[str, Any]]:
    """Records of one table: each method's gain over the base model by fold; None: it failed.

    ``proper`` is what log-loss falls by where a run gains.
    """
    folds = len(next(iter(gains.values())))
    found = [made("heart", "pretrained", [0.7], fold=fold) for fold in range(folds)]
    for method, of in gains.items():
        for fold, gain in enumerate(of):
            if gain is None:
                found.append(failed("heart", method, fold=fold))
                continue
            record = made("heart", method, [0.7, 0.7 + gain], fold=fold, chosen=1 if gain else 0)
            record["metrics"]["chosen"]["test"]["log_loss"] -= proper if gain else 0.0
            found.append(record)
    return found


def swept() -> list[dict[str, Any]]:
    """Records of two methods at three learning rates, a rival at one, and the pre-trained model."""
    steps = {"steps": 4}
    rival = {"lr": 1e-3, "pull": 0.5, **steps}
    return [
        record
        for table in ("heart", "zoo")
        for record in (
            made(table, "pretrained", [0.7], finetune=steps),
            made(table, "default_ft", [0.7, 0.69], finetune=rival),
            *(
                made(table, method, [0.7, 0.71, 0.7 + gain], chosen=1, finetune={"lr": lr, **steps})
                for method, gains in LAST.items()
                for lr, gain in zip(RATES, gains, strict=True)
            ),
        )
    ]
