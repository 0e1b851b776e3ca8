"""Compare speed and memory of our fine-tuning with AutoGluon's Mitra's `fit` as shipped.

    python -m scripts.benchmark_finetune            # mitra-nano on two tables, and the full size
    python -m scripts.benchmark_finetune --quick    # mitra-nano on one table, few steps, run once
    python -m scripts.benchmark_finetune --only full --repeats 1
    python -m scripts.benchmark_finetune --problem regression

Both sides start from the same checkpoint folder and the same float32 arrays, take the same number
of steps and evaluate before the first and after every step. What differs is their own business:

    side        an evaluation scores     then      precision
    ours        validation and test      restores  float32; full size: bfloat16, steps and scores,
                                         the best  where the processor is faster at it
    autogluon   validation               nothing   bfloat16 autocast

Each measurement is a fresh process, the sides take turns, and medians are compared. Time is CPU
time of all threads and wall time from the checkpoint on disk to the fine-tuned model; memory is the
process's peak, libraries included. The full size (512 dimensions, 12 layers, 4 heads) has random
weights: speed does not depend on them.

For regression the tables are the same ones, with a number in each class's place, the head has one
output and random weights, and `MitraRegressor` is what ours is compared with. Ours on the classes
takes its turn, too: what a numeric target costs is the ratio of the two.

Ends with lines ``RATIO <name> <value>``; above 1, ours is better.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.process import peak_memory_mb
from bench.table import Problem, Table
from scripts.fresh_process import Failed, result

FULL = {"dim": 512, "dim_output": 10, "n_layers": 12, "n_heads": 4}
MAX_SUPPORT, MAX_QUERY = 8192, 1024  # AutoGluon's caps: at these tables, all rows
OF_CLASSES = "of classes"  # a side of regression
RATIOS = {"cpu": "time", "wall": "wall-time", "memory": "memory"}  # measured → its name in a RATIO
SHOWN = {"cpu": "{:7.2f} s CPU", "wall": "{:7.2f} s wall", "memory": "{:6.0f} MiB"}


@dataclass(frozen=True)
class Configuration:
    """One comparison."""

    name: str
    dataset: str
    steps: int
    full: bool = False  # the full size instead of mitra-nano
    rows: int | None = None  # the first rows of a shuffled table, stratified; None: all
    threads: int | None = 1  # None: as many as the libraries take
    device: str = "cpu"
    checkpoint: str = ""
    problem: Problem = "classification"
    of_classes: str = ""  # of regression: the checkpoint of the same size for classes


CONFIGURATIONS = (
    Configuration("nano-wdbc", "wdbc", steps=30),
    Configuration("nano-credit-g", "credit-g", steps=30),
    Configuration("full-wdbc", "wdbc", steps=2, full=True, rows=150),
)
QUICK = (Configuration("nano-wdbc", "wdbc", steps=4),)


def measure(side: str, configuration: Configuration) -> dict[str, float]:
    """Run one side in this process."""
    import torch

    torch.set_num_threads(configuration.threads)
    fit = SIDES[side](configuration)
    cpu, wall = time.process_time(), time.perf_counter()
    fit()
    return {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "memory": peak_memory_mb(),
    }


def ours(configuration: Configuration) -> Callable[[], object]:
    from bench.finetune.loop import finetune
    from bench.finetune.settings import Finetune, Keep, Precision, SelectBy
    from bench.finetune.sources import RealTasks
    from bench.models.memory import CHUNK, Memory
    from bench.models.tab2d.checkpoint import load

    train, parts = _parts(configuration)
    settings = Finetune(
        steps=configuration.steps,
        lr=1e-4,
        warmup_steps=5,
        weight_decay=0.1,
        clip_norm=1.0,
        patience=configuration.steps,
        eval_every=1,
        select_by=SelectBy.roc_auc_ovo,
        keep=Keep.best,
        precision=Precision.bfloat16 if _in_bfloat16(configuration) else Precision.float32,
        query_share=0.2,
        max_support=MAX_SUPPORT,
        max_query=MAX_QUERY,
        slice_logits=True,
    )

    def fit() -> object:
        checkpoint = load(
            configuration.checkpoint,
            500,
            MAX_SUPPORT,
            device=configuration.device,
            scoring=str(settings.precision),
            problem=configuration.problem,
        )
        encoder = checkpoint.encoder(train)
        memory = Memory(scoring=CHUNK)
        score = checkpoint.score(encoder, train, parts, np.random.default_rng(0), memory)
        source = RealTasks(train, encoder, settings, ("benchmark",))
        result = finetune(
            checkpoint,
            source,
            score,
            {part: rows.y for part, rows in parts.items()},
            train.n_classes,
            settings,
        )
        assert result.last_step == configuration.steps
        assert len(result.curves["step"]) == configuration.steps + 1
        return result

    return fit


def of_classes(configuration: Configuration) -> Callable[[], object]:
    """Ours, on the table whose target was made numeric."""
    return ours(
        replace(configuration, problem="classification", checkpoint=configuration.of_classes)
    )


def autogluon(configuration: Configuration) -> Callable[[], object]:
    from autogluon.tabular.models.mitra import sklearn_interface
    from autogluon.tabular.models.mitra._internal.core.trainer_finetune import TrainerFinetune

    from bench.models.tab2d.encoder import Encoder

    train, parts = _parts(replace(configuration, problem="classification"))
    validation = parts["validation"]
    encoder = Encoder(10).fit(train)  # only to give both sides the same numbers
    x, x_validation = encoder.encode_x(train), encoder.encode_x(validation)
    y, y_validation = encoder.encode_y(train.y), encoder.encode_y(validation.y)
    mitra = sklearn_interface.MitraClassifier
    if configuration.problem == "regression":  # it scales the target itself
        y, y_validation = valued(train).y, valued(validation).y
        mitra = sklearn_interface.MitraRegressor

    def fit() -> object:
        evaluations = _count_calls(TrainerFinetune, "evaluate")
        model = mitra(
            hf_model=configuration.checkpoint,
            device=configuration.device,
            fine_tune_steps=configuration.steps,
            patience=10**6,
            verbose=False,
        )
        model.fit(x, y, x_validation, y_validation)
        assert len(evaluations) == configuration.steps + 1
        return model

    return fit


# Each gives what remains: the fine-tuning itself.
SIDES = {"ours": ours, "autogluon": autogluon, OF_CLASSES: of_classes}
SIDES_OF: dict[Problem, tuple[str, ...]] = {
    "classification": ("ours", "autogluon"),
    "regression": ("ours", OF_CLASSES, "autogluon"),
}


def _count_calls(owner: type, method: str) -> list[None]:
    """A list that grows by one with each call of the method."""
    original = getattr(owner, method)
    calls: list[None] = []

    def counted(*args: Any) -> Any:
        calls.append(None)
        return original(*args)

    setattr(owner, method, counted)
    return calls


def _parts(configuration: Configuration) -> tuple[Any, dict[str, Any]]:
    """Split 0 of the table: the training rows, and the validation and test parts.

    The rows are those of the classes' split, whatever the problem.
    """
    from sklearn.model_selection import train_test_split

    from bench.datasets import embedded
    from bench.datasets.splits import split

    table = embedded.load(configuration.dataset)
    if configuration.rows is not None:
        kept, _ = train_test_split(
            np.arange(len(table)),
            train_size=configuration.rows,
            stratify=table.y,
            random_state=0,
        )
        table = table.take(np.sort(kept))
    rows = split(table, 0)
    parts = {"validation": table.take(rows.validation), "test": table.take(rows.test)}
    train = table.take(rows.train).prune_levels()
    if configuration.problem == "regression":
        return valued(train), {part: valued(rows) for part, rows in parts.items()}
    return train, parts


def valued(table: Table) -> Table:
    """The table with a number in each class's place."""
    noise = np.random.default_rng(0).normal(size=len(table))
    return replace(table, y=table.y + noise, classes=())


