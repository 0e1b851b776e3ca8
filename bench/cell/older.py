"""Version 2 of the record, brought up to the present one; nobody else knows that there was one.

It named no metric, its tables being ranked by one-vs-one ROC-AUC, and its curves lay side by side:
``validation_log_loss`` is ``validation.log_loss`` now. It told the processor's name alone, which
several generations share, so that nobody knows which kernels made its numbers.
"""

from __future__ import annotations

from typing import Any

from bench.cell.record import KEYS, damage, seal
from bench.files import Unsound
from bench.scores.roc_auc_ovo import roc_auc_ovo

VERSION = 2
UNTOLD = "not told"  # no processor of today is that
BARE = ("step", "train_loss")  # curves of no part


def upgraded(content: Any) -> Any:
    """A file's content, of version 2 as a record of the present version; else as it is.

    Raises
    ------
    Unsound
        If its keys, or its checksum, are not those of version 2.
    """
    version = content.get("schema_version") if isinstance(content, dict) else None
    if type(version) is not int or version != VERSION:
        return content
    wrong = damage(content, VERSION, KEYS - {"metric"})
    if wrong is not None:
        raise Unsound(wrong)
    kept = {k: v for k, v in content.items() if k not in ("schema_version", "checksum")}
    curves = _by_part(content["curves"])
    made = content["provenance"]
    made = {**made, "kernels": UNTOLD} if isinstance(made, dict) else made
    new = {"metric": roc_auc_ovo.as_metric(), "curves": curves, "provenance": made}
    return seal({**kept, **new})


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
