"""The tables that rows are judged on, and the rows that each method sees of them."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import train_test_split

from bench import seeds
from bench.datasets import embedded
from bench.datasets.own.read import load_owned
from bench.datasets.splits import split
from bench.table import Table

MAX_ROWS = 500
SETS = {
    "classification": {
        "choice": (
            *("vehicle", "breast-cancer", "wdbc", "credit-g", "heart-disease", "splice", "glass"),
            *("segment", "contraceptive", "haberman", "workplace-pension"),
            # Imbalanced: the rarest class has 4, 5, 6 and 12 % of the rows, as in glass.
            *("car", "hypothyroid", "caravan", "mortgage"),
            # The target hangs on interactions, of levels (car too) or of numbers.
            *("credit-default", "charity", "weather-insurance", "employer-insurance"),
            *("bone-marrow", "digits"),
        ),
        "confirm": (
            *("diabetes", "australian", "maternal-health-risk", "hepatitis", "tae", "saheart"),
            *("pension-401k", "yeast", "wine-quality-red", "dermatology", "autos", "mammographic"),
        ),
    },
    "regression": {  # the choice leaves the tables of the experiment alone
        "choice": ("airfoil", "car-prices", "pension-participation", "qsar-fish-toxicity", "sleep"),
        "confirm": (
            *("medical-costs", "fertility", "financial-assets", "insurance-expenses", "concrete"),
            *("credit-amount", "bike-sharing", "diabetes-progression", "credit-balance"),
            *("auto-mpg", "ceo-salary", "servo"),
        ),
    },
}


def load(name: str) -> Table:
    """An embedded table by its name, or a file of one's own as ``PATH:TARGET``.

    Raises
    ------
    TableError
        If it cannot be used.
    """
    path, colon, target = name.rpartition(":")
    return load_owned(path, target).table if colon else embedded.load(name)


def parts(dataset: str, seed: int) -> tuple[Table, Table]:
    """Training rows (at most `MAX_ROWS`, levels as they know them) and test rows."""
    table = load(dataset)
    part = split(table, seed)
    rows = part.train
    if len(rows) > MAX_ROWS:
        random_state = seeds.derive("evaluate_scm rows", dataset, seed) % 2**32
        strata = None if table.strata is None else table.strata[rows]
        rows, _ = train_test_split(
            rows, train_size=MAX_ROWS, stratify=strata, random_state=random_state
        )
    return table.take(np.sort(rows)).prune_levels(), table.take(part.test)
