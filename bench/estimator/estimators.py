"""scikit-learn's two estimators over `bench.estimator.fitting`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from bench.errors import BadInput, ModelError, TableError
from bench.estimator.report import Report
from bench.estimator.settings import Settings, parameters, settings_of
from bench.generator import Generator
from bench.predicted import Predicted, Predictions
from bench.table import Problem
from bench.ticking import EVERY, Left

if TYPE_CHECKING:
    from bench.datasets.own.frame import Owned
    from bench.estimator.fitted import Fitted

Features = pd.DataFrame | np.ndarray | Sequence[Sequence[Any]]
SEEDS = 2**31 - 1


class FineTuned(BaseEstimator):
    """What both estimators have in common.

    Parameters
    ----------
    model : str or mapping, default="mitra_nano"
        The pre-trained model: a name of ``conf/model``, a folder with a checkpoint, or a plain
        config as ``conf/model`` has.
    generator : str, Generator or None, default="causal"
        Where rows come from that join the real ones in fine-tuning: ``causal``, a name of
        ``conf/method``, or a generator, of which a copy is fitted. None: real rows alone.
    mixing_ratio : float, default=1.0
        Generated rows a real row.
    steps, lr, select_by : optional
        Steps, learning rate, and the rule that chooses the step or keeps the base; by default as
        ``conf/finetune/safe.yaml`` has them.
    bag : int, default=1
        Networks, each with another piece of the rows held out.
    validation_share : float, default=0.2
        Of the rows, held out to choose the step by; a bag does without.
    join_validation : bool, default=True
        Whether the held-out rows join the context that predictions read, once the step is chosen.
    eval_metric : str, optional
        The score that the report tells, a file of ``bench/scores``; the choice reads those of
        ``select_by``.
    time_limit : float, optional
        Seconds of a fit, which ends at the best step so far, as it does by Ctrl-C.
    device : str, default="auto"
        ``auto`` takes a GPU where there is one.
    random_state : int, RandomState or None, default=0
        The same number gives the same bits, on one machine with as many threads.
    threads : int, optional
        None is one, as for cells: the same bits on any number of cores.
    cache_dir : str, optional
        Where models of the hub are kept; by default where the hub's own client keeps them.
    verbose : int, default=0
        1 tells on standard error how far a fit has come.

    Attributes
    ----------
    report_ : Report
        What the fit came to; ``print`` of a fitted model shows it.
    fitted_ : Fitted
        The networks, and the rows that they read.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X had names: as its columns are read, without blanks around them.
    """

    _problem: Problem

    def __init__(
        self,
        model: str | Mapping[str, Any] = "mitra_nano",
        *,
        generator: str | Generator | None = "causal",
        mixing_ratio: float = 1.0,
        steps: int | None = None,
        lr: float | None = None,
        select_by: str | None = None,
        bag: int = 1,
        validation_share: float = 0.2,
        join_validation: bool = True,
        eval_metric: str | None = None,
        time_limit: float | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = 0,
        threads: int | None = None,
        cache_dir: str | None = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.generator = generator
        self.mixing_ratio = mixing_ratio
        self.steps = steps
        self.lr = lr
        self.select_by = select_by
        self.bag = bag
        self.validation_share = validation_share
        self.join_validation = join_validation
        self.eval_metric = eval_metric
        self.time_limit = time_limit
        self.device = device
        self.random_state = random_state
        self.threads = threads
        self.cache_dir = cache_dir
        self.verbose = verbose

    def fit(
        self,
        X: Features,
        y: Any,
        X_val: Features | None = None,
        y_val: Any = None,
        categorical: Sequence[str | int] | None = None,
        groups: Any = None,
    ) -> Self:
        """Fine-tune on these rows, or keep the pre-trained model where that is safer.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n_rows, n_features)
            Numbers, texts, categories, booleans, dates, missing values; it is not changed.
        y : array_like, shape (n_rows,)
        X_val, y_val : optional
            Rows to choose the step by; else a share of the rows is held out.
        categorical : sequence of str or int, optional
            Columns that hold categories although they hold numbers, by name or place.
        groups : array_like, shape (n_rows,), optional
            What each row belongs to: no group is both learnt from and held out.

        Raises
        ------
        ValueError
            If rows or parameters cannot be used; one sentence that says what to do.
        """
        from bench.datasets.own.frame import owned
        from bench.estimator.fitting import fit
        from bench.estimator.validation import validation

        settings = self._settings()
        if (X_val is None) != (y_val is None):
            raise BadInput("X_val and y_val belong together; give both or neither.")
        X, y = self._checked(X, reset=True), self._targets(y)
        named = _named(X, categorical)
        try:
            table = owned(X, y, problem=self._problem, categorical=named, groups=groups)
        except UnicodeEncodeError as error:
            raise TableError(
                f"X holds text that is no Unicode, {error.object!a}; replace it before the fit."
            ) from error
        later = None if X_val is None else self._later(X_val, table)
        held_out = validation(table, later, y_val)
        progress = Left("steps", EVERY) if self.verbose else None
        self.fitted_: Fitted = fit(table, settings, held_out, progress)
        self.report_: Report = self.fitted_.report
        self._learn(self.fitted_)
        if self.report_.fault:
            warnings.warn(f"The base model is kept: {self.report_.fault}", stacklevel=2)
        return self

    def _settings(self) -> Settings:
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(SEEDS)
        if abs(seed) >= 2**63:
            raise BadInput(f"random_state is {seed}; expected a number of 64 bits.")
        given = {  # numpy's numbers, of which grids are made, as Python's
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params(deep=False).items()
        }
        del given["random_state"], given["verbose"]
        return settings_of(**given, seed=int(seed))

    def _checked(self, X: Features, reset: bool) -> pd.DataFrame | np.ndarray:
        """X as a DataFrame or an array of whatever it holds, held against what was fitted."""
        if not isinstance(X, pd.DataFrame):
            any_values = {"dtype": None, "ensure_all_finite": False, "estimator": self}
            X = np.asarray(check_array(X, ensure_min_samples=2 if reset else 1, **any_values))
        elif not X.shape[0] or not X.shape[1]:
            what = "sample" if X.shape[1] else "feature"
            raise ValueError(f"Found array with 0 {what}(s) (shape={X.shape}); one is required.")
        validate_data(self, _by_clean_names(X), reset=reset, skip_check_array=True)
        return X

    def _targets(self, y: Any) -> Any:
        if y is None:
            name = type(self).__name__
            raise ValueError(f"{name} requires y to be passed, but the target y is None.")
        of_a_type = pd.Series | pd.Index | pd.api.extensions.ExtensionArray
        return pd.Series(y) if isinstance(y, of_a_type) else column_or_1d(y, warn=True)

    def _later(self, X: Features, of: Owned | Fitted) -> pd.DataFrame:
        """Later rows, with the columns' names that the schema knows."""
        found = self._checked(X, reset=False)
        names = list(of.schema.features)
        if isinstance(found, pd.DataFrame) and (
            hasattr(self, "feature_names_in_") or {*_clean_names(found)} == {*names}
        ):
            return found
        return pd.DataFrame(np.asarray(found, dtype=object), columns=names)

    def _learn(self, fitted: Fitted) -> None:
        """Set what scikit-learn asks of a fitted estimator."""

    def _told(self, X: Features) -> Predictions:
        check_is_fitted(self, "fitted_")
        frame = self._later(X, self.fitted_)
        table, notes = self.fitted_.schema.table(frame)
        if notes:
            warnings.warn(" ".join(notes), UserWarning, stacklevel=3)
        return self.fitted_.predict(table)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the fitted model to a folder, which holds rows of the training table afterwards.

        See `bench.estimator.saving.save`.
        """
        from bench.estimator.saving import save

        check_is_fitted(self, "fitted_")
        save(self.fitted_, folder)

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], device: str = "auto", threads: int | None = None
    ) -> Self:
        """A fitted estimator from a folder that a model was saved to; nothing in it is run.

        It predicts as the one that was saved. A generator that was handed in is known by its
        class's name alone.

        Parameters
        ----------
        folder : path
        device : {"auto", "cpu", "cuda", …}
        threads : int, optional
            As of the estimator.

        Raises
        ------
        ModelError
            If it holds no such model; see `bench.estimator.saving.load`.
        """
        from bench.estimator.saving import load

        fitted = load(folder, device, threads)
        if fitted.schema.problem != cls._problem:
            raise ModelError(
                f"The model in '{folder}' is for {fitted.schema.problem}, {cls.__name__} for "
                f"{cls._problem}."
            )
        try:
            given = parameters(fitted.report.settings)
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"The model in '{folder}' cannot be used: its report has none of a fit's settings."
            ) from error
        seed = given.pop("seed")  # a number, or the parts that one was named by
        seed = seed if isinstance(seed, int) else cls().random_state
        estimator = cls(**given, random_state=seed, device=device, threads=threads)
        estimator.fitted_, estimator.report_ = fitted, fitted.report
        names = list(fitted.schema.features)
        estimator.n_features_in_ = len(names)
        # As the columns of an array are called, and those of a frame that were given no names.
        if names not in ([f"x{i}" for i in range(len(names))], [*map(str, range(len(names)))]):
            estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator._learn(fitted)
        return estimator

    def __str__(self) -> str:
        return str(self.report_) if hasattr(self, "report_") else repr(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.target_tags.required = True
        return tags


SHARED = (FineTuned.__doc__ or "").partition("\n")[2].rstrip()


class FineTunedClassifier(ClassifierMixin, FineTuned):
    """A pre-trained tabular classifier, fine-tuned where the gain is beyond chance.
    {shared}
    classes_ : ndarray, shape (n_classes,)
        Labels as they were given, in the order of the columns of `predict_proba`.
    """

    __doc__ = (__doc__ or "").format(shared=SHARED)
    _problem = "classification"

    def predict_proba(self, X: Features) -> np.ndarray:
        """Class probabilities, shape (n_rows, n_classes), columns as in ``classes_``."""
        told = self._told(X)
        assert isinstance(told, np.ndarray)
        return told

    def predict(self, X: Features) -> np.ndarray:
        """The most probable class of each row, shape (n_rows,)."""
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def _targets(self, y: Any) -> Any:
        y = super()._targets(y)
        known = pd.Series(y).dropna().infer_objects()
        if known.dtype != object:  # objects are told apart, or refused, where they get their codes
            check_classification_targets(known)
        return y

    def _learn(self, fitted: Fitted) -> None:
        labels = fitted.labels
        self.classes_ = np.array(fitted.schema.classes, object) if labels is None else labels


class FineTunedRegressor(RegressorMixin, FineTuned):
    """A pre-trained tabular regressor, fine-tuned where the gain is beyond chance.
    {shared}
    """

    __doc__ = (__doc__ or "").format(shared=SHARED)
    _problem = "regression"

    def predict(self, X: Features) -> np.ndarray:
        """The value of each row, shape (n_rows,)."""
        told = self._told(X)
        assert isinstance(told, Predicted)
        return told.mean


def _by_clean_names(X: pd.DataFrame | np.ndarray) -> pd.DataFrame | np.ndarray:
    """X under the names by which its columns are read: a loaded estimator knows no others."""
    if not isinstance(X, pd.DataFrame) or {*X.columns} == {*range(X.shape[1])}:
        return X  # pandas numbers columns that were given no names
    return X.set_axis(_clean_names(X), axis=1)


def _clean_names(X: pd.DataFrame) -> list[str]:
    """The names by which a frame's columns are read, in their order."""
    from bench.datasets.own.raw import Raw, with_clean_names

    return list(with_clean_names(Raw(X.iloc[:0]), "table", "X").frame.columns)


def _named(X: pd.DataFrame | np.ndarray, categorical: Any) -> list[str]:
    """The names of columns that are named, or told by their places."""
    given = [] if categorical is None else np.asarray(categorical, dtype=object).ravel().tolist()
    names = X.columns if isinstance(X, pd.DataFrame) else [f"x{i}" for i in range(X.shape[1])]
    for column in given:
        if isinstance(column, bool) or not isinstance(column, str | int | np.integer):
            raise BadInput(f"categorical holds {column!r}; expected columns' names or places.")
        if isinstance(column, int | np.integer) and not -len(names) <= column < len(names):
            raise BadInput(f"categorical names column {column}; X has {len(names)} of them.")
    return [column if isinstance(column, str) else str(names[int(column)]) for column in given]