def _in_bfloat16(configuration: Configuration) -> bool:
    """The full size, where the processor multiplies bfloat16 matrices faster than float32.

    Measured, not looked up: ``avx512_bf16`` without AMX is twice as fast as float32 on some
    processors and half as fast on others, and `torch.cpu` tells only that it is there.
    """
    import torch

    if configuration.device != "cpu":
        return True

    def seconds(dtype: torch.dtype) -> float:
        matrix = torch.ones(1024, 1024, dtype=dtype)
        times = []
        for _ in range(5):
            start = time.process_time()
            matrix @ matrix
            times.append(time.process_time() - start)
        return min(times)

    return configuration.full and seconds(torch.bfloat16) < 0.8 * seconds(torch.float32)


def save_full_size(folder: Path) -> None:
    """A checkpoint of Mitra's size with random weights from a fixed seed."""
    save(folder, FULL)


def save(folder: Path, shape: dict[str, Any]) -> None:
    """A checkpoint of this shape with random weights from a fixed seed."""
    from scripts.pretrain_nano import export, new_model

    export(new_model(shape, seed=0).state_dict(), shape, folder)


def compare(
    measure: Callable[[str, Configuration], dict[str, float]],
    configuration: Configuration,
    repeats: int,
    shown: dict[str, str],
) -> dict[str, dict[str, float]]:
    """Medians of each side over interleaved runs, a process each."""
    sides = SIDES_OF[configuration.problem]
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    for repeat in range(repeats):
        for side in sides:
            try:
                run = result(measure, side, configuration, threads=configuration.threads)
            except Failed as failure:
                raise SystemExit(f"{configuration.name}: {side} failed.\n{failure}") from None
            runs[side].append(run)
            told = "  ".join(form.format(run[what]) for what, form in shown.items())
            print(f"{configuration.name}  {repeat + 1}/{repeats}  {side:10}  {told}", flush=True)
    return {
        side: {what: statistics.median(run[what] for run in of_side) for what in shown}
        for side, of_side in runs.items()
    }


