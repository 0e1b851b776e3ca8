"""How far two records of one cell agree: to the bit, to rounding, within a tolerance, or not.

It reads what they came to, not what they were asked for; and makes nothing again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from bench.cell.record import Record
from bench.finetune.stopping import RULES
from bench.scores import SCORES, problem_of_score
from bench.value_score import ValueScore

# Other kernels (SSE, AVX2, AVX512) move a score less where the tasks are the same: 5e-7 at most.
ROUNDING = 1e-6
TOLERANCE = 0.01  # of a score
# Times the tolerance, where the synthetic rows differ in any bit: other tasks are dealt of them,
# which moves a score as another seed does (by 0.044 at most, of 180 pairs of the pilot). So do
# they where weights were adapted first, of which only the losses and the chosen step tell it.
ROWS = 5.0
WHEN = ("pretrained", "chosen", "last")
HELD = WHEN[:2]  # whose scores are held to the tolerance
PARTS = ("validation", "test")
STEPS = ("chosen_step", "last_step", "children")
RESULTS = ("status", "data", "metrics", "predictions", *STEPS, "curves")


class Level(IntEnum):
    """How far two records agree, the nearest first."""

    bits = 0
    scoreless = 1  # neither has scores: both failed, or neither is applicable
    rounding = 2
    tolerance = 3
    step = 4  # another step chosen, and both as good on both curves
    rows = 5  # other synthetic rows
    weights = 6  # adapted weights that were learned otherwise
    apart = 7

    def told(self, tolerance: float) -> str:
        """As what a sentence calls it."""
        return {
            Level.bits: "to the bit",
            Level.scoreless: "without scores in both",
            Level.rounding: f"to rounding ({ROUNDING:g})",
            Level.tolerance: f"within {tolerance:g}",
            Level.step: f"with another step chosen that is as good within {tolerance:g}",
            Level.rows: f"on other synthetic rows within {ROWS * tolerance:g}",
            Level.weights: f"from other adapted weights within {ROWS * tolerance:g}",
            Level.apart: "further apart",
        }[self]

    def titled(self, tolerance: float) -> str:
        """As a table's column is called, which a sentence explains."""
        return {
            Level.bits: "to the bit",
            Level.scoreless: "no scores",
            Level.rounding: "to rounding",
            Level.tolerance: f"within {tolerance:g}",
            Level.step: "other step",
            Level.rows: "other rows",
            Level.weights: "other weights",
            Level.apart: "apart",
        }[self]


@dataclass(frozen=True)
class Gap:
    """A score of two records, which is in units of ``unit``."""

    when: str
    part: str
    score: str
    before: float | None
    now: float | None
    unit: float = 1.0

    @property
    def size(self) -> float:
        """How far apart; infinite where one has none."""
        if self.before is None or self.now is None:
            return 0.0 if self.before == self.now else float("inf")
        return abs(self.before - self.now) / self.unit

    @property
    def is_held(self) -> bool:
        """Whether it is held to the tolerance.

        What the last step came to is not: each step of training makes more of a last bit. Nor is
        what counts predicted classes: where a last bit decides one, it moves by a whole row.
        """
        return self.when in HELD and not SCORES[self.score].counts

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.when} {self.part} {SCORES[self.score].title}"

    def __str__(self) -> str:
        return f"metrics.{self.when}.{self.part}.{self.score}: record {self.before}, now {self.now}"


@dataclass(frozen=True)
class Agreement:
    """How far two records agree.

    Parameters
    ----------
    level : Level
    farthest : Gap, optional
        Of the scores that are held.
    apart : tuple of str
        What is further apart than it may be, a line each; where the level is `Level.apart`.
    drift : tuple of str
        What is further apart than the tolerance and not held to it.
    note : str
        Why they agree although scores that are held lie further apart.
    """

    level: Level
    farthest: Gap | None = None
    apart: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()
    note: str = ""

    @property
    def largest(self) -> float:
        """How far apart two scores are that are held."""
        return self.farthest.size if self.farthest else 0.0


def agreement(record: Record, again: Record, tolerance: float = TOLERANCE) -> Agreement:
    """How far a cell's record agrees with another of it.

    The scores of the pre-trained model and of the chosen step are held to the tolerance; those in
    the target's own unit to that many deviations of the training targets. Where they lie further
    apart, two cases agree all the same, and are told:

    - another step was chosen, both steps stand on both curves, there the scores agree within the
      tolerance, and neither is better on validation by more (`Level.step`);
    - the synthetic rows differ, and the score that cells are ranked by lies within `ROWS` times
      the tolerance (`Level.rows`);
    - the adapted weights were learned otherwise, and it lies as near (`Level.weights`).
    """
    if record["status"] != again["status"]:
        told = f"status: record {record['status']}, now {again['status']}"
        return Agreement(Level.apart, apart=(told,))
    if _results(record) == _results(again):
        return Agreement(Level.bits)
    if record["status"] != "done":
        return Agreement(Level.scoreless)
    gaps = list(_gaps(record, again))
    held = [gap for gap in gaps if gap.is_held]
    far = [gap for gap in held if gap.size > tolerance]
    farthest = max(held, key=lambda gap: gap.size, default=None)
    drift = tuple(str(gap) for gap in gaps if gap.size > tolerance and not gap.is_held)
    level = _level(record, again, far, farthest, tolerance)
    apart = tuple(map(str, far))
    if level in (Level.step, Level.rows, Level.weights):
        note = _note(level, record, again, tolerance)
        return Agreement(level, farthest, (), (*apart, *drift), note)
    return Agreement(level, farthest, apart, drift)


