"""Print the model card's table: mitra-nano in context, not fine-tuned, and three classic learners.

    python -m scripts.evaluate_nano                      # the model that the repository carries
    python -m scripts.evaluate_nano --checkpoint runs/mitra_nano --csv /tmp/nano.csv

Every embedded table, splits 0 to 4 (`bench.datasets.splits`): all see the inner training rows and
are scored on the test rows by one-vs-one macro ROC-AUC. The validation rows are not used. Nothing
is tuned: the learners keep scikit-learn's defaults but for what `learners` says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.datasets import embedded
from bench.datasets.splits import split
from bench.models.base import Backbone
from bench.models.memory import CHUNK, Memory
from bench.models.tab2d.checkpoint import load
from bench.scores.roc_auc_ovo import roc_auc_ovo
from bench.table import Table

# Never looked at while the prior, the recipe or the size of the model was chosen.
HELD_OUT = ("australian", "contraceptive", "saheart", "tae", "vehicle")
MODEL = "mitra-nano"
MAX_FEATURES, MAX_CONTEXT = 500, 8192  # as in conf/model/mitra_nano.yaml

Predict = Callable[[Table, Table], np.ndarray]  # (train, test) → probabilities (q, n_classes)


def learners(n_rows: int, seed: int) -> dict[str, object]:
    """The classic learners; k = 15 neighbours, or all rows where there are fewer."""
    return {
        "logistic regression": LogisticRegression(max_iter=5000),
        "random forest": RandomForestClassifier(300, random_state=seed),
        "k nearest neighbours": KNeighborsClassifier(min(15, n_rows)),
    }


def encoding(table: Table) -> object:
    """Standardized numbers with the mean for a missing one, one-hot levels (missing is a level)."""
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return make_column_transformer((numbers, table.numeric), (levels, table.categorical))


def classic(name: str, seed: int) -> Predict:
    """A classic learner as a function of the two parts."""

    def predict(train: Table, test: Table) -> np.ndarray:
        pipeline = Pipeline(
            [("encode", encoding(train)), ("learn", learners(len(train), seed)[name])]
        )
        pipeline.fit(_plain(train), train.y)
        probabilities = np.zeros((len(test), train.n_classes))
        probabilities[:, pipeline.classes_] = pipeline.predict_proba(_plain(test))
        return probabilities

    return predict


def _plain(table: Table) -> pd.DataFrame:
    """Levels as strings: scikit-learn's encoder sorts them, missing ones with them."""
    features = table.X.copy()
    for column in table.categorical:
        features[column] = features[column].astype(object).fillna("missing")
    return features


def in_context(model: Backbone, seed: int) -> Predict:
    """The model with the training rows as its support."""

    def predict(train: Table, test: Table) -> np.ndarray:
        rng, memory = np.random.default_rng(seed), Memory(scoring=CHUNK)
        score = model.score(model.encoder(train), train, {"test": test}, rng, memory)
        return score(model.module)["test"]

    return predict


def evaluate(
    predictors: dict[str, Predict], names: Iterable[str], splits: Iterable[int]
) -> pd.DataFrame:
    """One row each table, split and predictor: ``dataset, held_out, split, model, roc_auc_ovo``."""
    rows = []
    for name in names:
        table = embedded.load(name)
        for index in splits:
            part = split(table, index)
            train, test = table.take(part.train), table.take(part.test)
            for model, predict in predictors.items():
                score = roc_auc_ovo(test.y, predict(train, test))
                rows.append((name, name in HELD_OUT, index, model, score))
    columns = ["dataset", "held_out", "split", "model", "roc_auc_ovo"]
    return pd.DataFrame(rows, columns=columns)


def markdown(scores: pd.DataFrame) -> str:
    """Mean over the splits, a row each table; then the means over the tables of each kind."""
    models = list(dict.fromkeys(scores["model"]))
    table = scores.pivot_table("roc_auc_ovo", ["held_out", "dataset"], "model")[models]
    parts = [table.droplevel("held_out")]
    kinds = {False: "mean, used in choices", True: "mean, held out"}
    for held_out, label in kinds.items():
        if held_out in table.index.get_level_values("held_out"):
            parts.append(table.loc[held_out].mean().to_frame(f"**{label}**").T)
    shown = pd.concat(parts).rename_axis("table")
    shown.index = [f"{i} (held out)" if i in HELD_OUT else i for i in shown.index]
    return shown.to_markdown(floatfmt=".3f")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", help="a folder; by default the repository's mitra-nano")
    parser.add_argument("--tables", nargs="*", help="by default all embedded ones")
    parser.add_argument("--splits", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--seed", type=int, default=0, help="of the random forest")
    parser.add_argument("--csv", type=Path, help="also write every score there")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    model = load(given.checkpoint, MAX_FEATURES, MAX_CONTEXT, device="cpu")
    predictors = {MODEL: in_context(model, given.seed)}
    predictors |= {name: classic(name, given.seed) for name in learners(1, 0)}
    scores = evaluate(predictors, given.tables or embedded.names("classification"), given.splits)
    if given.csv:
        scores.to_csv(given.csv, index=False)
    print(markdown(scores))


if __name__ == "__main__":
    main()
