"""Every config composes, fits the schema, and names classes that exist."""

from __future__ import annotations

from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest
from hydra import compose
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from bench.datasets.suites import suite
from bench.errors import BadInput, sentence
from bench.files import CONF
from bench.sweep.jobs import count_cells
from bench.sweep.kept import cells_kept
from bench.sweep.sweeper import Basic, Sweeper

pytestmark = pytest.mark.usefixtures("configs")

GROUPS = ("dataset", "method", "model", "finetune")
NAMES = [
    (group, str(path.relative_to(Path(CONF, group)).with_suffix("")))
    for group in GROUPS
    for path in sorted(Path(CONF, group).rglob("*.yaml"))
]
# Every choice once, beside one of each other group while there are any: a compose costs a tenth of
# a second, and no choice depends on another.
TOGETHER = [
    dict(choice for choice in choices if choice)
    for choices in zip_longest(*([n for n in NAMES if n[0] == group] for group in GROUPS))
]
EXPERIMENTS = [path.stem for path in sorted(Path(CONF, "experiment").glob("*.yaml"))]


STUDY = {"default_ft", "causalmixft", "ctgan", "scm", "tabebm", "table_augment", "mixed_model"}


@cache
def composes(*words: str) -> None:
    compose("config", list(words))


def methods_of(cfg: DictConfig) -> set[str]:
    """Methods of an experiment, without what its entries change of them."""
    return {entry.split()[0] for entry in cfg.methods}


@pytest.mark.long
@pytest.mark.parametrize("choices", TOGETHER, ids=lambda choices: " ".join(choices.values()))
def test_every_choice_composes(choices: dict[str, str]) -> None:
    words = [f"{group}={name}" for group, name in choices.items()]
    cfg = compose("config", words)
    for group, name in choices.items():
        node = cfg[group]
        if group == "method":
            assert node.name == name
            node = node.generator or {}
        if "_target_" in node:
            assert callable(get_object(node["_target_"]))
    given = ["dataset.path=x", "dataset.target=y"] if choices.get("dataset") == "csv" else []
    given += ["model.path=x"] if choices.get("model") == "mitra_local" else []
    OmegaConf.resolve(compose("config", [*words, *given]) if given else cfg)


def test_no_choice_is_left_out() -> None:
    assert sorted(choice for choices in TOGETHER for choice in choices.items()) == sorted(NAMES)


@pytest.mark.long
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_names_datasets_and_methods_that_exist(name: str) -> None:
    cfg = compose("config", [f"experiment={name}"], return_hydra_config=True)
    datasets = str(cfg.hydra.sweeper.params.dataset).split(",")
    for dataset in datasets:
        assert ("dataset", dataset.strip()) in NAMES
    for entry in cfg.methods:
        method, *overrides = entry.split()
        assert ("method", method) in NAMES
        tuning = tuple(word for word in overrides if word.startswith("finetune"))
        composes(f"method={method}", *(word for word in overrides if word not in tuning))
        composes(*tuning)
    assert len(set(datasets)) == len(datasets)
    assert count_cells(cfg) >= len(datasets) * len(cfg.methods)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_is_kept_of_a_sweep_tells_its_cells_to_who_resolves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = compose("config", [f"experiment={name}"], return_hydra_config=True)
    counted = count_cells(cfg)
    kept = tmp_path / "multirun.yaml"
    monkeypatch.setattr(Basic, "sweep", lambda self, _: OmegaConf.save(self.config, kept))
    sweep = Sweeper(max_batch_size=None)
    sweep.config = cfg
    sweep.sweep([])
    assert cells_kept(kept) == counted


def test_a_suite_that_is_none_is_a_sentence() -> None:
    with pytest.raises(BadInput, match="no suite 'embedded13'; did you mean 'embedded12'"):
        suite("embedded13")


def test_where_a_node_is_null_no_key_of_it_was_meant() -> None:
    """As where a list holds what OmegaConf cannot read: `${each_with:[iris],[finetune=ema]}`."""
    error = OmegaConfBaseException("token recognition error at: '='")
    error.parent_node, error.key = DictConfig(None), "methods"
    assert sentence(error) == "token recognition error at: '='"


