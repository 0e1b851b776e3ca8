"""Everything that decides a fit, composed from `conf/` as a cell's settings are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, cast, get_type_hints

from omegaconf import DictConfig, OmegaConf

from bench.errors import BadInput
from bench.files import CONF, plain
from bench.finetune.generated import Parts
from bench.finetune.settings import Finetune, Method, Mixing, Rows, SelectBy
from bench.generator import Generator
from bench.models.loading import name_of
from bench.phrases import joined
from bench.ranges import OneOf, Part, Seconds, check
from bench.scores import SCORES

METHODS = {None: "default_ft", "causal": "causalmixft"}  # what a generator is called here
RECIPE = "safe"  # of conf/finetune
OWN_MODEL = "mitra_local"  # of conf/model: a checkpoint's folder
INSTANCE_SIZE = 2.0  # rows of a generator that is handed in, a training row; as conf/method has it


@dataclass(frozen=True)
class Settings:
    """Everything that decides a fit.

    Parameters
    ----------
    method : Method
        The generator, if any, and how its rows meet the real ones.
    finetune : Finetune
    model : dict
        A plain config with its ``_target_``.
    validation_share : float
        Of the rows, held out to choose the step by; a bag holds its own pieces out.
    join_validation : bool
        Whether the held-out rows join the context once the step is chosen.
    eval_metric : str, optional
        The score that the report tells, a file of `bench/scores`; by default the one that cells
        are compared by.
    time_limit : float, optional
        Seconds of the whole fit.
    device : str
    seed : int or tuple
    threads : int, optional
        None is one, as for cells: the same bits on any number of cores.
    cache_dir : str, optional
        Where generated rows are kept, to be taken again by a fit of the same rows and settings.
    generator : Generator, optional
        One that is there, in the place of the one that the method names; it is not changed.
    """

    method: Method
    finetune: Finetune
    model: dict[str, Any]
    validation_share: float = 0.2
    join_validation: bool = True
    eval_metric: str | None = None
    time_limit: float | None = None
    device: str = "auto"
    seed: int | tuple[str | int, ...] = 0
    threads: int | None = None
    cache_dir: str | None = None
    generator: Generator | None = None

    @property
    def parts(self) -> Parts:
        """The named parts from which every seed of the fit derives."""
        return ("estimator", *(self.seed if isinstance(self.seed, tuple) else (self.seed,)))


def settings_of(
    model: str = "mitra_nano",
    generator: str | Generator | None = "causal",
    mixing_ratio: float | None = 1.0,
    steps: int | None = None,
    lr: float | None = None,
    select_by: str | None = None,
    bag: int | None = 1,
    device: str = "auto",
    **more: Any,
) -> Settings:
    """Settings by the names of `conf/`; what is None is as they have it.

    Parameters
    ----------
    model : str
        A name of `conf/model`, or a folder with a checkpoint.
    generator : str, Generator or None
        ``causal``, a name of `conf/method`, or a generator; None: real rows alone.
    mixing_ratio : float, optional
        Generated rows a real row; None: as the method's config mixes them, if at all.
    steps, lr, select_by, bag
        Of `conf/finetune/safe.yaml`.
    device : str
    **more
        The other fields of `Settings`.

    Raises
    ------
    BadInput
        A name is unknown, or a value out of its range.
    """
    given = {"steps": steps, "lr": lr, "select_by": select_by, "bag": bag}
    finetune = _finetune({key: value for key, value in given.items() if value is not None})
    is_here = isinstance(generator, Generator)
    method = _of_instance(generator) if is_here else _method(cast("str | None", generator))
    if method.generator is not None or is_here:
        method.mixing = _mixed(method.mixing, mixing_ratio)
    _check("validation_share", more.get("validation_share"), Part)
    _check("time_limit", more.get("time_limit"), Seconds)
    _check_metric(more.get("eval_metric"))
    return Settings(
        method=method,
        finetune=finetune,
        model=_model(model, device),
        device=device,
        generator=cast(Generator, generator) if is_here else None,
        **more,
    )


def parameters(told: Mapping[str, Any]) -> dict[str, Any]:
    """The words that `settings_of` makes such settings of, as a report tells them.

    A generator that was handed in is told by its class's name alone.
    """
    finetune = {key: told["finetune"][key] for key in ("steps", "lr", "select_by", "bag")}
    kept = ("validation_share", "join_validation", "eval_metric", "time_limit")
    names = {called: name for name, called in METHODS.items()}
    method = told["method"]
    return {
        "model": name_of(told["model"]),
        "generator": names.get(method["name"], method["name"]),
        "mixing_ratio": method["mixing"]["ratio"],
        **finetune,
        **{key: told[key] for key in kept},
    }


def _finetune(given: Mapping[str, Any]) -> Finetune:
    hints = get_type_hints(Finetune, include_extras=True)
    for key, value in given.items():
        _check(key, value, Annotated[str, OneOf(SelectBy)] if key == "select_by" else hints[key])
    recipe = OmegaConf.merge(OmegaConf.structured(Finetune), _composed("finetune", RECIPE), given)
    finetune = cast(Finetune, OmegaConf.to_object(recipe))
    _require(finetune)
    return finetune


def _method(generator: str | None) -> Method:
    name = METHODS.get(generator, generator)
    known = [str(called) for called in METHODS if called] + _names("method")
    read = _composed("method", _known(name, known, "generator"))
    return cast(Method, OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Method), read)))


def _of_instance(generator: Any) -> Method:
    return Method(name=type(generator).__name__, mixing=Mixing(Rows.mixed, size=INSTANCE_SIZE))


def _mixed(mixing: Mixing, ratio: float | None) -> Mixing:
    """The generator's rows with the real ones, at this ratio."""
    if ratio is None:
        return mixing
    _check("mixing_ratio", ratio, get_type_hints(Mixing, include_extras=True)["ratio"])
    return Mixing(Rows.mixed, float(ratio), mixing.fresh, mixing.size)


def _model(model: str, device: str) -> dict[str, Any]:
    """A model's plain config: of its name, or of a checkpoint's folder."""
    names = _names("model")
    is_folder = model not in names and Path(str(model)).expanduser().is_dir()
    node = _composed("model", OWN_MODEL if is_folder else _known(model, names, "model", "a folder"))
    if is_folder:
        node.path = str(model)
    whole = OmegaConf.create({"device": device, "offline": False, "model": node})
    return cast(dict[str, Any], plain(whole.model))


def _require(finetune: Finetune) -> None:
    why = finetune.contradiction()
    if why:
        raise BadInput(why)


def _check_metric(name: Any) -> None:
    if name is not None:
        _known(name, SCORES, "eval_metric")


def _check(key: str, value: Any, hint: Any) -> None:
    if value is not None:
        check(value, hint, key)


def _known(name: Any, known: Any, what: str, *others: str) -> str:
    if name in known:
        return str(name)
    close = difflib.get_close_matches(str(name), known, n=1)
    meant = f" (did you mean '{close[0]}'?)" if close else ""
    expected = joined([*(f"'{one}'" for one in known), *others], "or")
    raise BadInput(f"{what} is {name!r}{meant}; expected {expected}.")


@cache
def _names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _composed(group: str, name: str) -> DictConfig:
    """What Hydra makes of a file of `conf/` and its defaults; nothing of Hydra's stays behind."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONF), version_base="1.3"):
        return cast(DictConfig, compose(f"{group}/{name}")[group])
