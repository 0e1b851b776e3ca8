"""Everything that decides a fit, composed from `conf/` as a cell's settings are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import EnumType
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast, get_type_hints

from annotated_types import Interval
from omegaconf import DictConfig, OmegaConf

from bench.errors import BadInput
from bench.files import CONF, plain
from bench.finetune.generated import Parts
from bench.finetune.settings import LEAST, Finetune, Method, Mixing, Rows
from bench.generator import Generator
from bench.models.loading import TARGET
from bench.phrases import joined
from bench.ranges import Count, Folder, Part, Seconds, Text, check
from bench.scores import SCORES

METHODS = {None: "default_ft", "causal": "causalmixft"}  # what a generator is called here
RECIPE = "safe"  # of conf/finetune
OWN_MODEL = "mitra_local"  # of conf/model: a checkpoint's folder
Ratio = Annotated[float, Interval(ge=LEAST, le=1000)]
OF_SETTINGS = {  # what may be what
    "validation_share": Part,
    "join_validation": bool,
    "time_limit": Seconds | None,
    "threads": Count | None,
    "cache_dir": Annotated[Text, Folder()] | None,
}
Kind = TypeVar("Kind", Finetune, Method)
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
        Where models of the hub are kept; by default where the hub's own client keeps them.
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
    model: str | Mapping[str, Any] = "mitra_nano",
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
    model : str or mapping
        A name of `conf/model`, a folder with a checkpoint, or a plain config as `conf/model` has.
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
    for key in OF_SETTINGS.keys() & more.keys():
        check(more[key], OF_SETTINGS[key], key)
    if more.get("eval_metric") is not None:
        _known(more["eval_metric"], SCORES, "eval_metric")
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
    kept = ("validation_share", "join_validation", "eval_metric", "time_limit", "seed")
    names = {called: name for name, called in METHODS.items()}
    method = told["method"]
    model = told["model"]
    called = next((name for name in _names("model") if _model(name, told["device"]) == model), None)
    return {
        "model": called or model,
        "generator": names.get(method["name"], method["name"]),
        "mixing_ratio": method["mixing"]["ratio"],
        **finetune,
        **{key: told[key] for key in kept},
    }


def _finetune(given: Mapping[str, Any]) -> Finetune:
    hints = get_type_hints(Finetune, include_extras=True)
    for key, value in given.items():
        if isinstance(hints[key], EnumType):
            _known(value, [member.value for member in hints[key]], key)
        else:
            check(value, hints[key], key)
    recipe = _as(Finetune, _composed("finetune", RECIPE), given)
    why = recipe.contradiction()
    if why:
        raise BadInput(why)
    return recipe


def _method(generator: str | None) -> Method:
    name = METHODS.get(generator, generator)
    known = [str(called) for called in METHODS if called] + _names("method")
    return _as(Method, _composed("method", _known(name, known, "generator")))


def _of_instance(generator: Any) -> Method:
    return Method(name=type(generator).__name__, mixing=Mixing(Rows.mixed, size=INSTANCE_SIZE))


def _mixed(mixing: Mixing, ratio: float | None) -> Mixing:
    """The generator's rows with the real ones, at this ratio."""
    if ratio is None:
        return mixing
    check(ratio, Ratio, "mixing_ratio")
    return Mixing(Rows.mixed, float(ratio), mixing.fresh, mixing.size)


def _model(model: str | Mapping[str, Any], device: str) -> dict[str, Any]:
    """A model's plain config: of its name, of a checkpoint's folder, or as it is."""
    if isinstance(model, Mapping):
        if TARGET not in model:
            raise BadInput(
                f"model is a config without {TARGET}, so that nothing says what loads it."
            )
        return {**model}
    names = _names("model")
    is_folder = model not in names and Path(str(model)).expanduser().is_dir()
    name = OWN_MODEL if is_folder else _known(model, names, "model", "a folder")
    node = cast(DictConfig, OmegaConf.create(_composed("model", name)))
    if is_folder:
        node["path"] = str(model)
    whole = OmegaConf.create({"device": device, "offline": False, "model": node})
    return cast(dict[str, Any], plain(whole["model"]))


def _as(kind: type[Kind], *read: Any) -> Kind:
    """What was read, put together and held against its class."""
    merged = OmegaConf.merge(OmegaConf.structured(kind), *map(OmegaConf.create, read))
    return cast(Kind, OmegaConf.to_object(merged))


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


@cache
def _composed(group: str, name: str) -> str:
    """What Hydra makes of a file of `conf/` and its defaults; nothing of Hydra's stays behind.

    As YAML, which whoever asks again cannot have changed.
    """
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_yaml(compose(f"{group}/{name}")[group])