def _results(record: Record) -> Record:
    """What two cells of the same bits share; keys of tables and of weights hash the code, too."""
    made = {
        part: {k: v for k, v in (record[part] or {}).items() if k != "key"}
        for part in ("synthetic", "transfer")
    }
    return {**{part: record[part] for part in RESULTS}, **made}


def _level(
    record: Record, again: Record, far: list[Gap], farthest: Gap | None, tolerance: float
) -> Level:
    if not far:
        is_rounding = farthest is None or farthest.size <= ROUNDING
        return Level.rounding if is_rounding else Level.tolerance
    if any(gap.when == "pretrained" for gap in far):
        return Level.apart
    if _chose_another(record, again, tolerance):
        return Level.step
    metric = record["metric"]["name"]
    ranked = max((gap.size for gap in far if gap.score == metric), default=0.0)
    if ranked > ROWS * tolerance:
        return Level.apart
    if _other_rows(record, again):
        return Level.rows
    return Level.weights if _learned_otherwise(record, again) else Level.apart


def _note(level: Level, record: Record, again: Record, tolerance: float) -> str:
    if level is Level.step:
        return (
            f"step {again['chosen_step']} is chosen and the record's is {record['chosen_step']}: "
            f"on both curves neither is better on validation by more than {tolerance:g}"
        )
    if level is Level.weights:
        one, two = (r["transfer"]["chosen_step"] for r in (record, again))
        return (
            f"its weights were adapted otherwise, of step {two} and the record's of {one}: "
            f"its {SCORES[record['metric']['name']].title} is held to {ROWS * tolerance:g}"
        )
    return (
        "its synthetic rows are not the record's to the bit, so that steps deal them otherwise: "
        f"its {SCORES[record['metric']['name']].title} is held to {ROWS * tolerance:g}"
    )


def _gaps(record: Record, again: Record) -> Iterator[Gap]:
    """The scores that both hold."""
    before, now = record["metrics"], again["metrics"]
    for when in WHEN:
        for part in PARTS:
            one, two = before[when][part], now[when][part]
            for score in one:
                if score in two and score in SCORES:
                    unit = _unit(record, score)
                    yield Gap(when, part, score, one[score], two[score], unit)


def _unit(record: Record, name: str) -> float:
    """What a score is in units of: of one in the target's, the training targets' deviation.

    Without predictions that tell it, it is what makes RMSE of RMSE / σ.
    """
    score = SCORES.get(name)
    if not isinstance(score, ValueScore) or not score.has_unit:
        return 1.0
    scale: float | None = record["predictions"].get("scale")
    told = record["metrics"][WHEN[0]][PARTS[1]]
    rmse, rmse_sd = (told.get(of) for of in ("rmse", "rmse_sd"))
    return scale or (rmse / rmse_sd if rmse and rmse_sd else 1.0)


def _other_rows(record: Record, again: Record) -> bool:
    """Whether both have synthetic rows, of which a bit differs."""
    one, two = (r["synthetic"] or {} for r in (record, again))
    return bool(one and two) and one["fingerprint"] != two["fingerprint"]


def _learned_otherwise(record: Record, again: Record) -> bool:
    """Whether both have adapted weights, and these come of other losses or of another step."""
    one, two = (r["transfer"] for r in (record, again))
    if not one or not two:
        return False
    losses = [told["curves"]["train_loss"] for told in (one, two)]
    return one["chosen_step"] != two["chosen_step"] or not all(
        _is_near(a, b, ROUNDING) for a, b in zip(*losses, strict=False)
    )


def _chose_another(record: Record, again: Record, tolerance: float) -> bool:
    """Whether the chosen steps differ although, and because, both are as good on both curves."""
    steps, curves = [r["chosen_step"] for r in (record, again)], (record["curves"], again["curves"])
    if steps[0] == steps[1] or not all(c and set(steps) <= set(c["step"]) for c in curves):
        return False
    named = RULES.get(str(record["settings"]["finetune"].get("select_by")))
    rule = named and named.on(problem_of_score(record["metric"]["name"]))
    if rule is None or not all(curve["validation"].keys() >= set(rule.reads) for curve in curves):
        return False
    at = [[c["step"].index(step) for step in steps] for c in curves]
    ties = (
        (name, curve["validation"][name][i], curve["validation"][name][j])
        for curve, (i, j) in zip(curves, at, strict=True)
        for name in rule.reads
    )
    same = (
        (score, curves[0][part][score][i], curves[1][part][score][j])
        for part in PARTS
        for score in set(curves[0][part]) & set(curves[1][part])
        for i, j in zip(*at, strict=True)
    )
    return all(_is_near(a, b, tolerance * _unit(record, name)) for name, a, b in (*ties, *same))


def _is_near(a: float | None, b: float | None, tolerance: float) -> bool:
    return a == b if a is None or b is None else abs(a - b) <= tolerance


def told(levels: Iterable[Level], tolerance: float) -> str:
    """How many cells agree how far, the nearest first.

    >>> told([Level.bits, Level.tolerance, Level.bits], 0.01)
    '2 to the bit, 1 within 0.01'
    """
    counts = Counter(levels)
    return ", ".join(f"{counts[level]} {level.told(tolerance)}" for level in sorted(counts))
