"""Pre-train mitra-nano, the small `Tab2D` that ships with the project, on synthetic tables only.

    python -m scripts.pretrain_nano                     # conf/pretrain_nano.yaml, of classes
    python -m scripts.pretrain_nano --config-name pretrain_nano_regressor  # of numbers
    python -m scripts.pretrain_nano steps=200 output=/tmp/try
    python -m scripts.pretrain_nano --help              # every setting

Step *i* draws its tables and their shape from (seed, *i*) and nothing else, so a run that was
killed and started again ends with the same bits as one that was not. It writes into ``output``:

- ``checkpoint.pt``: model, optimizers, average and step; replaced whole;
- ``log.jsonl``: one line each ``log_every`` steps; ``loss.png``: the curve;
- at the end ``config.json`` and ``model.safetensors`` (what `Tab2D.from_pretrained` loads: the
  average of the weights, not the last ones) and ``training.json``: the facts of the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import torch
from autogluon.tabular.models.mitra._internal.models.tab2d import Tab2D
from omegaconf import DictConfig
from safetensors.torch import save_file
from torch import Tensor

from bench.files import CONF, digest, plain
from bench.models.tab2d.forward import forward
from bench.process import processor
from scripts.nano.batches import Batch, batches_from, validation_batches
from scripts.nano.heads import Head, make_head

# Settings that move files and processes but no weight: left out of the configuration's hash.
INDIFFERENT = ("output", "workers", "log_every", "validate_every", "checkpoint_every")

# Model and optimizer


def new_model(config: Any, seed: int) -> Tab2D:
    """A `Tab2D` with random weights, the same for the same seed."""
    torch.manual_seed(seed)
    return Tab2D(
        **{"task": "CLASSIFICATION", **config},
        use_pretrained_weights=False,
        path_to_weights="",
        device="cpu",
    )


def new_optimizers(model: Tab2D, config: Any) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for everything else.

    Muon (https://kellerjordan.github.io/posts/muon/) orthogonalizes a matrix' update; scaled to
    AdamW's step size, one learning rate serves both (https://arxiv.org/abs/2502.16982).
    """
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and name.startswith("layers.")]
    chosen = {id(p) for p in matrices}
    others = [p for _, p in named if id(p) not in chosen]
    muon = torch.optim.Muon(
        matrices,
        lr=config.lr,
        momentum=config.muon_momentum,
        weight_decay=config.muon_weight_decay,
        adjust_lr_fn="match_rms_adamw",
    )
    betas = tuple(config.adamw_betas)
    return [muon, torch.optim.AdamW(others, lr=config.lr, betas=betas, weight_decay=0.0)]


def learning_rate(config: Any, step: int, steps: int) -> float:
    """Linear warm-up, constant, then linear to 0."""
    warm = min(1.0, (step + 1) / config.warmup_steps)
    if step < config.decay_from:
        return config.lr * warm
    return config.lr * warm * ((steps - step) / (steps - config.decay_from))


def batch_loss(model: Tab2D, head: Head, batch: Batch, step: int) -> Tensor:
    """The head's loss of the queries, read in context."""
    x_support, y_support, x_query, y_query = map(torch.from_numpy, batch)
    logits = forward(model, x_support, head.read(y_support), x_query)
    return head.loss(logits, y_query, step)


# The run


@dataclass
class Progress:
    """How far the run is and what it has cost, over all its restarts."""

    step: int = 0
    tables: int = 0
    tokens: int = 0
    wall_s: float = 0.0
    training_cpu_s: float = 0.0
    drawing_cpu_s: float = 0.0
    restarts: int = 0
    losses: list[float] = field(default_factory=list)  # since the last line of the log