def test_embedded_is_twelve_tables_three_folds_all_methods() -> None:
    cfg = compose("config", ["experiment=embedded"], return_hydra_config=True)
    assert count_cells(cfg) == 12 * 3 * len(cfg.methods)
    # The seven methods of the study, what they are measured from, and two nulls of augmentation.
    assert methods_of(cfg) == STUDY | {"pretrained", "bootstrap", "noise"}


def test_smoke_is_embedded_in_small() -> None:
    large, small = (compose("config", [f"experiment={name}"]) for name in ("embedded", "smoke"))
    assert methods_of(small) == methods_of(large)


def test_embedded_full_is_the_study_its_nulls_and_a_cheap_rival() -> None:
    cfg = compose("config", ["experiment=embedded_full"])
    assert methods_of(cfg) == STUDY | {"pretrained", "bootstrap", "noise", "smote"}
    assert len(cfg.methods) == 11
    (rival,) = (entry.split() for entry in cfg.methods if entry.startswith("smote"))
    assert {"method.mixing.rows=mixed", "method.mixing.ratio=0.5"} < set(rival)


def test_a_half_done_embedded_full_has_every_table() -> None:
    cfg = compose("config", ["experiment=embedded_full"], return_hydra_config=True)
    assert count_cells(cfg) == 36 * 3 * 2 * 11
    assert [*cfg.hydra.sweeper.params] == ["seed", "fold", "dataset"]  # Hydra's last goes fastest


def test_safety_is_every_method_at_every_learning_rate_and_one_fold_after_the_other() -> None:
    cfg = compose("config", ["experiment=safety"], return_hydra_config=True)
    rates = {f"finetune.lr={lr}" for lr in ("3e-5", "1e-4", "3e-4", "1e-3")}
    words = [entry.split() for entry in cfg.methods]
    asked = {"default_ft", "causalmixft", "scm", "smote", "bootstrap", "noise"}
    assert {method: {w[-1] for w in words if w[0] == method} & rates for method in asked} == (
        dict.fromkeys(asked, rates)
    )
    rivals = {"ema", "wise_ft", "wise_ft_chosen", "l2_sp", "last_layer"}
    beside = {*(f"finetune={rival}" for rival in rivals), "finetune.bag=8"}
    assert {w[-1] for w in words if w[0] == "default_ft"} == rates | beside
    assert [*cfg.hydra.sweeper.params] == ["fold", "dataset"]  # Hydra's last one goes fastest


def test_scm_and_causalmixft_differ_in_how_rows_are_mixed_alone() -> None:
    scm, mixed, null = (
        OmegaConf.to_container(compose("config", [f"method={name}"]).method)
        for name in ("scm", "causalmixft", "bootstrap")
    )
    assert scm["generator"] == mixed["generator"]
    assert scm["mixing"] | {"rows": "mixed"} == mixed["mixing"]
    assert mixed["mixing"] == null["mixing"]


def test_embedded_full_is_every_embedded_table() -> None:
    from bench.datasets.embedded import names

    cfg = compose("config", ["experiment=embedded_full"], return_hydra_config=True)
    assert sorted(str(cfg.hydra.sweeper.params.dataset).split(",")) == names("classification")


@pytest.mark.parametrize(
    "name",
    [
        "smoke",
        "embedded",
        "embedded_full",
        "pilot",
        "ablation",
        "ablation_smoke",
        "paper",
        "stopping",
    ],
)
def test_what_was_run_by_the_studys_rule_states_it(name: str) -> None:
    """Another default is no other cell of theirs: their kept records stay what they are."""
    experiment = OmegaConf.load(Path(CONF, "experiment", f"{name}.yaml"))
    assert {"override /finetune": "study"} in experiment.defaults
    assert OmegaConf.load(Path(CONF, "finetune", "study.yaml")).select_by == "roc_auc_ovo"


def test_stopping_is_judged_on_every_embedded_table_that_no_rule_was_found_on() -> None:
    from bench.datasets.embedded import names

    twelve, rest = (suite(name).split(",") for name in ("embedded12", "embedded_rest"))
    assert sorted([*twelve, *rest]) == names("classification")
    experiment = OmegaConf.load(Path(CONF, "experiment", "stopping.yaml"))
    assert "embedded_rest" in OmegaConf.to_yaml(experiment.hydra, resolve=False)
