"""Print a model card's table: mitra-nano in context, not fine-tuned, and three classic learners.

    python -m scripts.evaluate_nano                      # the model that the repository carries
    python -m scripts.evaluate_nano --problem regression # the one of numbers
    python -m scripts.evaluate_nano --checkpoint runs/mitra_nano --csv /tmp/nano.csv

Every embedded table of the problem, splits 0 to 4 (`bench.datasets.splits`): all see the inner
training rows and are scored on the test rows, by one-vs-one macro ROC-AUC, or by R² and by RMSE in
the training target's standard deviations. The validation rows are not used. Nothing is tuned: the
learners keep scikit-learn's defaults but for what `learners` says.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bench.datasets import embedded
from bench.datasets.splits import split
from bench.models.base import Backbone
from bench.models.memory import CHUNK, Memory
from bench.models.tab2d.checkpoint import load
from bench.predicted import Predicted, Predictions
from bench.scores import all_scores
from bench.table import Problem, Table

# Never looked at while the prior, the recipe or the size of the model was chosen.
HELD_OUT = ("australian", "contraceptive", "saheart", "tae", "vehicle")
# Of the numeric targets, by the alphabet: every third of those whose features had not been seen.
HELD_OUT += ("bike-sharing", "concrete", "insurance-expenses", "servo")
MODELS = {"classification": "mitra-nano", "regression": "mitra-nano-regressor"}
SCORES = {"classification": ("roc_auc_ovo",), "regression": ("r2", "rmse_sd")}
MAX_FEATURES, MAX_CONTEXT = 500, 8192  # as in conf/model/mitra_nano.yaml

Predict = Callable[[Table, Table], Predictions]  # (train, test) → what is told of the test rows


def learners(problem: Problem, n_rows: int, seed: int) -> dict[str, object]:
    """The classic learners; k = 15 neighbours, or all rows where there are fewer."""
    if problem == "regression":
        return {
            "ridge regression": Ridge(),
            "random forest": RandomForestRegressor(300, random_state=seed),
            "k nearest neighbours": KNeighborsRegressor(min(15, n_rows)),
        }
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

    def predict(train: Table, test: Table) -> Predictions:
        learner = learners(train.problem, len(train), seed)[name]
        pipeline = Pipeline([("encode", encoding(train)), ("learn", learner)])
        pipeline.fit(_plain(train), train.y)
        if train.problem == "regression":
            return Predicted(pipeline.predict(_plain(test)), scale=float(train.y.std()))
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

    def predict(train: Table, test: Table) -> Predictions:
        rng, memory = np.random.default_rng(seed), Memory(scoring=CHUNK)
        score = model.score(model.encoder(train), train, {"test": test}, rng, memory)
        return score(model.module)["test"]

    return predict


def evaluate(
    predictors: dict[str, Predict], names: Iterable[str], splits: Iterable[int]
) -> pd.DataFrame:
    """One row each table, split and predictor: ``dataset, held_out, split, model`` and scores."""
    rows = []
    for name in names:
        table = embedded.load(name)
        for index in splits:
            part = split(table, index)
            train, test = table.take(part.train), table.take(part.test)
            for model, predict in predictors.items():
                scores = all_scores(test.y, predict(train, test))
                about = {"dataset": name, "held_out": name in HELD_OUT}
                kept = {score: scores[score] for score in SCORES[table.problem]}
                rows.append({**about, "split": index, "model": model, **kept})
    return pd.DataFrame(rows)


def markdown(scores: pd.DataFrame, score: str) -> str:
    """Mean over the splits, a row each table; then the means over the tables of each kind."""
    models = list(dict.fromkeys(scores["model"]))
    table = scores.pivot_table(score, ["held_out", "dataset"], "model")[models]
    parts = [table.droplevel("held_out")]
    kinds = {False: "mean, used in choices", True: "mean, held out"}
    for held_out, label in kinds.items():
        if held_out in table.index.get_level_values("held_out"):
            parts.append(table.loc[held_out].mean().to_frame(f"**{label}**").T)
    parts.append(table.mean().to_frame("**mean of all**").T)
    shown = pd.concat(parts).rename_axis("table")
    shown.index = [f"{i} (held out)" if i in HELD_OUT else i for i in shown.index]
    return shown.to_markdown(floatfmt=".3f")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    problems = get_args(Problem)
    parser.add_argument("--problem", choices=problems, default=problems[0], help="of the tables")
    parser.add_argument("--checkpoint", help="a folder; by default the repository's mitra-nano")
    parser.add_argument("--tables", nargs="*", help="by default all embedded ones of the problem")
    parser.add_argument("--splits", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--seed", type=int, default=0, help="of the random forest")
    parser.add_argument("--csv", type=Path, help="also write every score there")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    problem = given.problem
    model = load(given.checkpoint, MAX_FEATURES, MAX_CONTEXT, device="cpu", problem=problem)
    predictors = {MODELS[problem]: in_context(model, given.seed)}
    predictors |= {name: classic(name, given.seed) for name in learners(problem, 1, 0)}
    scores = evaluate(predictors, given.tables or embedded.names(problem), given.splits)
    if given.csv:
        scores.to_csv(given.csv, index=False)
    print("\n\n".join(f"{score}\n\n{markdown(scores, score)}" for score in SCORES[problem]))


if __name__ == "__main__":
    main()