class Run:
    """Model, optimizers, average of the weights and progress; what a checkpoint holds.

    Parameters
    ----------
    config : DictConfig
        ``conf/pretrain_nano.yaml``, or ``conf/pretrain_nano_regressor.yaml``.
    """

    def __init__(self, config: Any) -> None:
        self.config = config
        self.folder = Path(config.output)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.head = make_head(config)
        self.model = new_model(config.model, config.seed)
        self.head.prepare(self.model)
        self.optimizers = new_optimizers(self.model, config.optimizer)
        self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.progress = Progress()

    @property
    def _checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def log_path(self) -> Path:
        return self.folder / "log.jsonl"

    def save(self) -> None:
        """Replace the checkpoint; a kill at any moment leaves the old one or the new one."""
        state = {
            "config": config_hash(self.config),
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "average": self.average,
            "progress": vars(self.progress),
        }
        fresh = self._checkpoint.with_suffix(".new")
        torch.save(state, fresh)
        os.replace(fresh, self._checkpoint)

    def resume(self) -> bool:
        """Take up the checkpoint if there is one, and forget the log's lines after it.

        Raises
        ------
        SystemExit
            If the checkpoint was made with other settings.
        """
        if not self._checkpoint.exists():
            self.log_path.unlink(missing_ok=True)
            return False
        state = torch.load(self._checkpoint, weights_only=True)
        if state["config"] != config_hash(self.config):
            raise SystemExit(
                f"{self._checkpoint} was made with other settings; give output= another folder, "
                "or remove it to start again."
            )
        self.model.load_state_dict(state["model"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.average = state["average"]
        self.progress = Progress(**state["progress"])
        self.progress.restarts += 1
        lines = self.read_log()
        text = "".join(json.dumps(x) + "\n" for x in lines if x["step"] <= self.progress.step)
        self.log_path.write_text(text, encoding="utf-8")
        return True

    def step(self, batch: Batch) -> float:
        """One update of weights and average; returns the loss before it."""
        rate = learning_rate(self.config.optimizer, self.progress.step, self.config.steps)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss = batch_loss(self.model, self.head, batch, self.progress.step)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.optimizer.clip)
        if torch.isfinite(norm):  # one freak table must not end the run; the batch is skipped
            for optimizer in self.optimizers:
                optimizer.step()
        t = self.progress.step
        keep = min(self.config.ema_decay, (1 + t) / (10 + t))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        self.progress.step += 1
        b, s, f = batch[0].shape
        self.progress.tables += b
        self.progress.tokens += b * (s + batch[2].shape[1]) * (f + 1)
        return loss.item()

    @torch.no_grad()
    def validate(self, batches: Sequence[Batch]) -> float:
        """Mean loss of the averaged weights over the validation tables."""
        live = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.average)
        losses = [batch_loss(self.model, self.head, b, self.config.steps).item() for b in batches]
        mean = float(np.mean(losses))
        self.model.load_state_dict(live)
        return mean

    def log(self, line: dict[str, Any]) -> None:
        """Append one line to the log."""
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def read_log(self) -> list[dict[str, Any]]:
        """The log's lines; a last one cut short by a kill is left out."""
        lines = []
        for text in (
            self.log_path.read_text(encoding="utf-8").splitlines() if self.log_path.exists() else []
        ):
            try:
                lines.append(json.loads(text))
            except json.JSONDecodeError:
                break
        return lines


def train(config: Any, stop_at: int | None = None) -> Run:
    """Train to the last step, or to ``stop_at`` as a kill there would leave it."""
    torch.set_num_threads(config.threads)
    run = Run(config)
    if run.resume():
        print(f"resumed at step {run.progress.step} of {config.steps}", flush=True)
    validation = validation_batches(config)
    first, begin = run.progress.step, time.perf_counter()
    last = config.steps if stop_at is None else stop_at
    clock = _Clock(run.progress)
    with batches_from(config, first) as batches:
        while run.progress.step < last:
            batch, seconds = next(batches)
            run.progress.losses.append(run.step(batch))
            run.progress.drawing_cpu_s += seconds
            clock.tick()
            _report(run, validation, first, begin)
            if run.progress.step % config.checkpoint_every == 0:
                run.save()
    return run


