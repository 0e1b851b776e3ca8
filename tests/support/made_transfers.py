"""Records of transfer as a run would leave them, made up: what was gained is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from made_records import adapted, made, made_numeric

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
    key = digest([domains, seed, arm, settings, target if source == domain else None])
    name, turn = ("rmse_sd", -1) if numeric else ("roc_auc_ovo", 1)
    whole, half = (round(BASE + turn * part, 12) for part in (gain, gain / 2))
    record = adapted(
        (made_numeric if numeric else made)(target, method, [BASE, whole], fold=fold, seed=seed),
        arm,
        domains,
        [f"{domain}-table-{i}" for domain in domains for i in range(2)],
        held_out=dict.fromkeys(HELD_OUT, gain / 2),
        step=20,
        key=key[:32],
        weights=key,
        forgetting={
            table: {"pretrained": {name: BASE}, "adapted": {name: half}} for table in HELD_OUT
        },
        in_context={
            "rows": list(SIZES),
            "pretrained": {name: [BASE] * len(SIZES)},
            "adapted": {name: [half] * len(SIZES)},
        },
    )
    record["cell"] |= {"domain": domain, "method": f"{source}-{arm}-{method}"}
    record["settings"]["transfer"] |= {"leave_out": [target], **(settings or {})}
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
