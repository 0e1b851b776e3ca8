"""What a backbone offers: a pre-trained model that reads labelled rows in context.

Whatever fine-tunes or scores a model knows it by this contract alone. A model of one's own is a
subclass of `Backbone`, and a function that loads it, named by a config's ``_target_``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import ModelError, TableError
from bench.predicted import Predictions
from bench.table import Problem, Table

if TYPE_CHECKING:  # importing torch takes seconds, and a config is checked without it
    from pathlib import Path

    import torch
    from torch import Tensor, nn

    from bench.models.memory import Memory

Probabilities = dict[str, Any]  # part → `bench.predicted.Predictions` of its rows
Score = Callable[["nn.Module"], Probabilities]
Read = Callable[[Table], Predictions]


class Encoder(ABC):
    """Rows as the backbone reads them: fitted on training rows, applied unchanged to all others.

    What it is here reads classes; one of a numeric target has its own `encode_y` and `decode`.

    Attributes
    ----------
    present_ : ndarray of int64
        The classes that the fitted rows hold, ascending; the model's class ``k`` is
        ``present_[k]``. None of a numeric target: then it is empty.
    rescaled_ : tuple of str
        Columns of numbers that the model cannot hold, and reads on another scale.
    """

    present_: np.ndarray
    rescaled_: tuple[str, ...] = ()

    @abstractmethod
    def encode_x(self, table: Table) -> np.ndarray:
        """Features, float32, finite, shape (n_rows, n_kept)."""

    def encode_y(self, y: np.ndarray) -> np.ndarray:
        """Targets as the model reads them, shape (n_rows,), whatever type that is.

        Of class codes the model's compact codes, int64; −1 for a class that the fit did not see.
        """
        position = np.searchsorted(self.present_, y).clip(max=len(self.present_) - 1)
        return np.where(self.present_[position] == y, position, -1).astype(np.int64)

    def decode(self, outputs: np.ndarray, n_classes: int) -> Predictions:
        """What the model's outputs (n_rows, n_outputs) tell of the rows' targets."""
        return self.probabilities(outputs, n_classes)

    def probabilities(self, logits: np.ndarray, n_classes: int) -> np.ndarray:
        """Softmax over the present classes, shape (n_rows, n_classes); absent classes get 0."""
        kept = logits[:, : len(self.present_)].astype(np.float64)
        kept = np.exp(kept - kept.max(axis=1, keepdims=True))
        full = np.zeros((len(logits), n_classes))
        full[:, self.present_] = kept / kept.sum(axis=1, keepdims=True)
        return full


@dataclass(frozen=True)
class Backbone(ABC):
    """A pre-trained classifier, or one of values, ready to be copied and fine-tuned.

    The conformance suite (``tests/models/test_models_conform.py``) holds each to this:

    - Its probabilities are finite, sum to one over the classes of the training rows, and are 0 for
      others; a class keeps its column whatever its code. Its values are finite.
    - Scoring gives the same bits twice and changes neither module nor tables.
    - A query row is read by the training rows alone: no other query row and no label of one counts;
      in smaller chunks, as memory asks for, it comes to the same but for rounding.
    - The encoder learns of training rows alone, and takes unseen levels, missing and huge values.
    - `logits` reads each task of a batch for itself and writes into none of its inputs.
    - A gradient reaches every weight that logits depend on, and a few steps on a task lower its
      loss; `smooth` has a finite gradient to the rows, and none to the weights.
    - Logits are linear in the weights of its last layer, if it has one.
    - A copy's weights are free to be changed; weights that are no numbers are not scored.
    - Loaded twice it has the same weights, and ``weights_hash`` names them.

    Each process of a sweep loads its own; what an estimator fitted is pickled with it.

    Parameters
    ----------
    module : torch.nn.Module
        Its weights, on ``device`` and in evaluation mode; never changed. What takes a ``module``
        takes this one or a `copy` whose weights are others.
    max_classes, max_features, max_context : int
        What the model can take: classes and features of a table, support rows of a pass.
    device : torch.device
    problem : {"classification", "regression"}
        What its weights were trained for.
    weights_hash : str, optional
        Names the weights in records; others, another hash. It is `bench.models.weights.state_hash`
        of the module, unless the loader `reads` files and gives their `files_hash`.
    """

    module: nn.Module
    max_classes: int
    max_features: int
    max_context: int
    device: torch.device
    weights_hash: str = ""
    problem: Problem = "classification"

    def __post_init__(self) -> None:
        if not self.weights_hash:
            from bench.models.weights import state_hash

            object.__setattr__(self, "weights_hash", state_hash(self.module))

    def check(self, table: Table) -> None:
        """Refuse a table beyond the model's limits, before anything is computed.

        Raises
        ------
        TableError
        """
        for what, given, limit in (
            ("classes", table.n_classes, self.max_classes),
            ("features", table.n_features, self.max_features),
        ):
            if given > limit:
                raise TableError(
                    f"Dataset '{table.name}' has {given} {what}, this model takes at most {limit}."
                )

    def copy(self) -> nn.Module:
        """The weights, free to be changed."""
        return deepcopy(self.module)

    def last_layer(self, module: nn.Module) -> list[nn.Parameter]:
        """Those of the module's weights that make logits of what a query row was encoded to.

        Raises
        ------
        ModelError
            By default: no layer of the model is its last.
        """
        raise ModelError(
            f"A model of class {type(self).__name__} tells of no last layer, so that "
            "finetune.trained=last_layer would train nothing; expected finetune.trained=all."
        )

    @abstractmethod
    def encoder(self, train: Table) -> Encoder:
        """An encoder, fitted on these rows."""

    @abstractmethod
    def logits(
        self, module: nn.Module, x_support: Tensor, y_support: Tensor, x_query: Tensor
    ) -> Tensor:
        """Logits (b, q, n_outputs) with a gradient with respect to the weights, for training.

        Of encoded rows (b, s, f) with targets (b, s) as the encoder gives them, and query rows
        (b, q, f).
        """

    def loss(self, outputs: Tensor, y: Tensor, n_known: int) -> Tensor:
        """The mean loss of query rows, to be lowered.

        Parameters
        ----------
        outputs : Tensor of shape (q, n_outputs)
            What `logits` gave, float32.
        y : Tensor of shape (q,)
            Their targets, as the encoder gives them.
        n_known : int
            Outputs that count, where classes without a row are left out; else all of them.
        """
        import torch.nn.functional as F

        return F.cross_entropy(outputs[:, :n_known], y)

    @abstractmethod
    def score(
        self,
        encoder: Encoder,
        train: Table,
        parts: dict[str, Table],
        rng: np.random.Generator,
        memory: Memory,
    ) -> Score:
        """Prepare to score these parts, with the training rows as the support.

        More training rows than ``memory.limit(max_context)`` are sub-sampled with ``rng``, once.

        Returns
        -------
        callable
            Module → probabilities of each part, shape (q, ``train.n_classes``), or what
            `bench.predicted.Predicted` holds of a numeric target. It raises `FloatingPointError`
            where a weight or a logit is not finite, and what `bench.models.memory` does where the
            device is too small.
        """

    def reader(
        self, encoder: Encoder, train: Table, rng: np.random.Generator, memory: Memory
    ) -> Callable[[nn.Module], Read]:
        """Prepare to read new rows with the training rows as the support, a table at a time.

        So memory need not grow with the rows. It is what `score` gives of each table; a model that
        can encode its support once does so here.

        Returns
        -------
        callable
            Module → Table → predictions of its rows; all raise what a score does.
        """

        def of_module(module: nn.Module) -> Read:
            def read(rows: Table) -> Predictions:
                alike = deepcopy(rng)  # every table is read with the same support
                score = self.score(encoder, train, {"new": rows}, alike, memory)
                predictions: Predictions = score(module)["new"]
                return predictions

            return read

        return of_module

    def save(self, module: nn.Module, folder: Path) -> dict[str, Any]:
        """Write a copy's weights to a folder, for a loader that takes it as ``path``.

        Returns
        -------
        dict
            The loader's config with its ``_target_``, but for ``path``, ``device`` and ``problem``.

        Raises
        ------
        ModelError
            By default: there is no format for a model of the class.
        OSError, safetensors.SafetensorError
            If it cannot be written.
        """
        raise ModelError(
            f"A model of class {type(self).__name__} cannot be saved: the format is of Mitra's "
            "networks (Tab2D) alone; pickle what was fitted, where its class can be imported."
        )

    @abstractmethod
    def smooth(self) -> Any:
        """A `bench.generator.InContextClassifier` of the weights, with a gradient to the rows.

        Raises
        ------
        ModelError
            If they are for a numeric target.
        """
