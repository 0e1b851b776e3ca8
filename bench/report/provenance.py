"""What made the records: code, versions, machines, data, weights, settings; what is stale."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from bench.cell.record import Record
from bench.files import digest
from bench.phrases import counted

SHORT = 12  # characters of a hash that are shown


def facts(records: list[Record]) -> list[tuple[str, list[str]]]:
    """Name → values found, most frequent first; where records differ, with their number."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        made = record["provenance"]
        identity = record["identity"]["parts"]
        for name, value in {
            "model": record["cell"]["model"],
            "weights (SHA-256)": identity["model"]["weights"][:SHORT],
            "code (SHA-256)": made["code"][:SHORT],
            "processor": made["processor"],
            "platform": made["platform"],
            "device": made["device"],
            "threads": str(made["threads"]),
            "Python": made["python"],
            **dict(sorted(made["versions"].items())),
        }.items():
            found[name][value] += 1
    return [(name, _with_counts(counts, len(records))) for name, counts in found.items()]


def _with_counts(counts: Counter[str], records: int) -> list[str]:
    if len(counts) == 1 and sum(counts.values()) == records:
        return list(counts)
    return [f"{value} ({counted(n, 'record')})" for value, n in counts.most_common()]


def data_hashes(records: list[Record]) -> list[tuple[str, str]]:
    """Dataset → the fingerprint of its content."""
    parts = {(r["cell"]["dataset"], r["identity"]["parts"]["dataset"][:SHORT]) for r in records}
    return sorted(parts)


def settings_of(records: list[Record]) -> dict[str, Any]:
    """The settings that all cells share, each method's own and each transfer's, as resolved."""
    shared = {"validation_share", "finetune"}
    seen: dict[str, dict[str, Any]] = {name: {} for name in shared}
    methods: dict[str, dict[str, Any]] = defaultdict(dict)
    transfers: dict[str, dict[str, Any]] = defaultdict(dict)
    for record in records:
        settings = record["settings"]
        own = settings["method"]
        methods[record["cell"]["method"]].setdefault(digest([own]), own)
        if transfer := settings.get("transfer"):
            # Which table is left out differs from target to target: it is the target.
            own = {name: value for name, value in transfer.items() if name != "leave_out"}
            transfers[transfer["method"]["name"]].setdefault(digest([own]), own)
        for name in shared:
            seen[name].setdefault(digest([settings[name]]), settings[name])
    return {
        **{name: list(values.values()) for name, values in sorted(seen.items())},
        "methods": {name: _alone(own) for name, own in methods.items()},
        **({"transfer": {n: _alone(own) for n, own in transfers.items()}} if transfers else {}),
    }


def _alone(found: dict[str, Any]) -> Any:
    """All that were found; the only one as it is."""
    values = list(found.values())
    return values[0] if len(values) == 1 else values
