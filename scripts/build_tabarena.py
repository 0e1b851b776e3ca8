"""Write `conf/dataset/tabarena/`: one YAML for each of TabArena's tasks.

    python -m scripts.build_tabarena

Everything in them (task number, sizes, domain, licence, source) comes from the curated metadata of
the installed `tabarena` package; nothing is typed in. A test holds the files to the package.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from bench.datasets.openml.tabarena import CONF

DOMAINS = {"medical & healthcare": "healthcare", "finance": "finance"}

YAML = """\
# Made by scripts/build_tabarena.py from the metadata of tabarena {version}; edit that, not this.
# Licence: {licence}. From {source}, {year}: {url}
defaults:
  - openml
  - _self_
name: tabarena/{name}
task_id: {task_id}
domain: {domain}  # {field}
expected: {{rows: {rows}, features: {features}, classes: {classes}, repeats: 10, folds: 3}}
"""


def described() -> dict[str, dict[str, Any]]:
    """Name → what the package knows of each task; one of a numeric target has no classes."""
    from tabarena.benchmark.task.metadata.fetch_metadata import load_curated_task_metadata

    metadata = load_curated_task_metadata()
    found = {}
    for row in metadata.itertuples():
        assert (row.openml_num_repeats, row.num_folds) == (10, 3)
        found[row.dataset_name] = {
            "name": row.dataset_name,
            "task_id": int(row.task_id),
            "domain": DOMAINS.get(row.domain, "other"),
            "field": row.domain,
            "rows": int(row.num_instances),
            "features": int(row.num_features) - 1,  # the package counts the target
            "classes": int(row.num_classes) if row.is_classification else 0,
            "licence": row.licence,
            "source": row.data_source,
            "year": row.year,
            "url": row.original_data_url,
        }
    return found


def yaml_of(task: dict[str, Any]) -> str:
    """The config file of a task."""
    return YAML.format(version=version("tabarena"), **task)


def main() -> None:
    CONF.mkdir(parents=True, exist_ok=True)
    for old in CONF.glob("*.yaml"):
        old.unlink()
    for name, task in described().items():
        (CONF / f"{name}.yaml").write_text(yaml_of(task), encoding="utf-8")
    print(f"{len(list(CONF.glob('*.yaml')))} tasks under {CONF}")


if __name__ == "__main__":
    main()
