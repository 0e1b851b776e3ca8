"""Records of transfer as a run would leave them, made up: what was gained is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from made_records import made, made_numeric, method_settings

from bench.files import digest

BASE = 0.8  # the published model's ROC-AUC on every target
TARGETS = {
    "healthcare": ["heart", "breast-w", "diabetes", "hepatitis"],
    "finance": ["credit-g", "australian", "banknote", "churn"],
}
SIZES = (32, 64)
HELD_OUT = ("thyroid", "wdbc")
OTHER_SIDE = {"healthcare": "finance", "finance": "healthcare"}
Gains = Callable[[str, str, int], float]  # arm, target, seed → gain


def moved(
    target: str,
    domain: str,
    arm: str,
    gain: float,
    source: str = "healthcare",
    seed: int = 0,
    fold: int = 0,
    method: str = "pretrained",
    settings: dict[str, Any] | None = None,
    numeric: bool = False,
    **changed: Any,
) -> dict[str, Any]:
    """A record of ``target`` by weights that were fine-tuned on tables of ``source``.

    ``gain`` is what it scores over the published model, in RMSE/σ of a ``numeric`` one; with half
    of it at each size of `SIZES` and on each held-out table.
    """
    domains = source.split("+")
    transfer = {
        "method": method_settings(arm),
        "finetune": {"steps": 80},
        "domain": source,
        "tables": None,
        "leave_out": [target],
        "share": 0.667,
        **(settings or {}),
    }
    key = digest([domains, seed, arm, settings, target if domain in domains else None])[:32]
    name, turn = ("rmse_sd", -1) if numeric else ("roc_auc_ovo", 1)
    curve = [BASE, round(BASE + turn * gain, 12)]
    half = [round(BASE + turn * gain / 2, 12)] * len(SIZES)
    record = (made_numeric if numeric else made)(
        target, method, curve, fold=fold, identity={"seed": seed, "transfer": key}
    )
    record["cell"] |= {"domain": domain, "method": f"{source}-{arm}-{method}", "seed": seed}
    record["settings"]["transfer"] = transfer
    record["transfer"] = {
        "key": key,
        "weights": digest([key, "weights"]),
        "domains": domains,
        "sources": ["wine", "iris"],
        "held_out": list(HELD_OUT),
        "dropped": {},
        "chosen_step": 20,
        "last_step": 80,
        "curves": {},
        "forgetting": {
            table: {"pretrained": {name: BASE}, "adapted": {name: half[0]}} for table in HELD_OUT
        },
        "in_context": {
            "rows": list(SIZES),
            "pretrained": {name: [BASE] * len(SIZES)},
            "adapted": {name: half},
        },
    }
    return record | changed


def study(
    arms: Iterable[str],
    gains: Gains,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    within: bool = False,
    targets: dict[str, list[str]] | None = None,
    **changed: Any,
) -> list[dict[str, Any]]:
    """Every arm on every target across the two domains, or within the target's own."""
    return [
        moved(
            target,
            domain,
            arm,
            gains(arm, target, seed),
            source=domain if within else OTHER_SIDE[domain],
            seed=seed,
            **changed,
        )
        for domain, names in (targets or TARGETS).items()
        for target in names
        for arm in arms
        for seed in seeds
    ]
