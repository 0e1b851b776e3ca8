"""Records of transfer that came to no result."""

from __future__ import annotations

from bench.report.table import Column, nothing
from bench.report.transfer.reading import TransferTable

missing = TransferTable(
    key="unfinished",
    title="Left out",
    make=lambda reading: reading.answer.unfinished,
    row="target",
    columns=[Column(name, name) for name in ("fold", "seed", "arm", "status", "error")],
    caption="They are in no number of these tables.",
    empty="Nothing: no cell failed.",
    behind=nothing,
    place=140,
)
