"""A hospital's table as it is exported: an identifier, dates, text, holes; and what comes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

WARDS = ("surgery", "cardiology", "maternity", "ward 7 B")


def admissions(n: int, seed: int = 0) -> pd.DataFrame:
    """Rows with the target `readmitted` (yes, no), and the stay in days, a number."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 95, n)
    ward = rng.choice(WARDS, n, p=[0.4, 0.3, 0.2, 0.1])
    creatinine = rng.lognormal(0, 0.4, n).round(2)
    smoker = rng.random(n) < 0.3
    risk = (age - 55) / 15 + 2 * (creatinine - 1) + smoker + 1.5 * (ward == "cardiology") - 0.7
    readmitted = risk + rng.logistic(0, 0.7, n) > 0
    days = np.datetime64("2023-01-01") + rng.integers(0, 700, n)
    frame = pd.DataFrame(
        {
            "patient id": [f"P{i:05d}" for i in rng.permutation(90_000)[:n]],
            "admitted": days.astype(str),
            "ward": ward,
            "age": age,
            "creatinine": creatinine,
            "smoker": np.where(smoker, "yes", "no"),
            "stay": (3 + risk.clip(0) + rng.exponential(2, n)).round(1),
            "readmitted": np.where(readmitted, "yes", "no"),
        }
    )
    frame["creatinine"] = frame["creatinine"].mask(rng.random(n) < 0.15)
    frame["ward"] = frame["ward"].mask(rng.random(n) < 0.05)
    return frame


def files(folder: Path, n: int = 120, target: str = "readmitted") -> None:
    """``train.csv``, and ``new.csv`` of rows without the target."""
    admissions(n).to_csv(folder / "train.csv", index=False)
    admissions(n // 3, seed=1).drop(columns=target).to_csv(folder / "new.csv", index=False)
