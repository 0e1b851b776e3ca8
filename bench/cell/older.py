"""Versions 2 to 5 of the record, brought up to the present one; nobody else knows of them.

Version 5 knew no transfer. Version 4 knew no bags, and named predictions by their steps. Version
3 kept none, and did not tell which definitions its scores are of. Version 2 named no metric, its
tables being ranked by one-vs-one ROC-AUC, and its curves lay side by side: ``validation_log_loss``
is ``validation.log_loss`` now. It told the processor's name alone, which several generations share,
so that nobody knows which kernels made its numbers.
"""

from __future__ import annotations

from typing import Any

from bench.cell.predictions import once
from bench.cell.record import KEYS, damage, seal
from bench.files import Unsound
from bench.scores.roc_auc_ovo import roc_auc_ovo

LACKED = {  # keys, by version
    2: {"transfer", "children", "predictions", "metric"},
    3: {"transfer", "children", "predictions"},
    4: {"transfer", "children"},
    5: {"transfer"},
}
UNTOLD = "not told"  # no processor of today is that
BARE = ("step", "train_loss")  # curves of no part


def upgraded(content: Any) -> Any:
    """A file's content, of an older version as a record of the present one; else as it is.

    Raises
    ------
    Unsound
        If its keys, or its checksum, are not those of its version.
    """
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or version not in LACKED:
        return content
    wrong = damage(content, version, KEYS - LACKED[version])
    if wrong is not None:
        raise Unsound(wrong)
    record = {k: v for k, v in content.items() if k not in ("schema_version", "checksum")}
    record["transfer"] = None
    if version == 5:
        return seal(record)
    record["children"] = []
    if version == 4:
        return seal({**record, "predictions": _by_name(record)})
    made = {"scores": {}} if version == 3 else {"scores": {}, "kernels": UNTOLD}
    if isinstance(record["provenance"], dict):
        record["provenance"] = record["provenance"] | made
    if version == 2:
        record |= {"metric": roc_auc_ovo.as_metric(), "curves": _by_part(record["curves"])}
    return seal({**record, "predictions": {}})


def _by_name(record: dict[str, Any]) -> Any:
    """Predictions by when, not by step; what are none is left for the schema to refuse."""
    kept = record["predictions"]
    found = kept.get("steps") if isinstance(kept, dict) else None
    steps = [str(step) for step in (0, record["chosen_step"], record["last_step"])]
    if not isinstance(found, dict) or set(found) != set(steps):
        return kept
    return {**kept, "steps": once(found[step] for step in steps)}


def _by_part(curves: Any) -> Any:
    """Curves in an object a part; what are none is left for the schema to refuse."""
    if not isinstance(curves, dict):
        return curves
    out: dict[str, Any] = {name: curves[name] for name in BARE if name in curves}
    for name, curve in curves.items():
        if name not in BARE:
            part, _, score = name.partition("_")
            out.setdefault(part, {})[score] = curve
    return out
