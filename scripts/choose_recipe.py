"""Choose the fine-tuning recipe: default fine-tuning over a grid, judged by validation rows alone.

Runs on tables outside the default experiment, and reads the *validation* curves only, so neither
a test row nor a table of `experiment=embedded` has a say. Two readings of each setting, averaged
over runs: the validation gain at the last step (no choice of step involved), and at the best step
(what early stopping will see, an optimistic figure).

    python -m scripts.choose_recipe                   # like that behind conf/finetune/default.yaml
    python -m scripts.choose_recipe --lr 1e-4 --steps 30 60 --folds 0 1
    python -m scripts.choose_recipe --lr 1e-4 --also "" finetune.ema=0.9 "finetune.l2_sp=1"
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from joblib import Parallel, delayed
from omegaconf import DictConfig

from bench.cell import run as cell
from bench.cell.config import register
from bench.cell.identity import identity, score_fingerprints
from bench.files import CONF

TABLES = [
    *["breast-w", "wdbc", "mammographic", "saheart", "haberman", "dermatology", "car", "penguins"],
    *["autos", "wine-quality-red", "bone-marrow", "iris"],
]


def main() -> None:
    """Run the grid and print a row a setting, best validation gain at the last step first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lr", nargs="+", type=float, default=[1e-5, 3e-5, 1e-4, 3e-4])
    parser.add_argument("--steps", nargs="+", type=int, default=[30])
    parser.add_argument("--also", nargs="+", default=[""], help="more words of a run, in quotes")
    parser.add_argument("--folds", nargs="+", type=int, default=[0])
    parser.add_argument("--tables", nargs="+", default=TABLES)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    grid = itertools.product(args.tables, args.folds, args.lr, args.steps, args.also)
    rows = Parallel(n_jobs=args.workers, verbose=5)(delayed(gains)(*setting) for setting in grid)
    by = pd.DataFrame(rows).groupby(["lr", "steps", "also"])[
        ["last_auc", "best_auc", "last_log_loss", "better_at_last"]
    ]
    table = by.mean().join(by.size().rename("runs")).sort_values("last_auc", ascending=False)
    print(table.to_markdown(floatfmt="+.2f"))
    print("Mean change on validation rows, ×1000 (log-loss: negative is better).")


def gains(
    dataset: str, fold: int, lr: float, steps: int, also: str
) -> dict[str, float | str | int]:
    """Validation gains of one run over the pre-trained model."""
    register()
    overrides = [f"dataset={dataset}", f"fold={fold}", f"finetune.lr={lr}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", [*overrides, f"finetune.steps={steps}", *also.split()])
    curves = validation_curves(cfg)
    auc, loss = (np.array(curves[name]) for name in ("roc_auc_ovo", "log_loss"))
    return {
        "lr": lr,
        "steps": steps,
        "also": also or "-",
        "last_auc": 1000 * (auc[-1] - auc[0]),
        "best_auc": 1000 * (auc.max() - auc[0]),
        "last_log_loss": 1000 * (loss[-1] - loss[0]),
        "better_at_last": float(auc[-1] > auc[0]),
    }


def validation_curves(cfg: DictConfig) -> dict[str, list[float]]:
    """The curves of one default fine-tuning, without those of the test part."""
    table, checkpoint = instantiate(cfg.dataset), instantiate(cfg.model)
    names = {"dataset": table.name, "method": cfg.method.name, "fold": cfg.fold}
    what = identity(cfg, table)
    record = cell.run(cfg, names, table, checkpoint, what, code="", scores=score_fingerprints())
    if record["status"] != "done":
        raise SystemExit(f"{table.name}: {record['error']['message']}")
    return dict(record["curves"]["validation"])


if __name__ == "__main__":
    main()