def ratios(configuration: Configuration, medians: dict[str, dict[str, float]]) -> list[str]:
    """A line for each measure of each side that ours is held against."""
    return [
        f"RATIO {configuration.name}-{RATIOS[what]}{told} {theirs / medians['ours'][what]:.2f}"
        for side, told in (("autogluon", ""), (OF_CLASSES, "-of-classes"))
        for what, theirs in medians.get(side, {}).items()
    ]


def _chosen(args: argparse.Namespace, folder: Path) -> Iterable[Configuration]:
    """The configurations that are asked for, each with its checkpoint, saved in the folder."""
    from bench.models.weights import NANO

    nano = json.loads((NANO / "config.json").read_text(encoding="utf-8"))
    for chosen in QUICK if args.quick else CONFIGURATIONS:
        if args.only not in chosen.name:
            continue
        size, shape = ("full", FULL) if chosen.full else ("nano", nano)
        classes = folder / size if chosen.full else NANO
        if chosen.full and not classes.exists():
            save_full_size(classes)
        configuration = replace(chosen, threads=args.threads, checkpoint=str(classes))
        if args.problem == "regression":
            values = folder / f"{size}-values"
            if not values.exists():
                save(values, {**shape, "dim_output": 1, "task": "REGRESSION"})
            configuration = replace(
                configuration,
                name=f"{chosen.name}-regression",
                problem="regression",
                checkpoint=str(values),
                of_classes=str(classes),
            )
        yield configuration


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=1, help="of both sides (default: 1)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side (default: 3)")
    parser.add_argument("--problem", choices=list(SIDES_OF), default="classification")
    parser.add_argument("--only", default="", metavar="TEXT", help="configurations named like this")
    parser.add_argument("--quick", action="store_true", help="one small comparison, run once")
    args = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for configuration in _chosen(args, Path(folder)):
            precision = "bfloat16" if _in_bfloat16(configuration) else "float32"
            print(f"{configuration.name}: {configuration.steps} steps, ours in {precision}")
            repeats = 1 if args.quick else args.repeats
            lines += ratios(configuration, compare(measure, configuration, repeats, SHOWN))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
