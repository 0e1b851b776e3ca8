"""Weights that were fine-tuned on other tables: made once, shared by all cells that start there.

A file holds those of the chosen step, and of the last.

A file that is not what was once written for these parts is set aside, and its weights made again:
same parts, same bits on one machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from safetensors.torch import load, save
from torch import Tensor, nn

from bench import files
from bench.cell import predictions
from bench.cell.config import CellConfig
from bench.cell.generation import Maker
from bench.cell.identity import learned_from
from bench.cell.model import known
from bench.cell.provenance import versions
from bench.cell.store import Store
from bench.datasets.splits import Fold
from bench.files import Unsound, digest, write_whole
from bench.finetune.generated import Parts
from bench.finetune.loop import Finetuned
from bench.finetune.settings import Transfer
from bench.finetune.transfer import Source, learned
from bench.generator import NotApplicable
from bench.models.base import Backbone, Score
from bench.models.memory import CHUNK, Memory
from bench.models.weights import state_hash
from bench.names import inside
from bench.process import Clock
from bench.scores import drawn_scores
from bench.seeds import generator as seeded
from bench.table import Table, for_problem

if TYPE_CHECKING:
    from bench.cell.corpus import Corpus

SPLIT = 0  # of a source: its training rows are learned from; a held-out table's test rows judge
FEWEST = 2  # sources: what one table teaches is no transfer from a domain
CARD, SEAL = "bench.card", "bench.seal"  # keys of the file's metadata
CHOSEN, LAST = "chosen:", "last:"  # which step's weights a tensor is of
HEADER = 2**24  # bytes of a file that are read whatever the model: what is told beside weights ...
OVER = 1.1  # ... and of what its weights take


@dataclass(frozen=True)
class Adapted:
    """A model whose weights were fine-tuned on other tables.

    Attributes
    ----------
    backbone : Backbone
        With the weights of the chosen step.
    last : torch.nn.Module
        With those of the last.
    told : dict
        The record's ``transfer``, but for ``in_context``.
    timing : dict
        The record's ``timings.transfer``.
    """

    backbone: Backbone
    last: nn.Module
    told: dict[str, Any]
    timing: dict[str, Any]

    def in_context(self, score: Score, published: Backbone, labels: dict[str, Any]) -> Finetuned:
        """What it comes to on a table as it is, beside the model as it came."""
        return Finetuned(
            self.backbone.module,
            self.told["chosen_step"],
            self.told["last_step"],
            score(published.module),
            score(self.backbone.module),
            score(self.last),
            labels,
            curves={},
        )


def adapt(
    config: CellConfig, corpus: Corpus, backbone: Backbone, code: str, clock: Clock
) -> Adapted:
    """Read the weights that a cell's transfer decides, or fine-tune them and keep them.

    Parameters
    ----------
    config : CellConfig
        Its transfer is on.
    corpus : Corpus
        Of it.
    backbone : Backbone
        The published model; left unchanged.
    code : str
        The fingerprint of the cell's code.
    clock : Clock
        Takes the time of each phase.

    Raises
    ------
    NotApplicable
        If fewer than two sources allow a task of the arm.
    """
    seed = ("transfer", config.seed)
    decides = {
        **learned_from(_plain(config.transfer), corpus),
        "model": known(config.model, backbone),
        "seed": list(seed),
        "validation_share": config.validation_share,
        "threads": config.threads,
        "code": code,
        "versions": versions(),
    }
    key = digest(decides)[:32]
    path = inside(config.results_dir, "weights", f"{key}.safetensors")
    path.parent.mkdir(parents=True, exist_ok=True)
    store, lock = Store(path.parent.parent), path.with_suffix(".lock")
    store.clear(lock)
    with FileLock(lock):
        start = time.perf_counter()
        found = _kept(path, key, backbone, store)
        if found is None:
            made = _Adaptation(config, corpus, backbone, code, clock, seed).run()
            write_whole(path, _encode(key, *made))
            # Read back, so that the first cell gets the very weights that the others get.
            found = _kept(path, key, backbone, store)
            is_shared = False
        else:
            is_shared = True
        assert found is not None, "it was just written"
        told, state = found
    module, last = backbone.copy(), backbone.copy()
    module.load_state_dict(_of(CHOSEN, state))
    last.load_state_dict(_of(LAST, state))
    moved = replace(backbone, module=module.eval(), weights_hash="")
    told = {
        "key": key,
        "weights": moved.weights_hash,
        "domains": list(corpus.domains),
        **told,
        "dropped": {**corpus.dropped, **told["dropped"]},
    }
    return Adapted(
        moved, last.eval(), told, {"shared": is_shared, "seconds": time.perf_counter() - start}
    )


@dataclass(frozen=True)
class _Adaptation:
    """The making of weights; parameters as of `adapt`."""

    config: CellConfig
    corpus: Corpus
    backbone: Backbone
    code: str
    clock: Clock
    seed: Parts

    def run(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """What is told of it, and the weights of the chosen step."""
        dropped: dict[str, str] = {}
        with self.clock.timed("transfer.generate"):
            sources = [s for table in self.corpus.train if (s := self._source(table, dropped))]
        if len(sources) < FEWEST:
            why = next(iter(dropped.values()), "there is one.")
            raise NotApplicable(f"Of the sources {len(sources)} can be learned from: {why}")
        with self.clock.timed("transfer.finetune"):
            held_out, labels = self._held_out()
            result = learned(
                self.backbone,
                sources,
                held_out,
                labels,
                self.config.transfer.finetune,
                self.seed,
            )
        told = {
            "sources": [source.train.name for source in sources],
            "held_out": list(labels),
            "dropped": dropped,
            **_told(result),
        }
        chosen, last = result.module.state_dict(), result.last_weights
        state = {f"{CHOSEN}{name}": values for name, values in chosen.items()}
        return told, state | {f"{LAST}{name}": values for name, values in last.items()}

    def _source(self, table: Table, dropped: dict[str, str]) -> Source | None:
        """A table that is learned from; None, and why, where the arm cannot."""
        transfer = self.config.transfer
        train = Fold.of(table, SPLIT, self.config.validation_share).train
        try:
            made = self._maker(train).make().made
            mixing, settings = transfer.method.mixing, transfer.finetune
            return Source.of(train, made, mixing, self.backbone, settings, self.seed)
        except NotApplicable as why:
            dropped[table.name] = str(why)
            return None

    def _maker(self, train: Table) -> Maker:
        config, method = self.config, self.config.transfer.method
        generator = for_problem(method.generator, train.problem)
        return Maker(
            replace(method, generator=generator),
            train,
            self.backbone,
            known(config.model, self.backbone),
            (*self.seed, "rows of", train.name),
            self.code,
            inside(config.results_dir, "synthetic"),
            self.clock.seconds,
        )

    def _held_out(self) -> tuple[dict[str, Score], dict[str, np.ndarray]]:
        """How each table that is held out is scored, and its labels."""
        scores: dict[str, Score] = {}
        labels: dict[str, np.ndarray] = {}
        for table in self.corpus.held_out:
            fold = Fold.of(table, SPLIT, self.config.validation_share)
            part, memory = {"validation": fold.parts["test"]}, Memory(scoring=CHUNK)
            encoder = self.backbone.encoder(fold.train)
            rng = seeded(*self.seed, "context rows", table.name)
            score = self.backbone.score(encoder, fold.train, part, rng, memory)
            targets = {"validation": fold.parts["test"].y}
            scores[table.name] = predictions.rounding(score, targets, encoder.present_)
            labels[table.name] = fold.parts["test"].y
        return scores, labels


def _told(result: Finetuned) -> dict[str, Any]:
    """What a record tells of a fine-tuning on other tables."""
    curves = result.curves
    return {
        "chosen_step": result.chosen_step,
        "last_step": result.last_step,
        "curves": {
            "step": curves["step"],
            "train_loss": curves["train_loss"],
            "held_out": curves["validation"],
        },
        "forgetting": {
            name: {
                "pretrained": drawn_scores(y, result.pretrained[name]),
                "adapted": drawn_scores(y, result.chosen[name]),
            }
            for name, y in result.labels.items()
        },
    }


def _plain(transfer: Transfer) -> dict[str, Any]:
    return dict(json.loads(json.dumps(asdict(transfer))))


def _encode(key: str, told: dict[str, Any], state: dict[str, Tensor]) -> bytes:
    card = json.dumps({"key": key, "told": told}, allow_nan=False)
    tensors = {name: values.detach().cpu().contiguous() for name, values in state.items()}
    seal = digest([card, _hash(tensors)])
    return save(tensors, {CARD: card, SEAL: seal})


def _kept(
    path: Path, key: str, backbone: Backbone, store: Store
) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
    """What a file holds; None where there is none, or it was set aside."""
    try:
        return _read(path, key, backbone)
    except FileNotFoundError:
        return None
    except Unsound as wrong:
        store.set_aside(path, str(wrong))
        return None


def _read(path: Path, key: str, backbone: Backbone) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The told and the weights of a file.

    Raises
    ------
    FileNotFoundError
    Unsound
        If it is not what was once written for these parts.
    """
    expected = backbone.module.state_dict()
    size = 2 * sum(values.numel() * values.element_size() for values in expected.values())
    content = files.content(path, HEADER + round(OVER * size))
    try:
        tensors = load(content)
        metadata = _metadata(content)
        card, seal = metadata[CARD], metadata[SEAL]
        parsed = files.parse_json(card.encode())
        told = parsed["told"]
    # Broad on purpose: the file may hold anything, and each library raises as it likes.
    except Exception as error:
        raise Unsound(f"it holds no weights of ours ({type(error).__name__}: {error})") from error
    if seal != digest([card, _hash(tensors)]):
        raise Unsound("its content does not match its hash: it was damaged or edited")
    if parsed["key"] != key:
        raise Unsound("it holds the weights of other tables, another arm or another seed")
    shapes = {f"{w}{name}": v.shape for w in (CHOSEN, LAST) for name, v in expected.items()}
    if {name: values.shape for name, values in tensors.items()} != shapes:
        raise Unsound("its weights are not those of the model")
    return told, tensors


def _of(which: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one step."""
    return {n.removeprefix(which): v for n, v in state.items() if n.startswith(which)}


def _metadata(content: bytes) -> dict[str, str]:
    """The file's own words, of its header: 8 bytes tell how long that is."""
    length = int.from_bytes(content[:8], "little")
    return dict(files.parse_json(content[8 : 8 + length])["__metadata__"])


def _hash(tensors: Mapping[str, Tensor]) -> str:
    held = nn.Module()
    for place, name in enumerate(sorted(tensors)):
        held.register_buffer(f"{place}", tensors[name])
    return digest([sorted(tensors), state_hash(held)])
