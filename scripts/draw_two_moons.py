"""Draw two moons and the rows that TabEBM makes of them: generators/tabebm/two_moons.png.

    python -m scripts.draw_two_moons

Both scalings of the drift, at the published step, beside the energy of one class. The printed
shares are those of rows that a 5-nearest-neighbours classifier, fitted to other real rows, takes to
be of the class that they were made for.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import make_moons
from sklearn.neighbors import KNeighborsClassifier

from bench.models.tab2d.checkpoint import load
from bench.table import Table
from generators.tabebm import TabEBM

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # after the choice of a backend without a screen

FILE = Path(__file__).parents[1] / "generators" / "tabebm" / "two_moons.png"
COLOURS = np.array(["#c44e52", "#4c72b0"])


def moons(n: int, seed: int) -> Table:
    """``n`` rows on two interleaved half circles, with noise."""
    X, y = make_moons(n, noise=0.1, random_state=seed)
    frame = pd.DataFrame(X, columns=["u", "v"])
    kinds = {"u": "numeric", "v": "numeric"}
    return Table("two moons", frame, y, kinds, ("upper", "lower"), "moon")


def main() -> None:
    real, others = moons(200, seed=0), moons(400, seed=1)
    judge = KNeighborsClassifier(5).fit(others.X, others.y)
    print(f"real rows: {judge.score(real.X, real.y):.3f}")
    classifier = load(None, max_features=500, max_context=8192, device="cpu").smooth()
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharex=True, sharey=True)
    for axis, drift in zip(axes, ("mean", "row")):
        # The row's own drift is large: its gradient must be taken at each step.
        generator = TabEBM(drift=drift, refresh=20 if drift == "mean" else 1).over(classifier)
        rows = generator.fit(real, np.random.default_rng(0)).sample(200, np.random.default_rng(1))
        share = judge.score(rows.X, rows.y)
        print(f"drift {drift}: {share:.3f}")
        axis.scatter(real.X["u"], real.X["v"], s=10, c=COLOURS[real.y], alpha=0.3, linewidths=0)
        axis.scatter(rows.X["u"], rows.X["v"], s=14, c=COLOURS[rows.y], marker="x", linewidths=0.9)
        axis.set_title(f"drift: {drift} ({share:.1%} of their class)", fontsize=10)
    show_energy(axes[2], generator, real)
    figure.tight_layout()
    figure.savefig(FILE, dpi=80)
    print(FILE)


def show_energy(axis: plt.Axes, generator: TabEBM, real: Table) -> None:
    """The energy of the first class over the plane; dark is low."""
    u, v = np.meshgrid(np.linspace(-1.5, 2.5, 80), np.linspace(-1.0, 1.5, 60))
    grid = real.with_rows(pd.DataFrame({"u": u.ravel(), "v": v.ravel()}), np.zeros(u.size, int))
    encoded = generator.rows_.encode(grid.X.to_numpy()).astype(np.float32)
    with torch.no_grad():
        energy = generator.energies_[0](torch.from_numpy(encoded)).numpy()
    axis.contourf(u, v, energy.reshape(u.shape), levels=20, cmap="Greys_r")
    mine = real.X[real.y == 0]
    axis.scatter(mine["u"], mine["v"], s=10, c=COLOURS[0], linewidths=0)
    axis.set_title("energy of the upper moon, dark: low", fontsize=10)


if __name__ == "__main__":
    main()