class _Clock:
    """Adds the wall and CPU time since the last tick to a run's progress."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def tick(self) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.progress.wall_s += wall - self.wall
        self.progress.training_cpu_s += cpu - self.cpu
        self.wall, self.cpu = wall, cpu


def _report(run: Run, validation: Sequence[Batch], first: int, begin: float) -> None:
    """The log's and the terminal's line, when one is due."""
    config, progress = run.config, run.progress
    at_end = progress.step == config.steps
    if progress.step % config.log_every and not at_end:
        return
    line: dict[str, Any] = {"step": progress.step, "loss": float(np.mean(progress.losses))}
    progress.losses = []
    if progress.step % config.validate_every == 0 or at_end:
        line["validation"] = run.validate(validation)
    for key in ("tables", "tokens", "wall_s", "training_cpu_s", "drawing_cpu_s"):
        line[key] = round(getattr(progress, key), 1)
    run.log(line)
    pace = (time.perf_counter() - begin) / (progress.step - first)
    minutes = (config.steps - progress.step) * pace / 60
    shown = f"{line['validation']:.4f}" if "validation" in line else "      "
    print(
        f"step {progress.step}/{config.steps}  loss {line['loss']:.4f}  validation {shown}  "
        f"{progress.tables} tables  {1000 * pace:.0f} ms/step  {minutes:.0f} min left",
        flush=True,
    )


# What is kept


def deciding(config: Any) -> dict[str, Any]:
    """The settings that decide the weights."""
    return {key: value for key, value in plain(config).items() if key not in INDIFFERENT}


def config_hash(config: Any) -> str:
    """SHA-256 of the settings that decide the weights."""
    return digest(deciding(config))


def export(state: dict[str, Tensor], model_config: Any, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` as `Tab2D.from_pretrained` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {key: model_config[key] for key in ("dim", "dim_output", "n_layers", "n_heads")}
    text = json.dumps({**config, "task": model_config.get("task", "CLASSIFICATION")}) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    tensors = {name: value.contiguous() for name, value in state.items()}
    save_file(tensors, folder / "model.safetensors")


def training_facts(run: Run) -> dict[str, Any]:
    """How the weights came about: settings, data seen, cost, machine, versions."""
    config, progress = run.config, run.progress
    weights = (run.folder / "model.safetensors").read_bytes()
    lines = [line for line in run.read_log() if "validation" in line]
    return {
        "seed": config.seed,
        "steps": progress.step,
        "tables": progress.tables,
        "tokens": progress.tokens,
        "parameters": sum(p.numel() for p in run.model.parameters()),
        "wall_s": round(progress.wall_s),
        "training_cpu_s": round(progress.training_cpu_s),
        "drawing_cpu_s": round(progress.drawing_cpu_s),
        "restarts": progress.restarts,
        "final_validation_loss": lines[-1]["validation"] if lines else None,
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": config.threads,
            "system": platform.system(),
            "device": "cpu",
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "numpy", "scikit-learn")},
            "autogluon.tabular": version("autogluon.tabular"),
        },
        "config_sha256": config_hash(config),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "config": deciding(config),
    }


def draw_curve(lines: list[dict[str, Any]], path: Path) -> None:
    """The loss curve as a small picture."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(6, 3.2), dpi=110)
    axis.plot([x["step"] for x in lines], [x["loss"] for x in lines], lw=0.6, alpha=0.6)
    checked = [x for x in lines if "validation" in x]
    axis.plot([x["step"] for x in checked], [x["validation"] for x in checked], lw=1.6)
    axis.legend(["training batches (they grow harder)", "validation, averaged weights"], fontsize=8)
    axis.set(xlabel="step", ylabel="cross-entropy")
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def finish(run: Run) -> None:
    """Write the model, its facts and the curve."""
    export(run.average, run.config.model, run.folder)
    facts = json.dumps(training_facts(run), indent=2) + "\n"
    (run.folder / "training.json").write_text(facts, encoding="utf-8")
    draw_curve(run.read_log(), run.folder / "loss.png")


@hydra.main(version_base=None, config_path=str(CONF), config_name="pretrain_nano")
def main(config: DictConfig) -> None:
    run = train(config)
    run.save()
    finish(run)
    print(f"wrote {run.folder / 'model.safetensors'}")


if __name__ == "__main__":
    main()
