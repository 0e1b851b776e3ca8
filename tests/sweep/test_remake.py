"""A record is not believed: it names configs, and nothing else of it is made, asked or opened."""

from __future__ import annotations

import copy
import json
import os
import re
import resource
import sys
from collections.abc import Iterator
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from composing import composing
from hydra import compose
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_records import adapted, made
from omegaconf import OmegaConf

from bench.cell.corpus import given as given_sources
from bench.cell.identity import SETTINGS, code_fingerprint, is_here, is_stale
from bench.cell.record import fault, seal
from bench.cell.store import Store
from bench.cell.targets import Configs, by_role, is_dotted
from bench.cli import main
from bench.datasets.embedded import load
from bench.errors import BadInput
from bench.files import CONF, plain
from bench.report.write import report
from bench.sweep.limits import _memory
from bench.sweep.remake import (
    Today,
    _as_it_was,
    _config,
    _made,
    _seconds,
    _settings,
    escaped,
    remade,
)


def composed(*overrides: str) -> dict[str, Any]:
    with composing():
        return plain(compose("config", list(overrides)))


def settings_of(*overrides: str) -> dict[str, Any]:
    whole = composed(*overrides)
    return {name: whole[name] for name in SETTINGS}


@cache
def scm() -> dict[str, Any]:
    """Settings of a small cell of SCM; copied by whoever changes them."""
    return settings_of(
        "dataset=iris",
        "method=scm",
        "device=cpu",
        "finetune.steps=1",
        "method.generator.n_dags=1",
        "method.generator.discovery.resamples=1",
    )


@cache
def today() -> Today:
    return Today.of([])


@cache
def ours() -> Configs:
    return Configs.of(Path(CONF))


def record(changed: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A done record of SCM on iris, whose settings are today's but for what is changed."""
    fields = {"settings": changed or copy.deepcopy(scm()), **more}
    return seal(made("iris", "scm", [0.7, 0.8], **fields))


def put(store: Path, of: dict[str, Any]) -> Path:
    """Write a record under its own name, whatever is wrong with it."""
    names = of["cell"]
    path = store / "cells" / names["dataset"] / names["method"]
    path.mkdir(parents=True, exist_ok=True)
    path /= f"{names['fold']}-{of['identity']['hash'][:8]}.json"
    path.write_text(json.dumps(of))
    return path


@pytest.fixture
def tripwire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that leaves a file where it is imported or called; it must not be there after."""
    wire, folder = tmp_path / "fired", tmp_path / "modules"
    folder.mkdir()
    (folder / "tripwire.py").write_text(
        f"import pathlib\npathlib.Path({str(wire)!r}).write_text('imported')\n"
        "def fire(*_, **__): raise SystemExit('called')\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("TRIPWIRE", str(wire))
    yield wire
    assert not wire.exists()
    assert "tripwire" not in sys.modules


def hostile(wire: Path) -> list[dict[str, Any]]:
    """Configs that do something on their own account, and their signs in the file system."""
    return [
        {"_target_": "tripwire.fire"},
        {"_target_": "tripwire.fire", "_partial_": True},
        {"_target_": "builtins.open", "file": str(wire), "mode": "w"},
        {"_target_": "builtins.open", "_args_": [str(wire), "w"]},
        {"_target_": "pathlib.Path.write_text", "_args_": [{"_target_": "pathlib.Path"}, "x"]},
        {"_target_": "pandas.read_pickle", "filepath_or_buffer": str(wire)},
        {"_target_": "os.system", "command": f"touch {wire}"},
        {"_target_": "hydra.utils.call", "config": {"_target_": "tripwire.fire"}},
        {"_target_": "bench.cli.main", "argv": ["run"]},
        {"_target_": "bench.files.write_whole", "path": str(wire), "content": "x"},
        {"_target_": "generators.nowhere.Nothing"},
        {"_target_": "sklearn.pipeline.make_pipeline", "memory": str(wire)},
    ]


SETTLED = ("dataset", "model", "method")  # groups whose choices name classes


class TestConfigs:
    @pytest.mark.slow
    def test_whatever_conf_offers_may_be_made_again(self):
        """Each dataset beside a model and a method while there are any, for a config has all."""
        offered = {group: sorted(Path(CONF, group).glob("*.yaml")) for group in SETTLED}
        offered["dataset"].append(Path(CONF, "dataset", "tabarena", "credit-g.yaml"))
        words = [
            [f"{group}={path.relative_to(Path(CONF, group)).with_suffix('')}" for path in paths]
            for group, paths in offered.items()
        ]
        with composing():
            for choices in zip_longest(*words):
                cfg = OmegaConf.to_container(compose("config", [*filter(None, choices)]))
                assert isinstance(cfg, dict)
                for role, node in by_role({str(k): v for k, v in cfg.items()}).items():
                    assert node is None or ours().refusal(role, node) is None, choices

    @pytest.mark.parametrize("role", ["dataset", "model", "generator"])
    def test_another_class_is_refused_and_named(self, role: str, tmp_path: Path):
        for node in hostile(tmp_path):
            assert node["_target_"] in str(ours().refusal(role, node))

    @pytest.mark.parametrize(
        ("role", "target"),
        [
            ("dataset", "generators.bootstrap.Bootstrap"),
            ("dataset", "bench.models.tab2d.checkpoint.load"),
            ("model", "bench.datasets.embedded.load"),
            ("generator", "bench.datasets.embedded.load"),
            ("generator", "sklearn.linear_model.LogisticRegression"),
            ("generator", "generators.scm.discovery.Discovery"),
        ],
    )
    def test_a_class_in_anothers_role_is_refused(self, role: str, target: str):
        assert "which no config names there" in str(ours().refusal(role, {"_target_": target}))

    @pytest.mark.long
    def test_a_class_stands_only_where_a_config_has_it(self):
        node = copy.deepcopy(scm()["method"]["generator"])
        node["classifier"], node["regressor"] = node["regressor"], node["classifier"]
        assert "which no config names there" in str(ours().refusal("generator", node))

    @pytest.mark.parametrize(
        ("keys", "more", "told"),
        [
            ((), {"_partial_": True}, "_partial_"),
            ((), {"_convert_": "none"}, "_convert_"),
            ((), {"_args_": [1]}, "_args_"),
            ((), {"anything": 1}, "'anything' of generators.scm.SCM"),
            (("regressor",), {"memory": "/tmp/x"}, "'memory' of sklearn.pipeline.make_pipeline"),
            (("discovery",), {"_recursive_": False}, "_recursive_"),
            (("residuals",), {"_target_": "generators.scm.SCM"}, "no config names there"),
        ],
    )
    def test_no_config_says_so(self, keys: tuple[str, ...], more: dict[str, Any], told: str):
        whole = copy.deepcopy(scm()["method"]["generator"])
        node = whole
        for key in keys:
            node[key] = node[key] if isinstance(node[key], dict) else {}
            node = node[key]
        node |= more
        assert told in str(ours().refusal("generator", whole))


NAMES = [
    *("tripwire.fire", "builtins.open", "os.system", "bench.cli.main", "nowhere.Nothing"),
    *("bench.datasets.embedded.load", "sklearn.linear_model.LogisticRegression"),
    *("../../x", "/etc/passwd", "a\0b", "tripwire", "", ".", "a..b", "${oc.env:HOME}", "x." * 5000),
    *(None, 3, 0.5, True, [], ["tripwire.fire"], {"_target_": "tripwire.fire"}),
]
KEYS = ["_args_", "_partial_", "_recursive_", "_convert_", "name", "${oc.env:HOME}", "a"]
VALUES = st.recursive(
    st.sampled_from([None, True, 1, "x", "${oc.env:HOME}", "${", "all", 1e308]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.builds(
            lambda target, more: {"_target_": target, **more},
            st.sampled_from(NAMES),
            st.dictionaries(st.sampled_from(KEYS), inner, max_size=2),
        )
    ),
    max_leaves=6,
)
TREES = st.builds(
    lambda target, more: {"_target_": target, **more},
    st.sampled_from(NAMES),
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3),
)
PLACES = [
    *(("dataset",), ("dataset", "name"), ("model",), ("model", "path"), ("model", "sha256")),
    *(("method", "generator"), ("method", "generator", "discovery")),
    *(("method", "generator", "regressor", "_args_", 0), ("method", "generator", "n_dags")),
    *(("method", "mixing"), ("finetune",), ("finetune", "lr"), ("fold",)),
]


def changed(place: tuple[Any, ...], tree: Any) -> dict[str, Any]:
    """SCM's settings with one place of them another."""
    all_of_them = copy.deepcopy(scm())
    node: Any = all_of_them
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = tree
    return all_of_them


@pytest.mark.long
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.sampled_from(PLACES), tree=TREES)
def test_no_hostile_tree_in_a_sealed_record_is_made_or_looked_up(
    place: tuple[Any, ...], tree: Any, tripwire: Path
) -> None:
    of = record(changed(place, tree))
    if fault(of) is None:
        with pytest.raises(BadInput) as refused:
            remade(of, today())
        assert os.environ["HOME"] not in str(refused.value)
        assert isinstance(is_stale(of), bool)
    assert "tripwire" not in sys.modules
    assert not tripwire.exists()


def with_sources(**changed: Any) -> dict[str, Any]:
    """A record of SCM on iris from adapted weights, whose sources' method is changed."""
    of = adapted(made("iris", "scm", [0.7, 0.8], settings=copy.deepcopy(scm())), "causal")
    of["settings"]["transfer"]["method"] |= changed
    return seal(of)


@pytest.mark.long
def test_a_class_for_sources_is_a_generator_that_a_config_names(tripwire: Path) -> None:
    for tree in hostile(tripwire):
        of = with_sources(generator=tree)
        assert fault(of) is None
        with pytest.raises(BadInput, match=r"its sources' generator (names|asks|sets)"):
            remade(of, today())
    assert is_stale(of)
    theirs = with_sources(generator=scm()["method"]["generator"])
    settings = _settings(theirs, today())
    assert settings["transfer"] == theirs["settings"]["transfer"]
    assert "transfer" not in _settings(record(), today())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mixing": {"rows": "mixed", "ratio": 1.0, "size": 1e9}}, "1e\\+09 synthetic rows for"),
        ({"name": "${oc.env:HOME}"}, "its transfer holds '\\${'"),
    ],
)
def test_what_sources_ask_for_has_a_limit(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        remade(with_sources(**changed), today())


@cache
def over_tables() -> dict[str, Any]:
    """Settings of a cell whose weights were fine-tuned on named tables."""
    words = ("dataset=iris", "method=pretrained", "device=cpu", "transfer=real")
    whole = composed(*words, "transfer.tables=[tae,glass,penguins]")
    return {name: whole[name] for name in (*SETTINGS, "transfer")}


@pytest.mark.long
def test_a_source_is_a_dataset_that_a_config_names(tmp_path: Path) -> None:
    beyond = tmp_path / "mine.yaml"
    beyond.write_text("defaults: [csv, _self_]\npath: x.csv\ntarget: y\n")
    for name in (
        *(str(beyond), str(beyond.with_suffix("")), "../config", "/etc/passwd", "mine", "csv"),
        *("tae' 'hydra.run.dir=x", "tae,glass", "[tae]", "$tae", "{a: 1}", "a=b", "", "x/y/z"),
        *("${oc.env:HOME}", "openml", "a\nb"),
    ):
        whole = copy.deepcopy(over_tables())
        whole["transfer"]["tables"] = ["tae", "glass", "penguins", name]
        of = seal(adapted(made("iris", "pretrained", [0.7], settings=whole), "real"))
        of["settings"] = whole
        with pytest.raises(BadInput) as refused:
            given_sources(_config(_settings(of, today()), today(), str(tmp_path)), load("iris"))
        assert os.environ["HOME"] not in str(refused.value)
        assert "\n" not in str(refused.value)
        assert re.search("called so|names files|needs|expected|holds", str(refused.value))


def test_weights_that_another_cell_made_take_as_long_as_they_may() -> None:
    of = with_sources()
    assert _seconds(of, today()) < _seconds(shared_by(of), today()) == 3600


def shared_by(of: dict[str, Any]) -> dict[str, Any]:
    timings = of["timings"] | {"transfer": {"shared": True, "seconds": 0.1}}
    return seal({k: v for k, v in of.items() if k != "checksum"} | {"timings": timings})


@pytest.mark.long
def test_verbs_go_on_past_hostile_records(
    tripwire: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "results"
    trees = [*hostile(tripwire), *({"_target_": name} for name in NAMES)]
    for fold, tree in enumerate(trees):
        place = (("dataset",), ("model",), ("method", "generator"))[fold % 3]
        put(root, seal({**record(changed(place, tree)), **_unlike(fold)}))
    sound = record()
    put(root, sound)
    assert main(["verify", str(root), "n=100"]) == 1
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "its dataset names tripwire.fire, which no config names there" in printed.out
    assert "FAULTY" in printed.out
    assert main(["status", str(root)]) == 0
    assert main(["show", str(put(root, sound))]) == 0
    assert report(root, figures=False) in (0, 2)
    assert "Traceback" not in capsys.readouterr().out


def _unlike(fold: int) -> dict[str, Any]:
    of = made("iris", "scm", [0.7, 0.8], fold=fold + 1)
    return {key: of[key] for key in ("cell", "identity")}


class TestTexts:
    @settings(max_examples=50)
    @given(st.text(alphabet="\\$a{}:,' \"") | st.text())
    def test_an_escaped_text_is_read_as_it_was(self, text: str):
        read = OmegaConf.to_container(OmegaConf.create({"a": escaped(text)}), resolve=True)
        assert read == {"a": text}

    def test_what_is_made_gets_the_text_and_not_what_it_stands_for(self):
        made_of = _made({"_target_": "builtins.dict", "a": "${oc.env:HOME}", "b": [{"c": "${x}"}]})
        assert made_of == {"a": "${oc.env:HOME}", "b": [{"c": "${x}"}]}

    @pytest.mark.parametrize("text", ["${oc.env:HOME}", "${", "${results_dir}"])
    def test_no_interpolation_of_a_record_is_resolved(self, text: str):
        for place in (("dataset", "name"), ("method", "generator", "target"), ("model", "path")):
            with pytest.raises(BadInput) as refused:
                remade(record(changed(place, text)), today())
            assert os.environ["HOME"] + "/" not in str(refused.value)

    def test_staleness_resolves_nothing(self):
        of = record(changed(("dataset", "name"), "${oc.env:HOME,${nowhere"))
        assert is_stale(of)


class TestStale:
    def test_a_class_that_is_not_here_is_stale_whatever_code_the_record_tells(self):
        absent = changed(("method", "generator", "_target_"), "nowhere_at_all.Generator")
        of = record(absent, provenance={**made("iris", "scm", [0.7])["provenance"]})
        of["provenance"]["code"] = code_fingerprint(["bench.datasets.embedded"])
        assert is_stale(of)

    @pytest.mark.parametrize(
        ("module", "here"),
        [
            ("bench.datasets.embedded", True),
            ("bench.cell.store.Store", True),  # a class whose method is named
            ("sklearn.linear_model", True),
            ("bench.nowhere", True),  # a part of `bench`, which is there
            ("nowhere_at_all", False),
            ("__main__", False),
            ("", False),
        ],
    )
    def test_code_is_looked_for_by_name(self, module: str, here: bool):
        assert is_here(module) == here

    @pytest.mark.parametrize("name", NAMES)
    def test_what_is_no_dotted_name_is_a_fault_of_the_record(self, name: Any):
        wrong = fault(record(changed(("dataset", "_target_"), name)))
        assert (wrong is None) == is_dotted(name)

    def test_a_module_that_is_no_python_has_a_fingerprint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (tmp_path / "old_python.py").write_text("print 'two'\0")
        monkeypatch.syspath_prepend(tmp_path)
        assert code_fingerprint(["old_python"]) != code_fingerprint([])


@pytest.mark.long
@pytest.mark.parametrize("margin", ["tripwire.fire", "os.system", "copulas.univariate.base.np"])
def test_a_margin_is_a_distribution_and_nothing_is_imported_for_it(
    margin: Any, tripwire: Path
) -> None:
    method = copy.deepcopy(settings_of("method=gaussian_copula")["method"])
    method["generator"]["margin"] = margin
    made_again = remade(record(changed(("method",), method)), today())
    assert "margin is a distribution" in made_again["error"]["message"]


class TestCost:
    @pytest.mark.parametrize(
        ("place", "value", "told"),
        [
            (("threads",), 10**6, "1000000 threads"),
            (("threads",), 0, "0 threads"),
            (("method", "mixing", "size"), 1e3, "80000 synthetic rows"),
            (("finetune", "steps"), 10**9, "finetune.steps is 1000000000"),
            (("finetune", "query_share"), 2, "finetune.query_share is 2"),
            (("validation_share",), 1e-9, "validation_share is 1e-09"),
            (("model", "max_context"), 0, "model.max_context is 0"),
            (("method", "generator", "n_dags"), 10**9, "generator.n_dags is 1000000000"),
        ],
    )
    def test_settings_far_beyond_what_the_record_tells_are_refused(
        self, place: tuple[str, ...], value: Any, told: str
    ):
        of = record(changed(place, value))
        with pytest.raises(BadInput, match=told):
            remade(of, today())

    @pytest.mark.long
    def test_a_cell_ends_near_the_time_that_its_record_tells(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("bench.sweep.remake.LEAST_SECONDS", 1.0)
        endless = changed(("finetune", "steps"), 10_000)
        endless["finetune"] |= {"patience": 10_000}
        endless["method"] = settings_of("method=default_ft")["method"]
        of = record(endless, timings={"started": 0.0, "seconds": {"total": 0.01}})
        with pytest.raises(BadInput, match="stopped after 1 s"):
            remade(of, today())

    @pytest.mark.parametrize("seconds", [1e300, -1.0, "long", None])
    def test_a_senseless_time_is_refused(self, seconds: Any):
        with pytest.raises(BadInput, match=r"h; hours=NUMBER|as the seconds that it took"):
            remade(record(timings={"started": 0.0, "seconds": {"total": seconds}}), today())

    @pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="the system does not tell")
    def test_what_memory_there_is_not_is_an_error_and_not_the_end(self):
        (available,) = re.findall(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
        before = resource.getrlimit(resource.RLIMIT_DATA)
        with pytest.raises(MemoryError), _memory():
            np.empty(int(available) * 1024 * 5 // 4, dtype=np.uint8)
        assert resource.getrlimit(resource.RLIMIT_DATA) == before


class TestPlaces:
    @pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "http://localhost/x.csv", "a\0"])
    def test_a_table_of_ones_own_is_a_file(self, path: str):
        dataset = {**composed("dataset=csv")["dataset"], "path": path, "target": "y"}
        with pytest.raises(BadInput, match="is no file here"):
            remade(record(changed(("dataset",), dataset)), today())

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path):
        os.mkfifo(tmp_path / "pipe")
        dataset = {**composed("dataset=csv")["dataset"], "path": str(tmp_path / "pipe")}
        with pytest.raises(BadInput, match="is no file here"):
            remade(record(changed(("dataset",), dataset)), today())

    def test_neither_server_nor_cache_are_the_records_to_say(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("requests.Session.send", lambda *_, **__: pytest.fail("asked"))
        dataset = {
            **composed("dataset=openml", "task_id=7")["dataset"],
            "server": "http://localhost:9/api/v1/xml",
            "cache_dir": str(tmp_path / "cache"),
            "offline": False,
        }
        with pytest.raises(BadInput, match="is not on this machine"):
            remade(record(changed(("dataset",), dataset)), today())
        assert not list(tmp_path.iterdir())

    def test_weights_of_a_hub_are_not_fetched(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("requests.Session.send", lambda *_, **__: pytest.fail("asked"))
        model = {**scm()["model"], "path": "somebody/something", "offline": False}
        with pytest.raises(BadInput, match="is not in the hub's cache here"):
            remade(record(changed(("model",), model)), today())


@pytest.mark.long
def test_a_record_older_than_a_setting_is_made_again_with_its_default() -> None:
    older = copy.deepcopy(scm())
    generator = older["method"]["generator"]
    for node, names in (
        (generator, ("order_noise", "fitting", "distinct", "fewest_candidates")),
        (generator["discovery"], ("ridge", "bins")),
    ):
        for name in names:
            del node[name]
    before, now = (remade(record(of), today()) for of in (older, None))
    assert before["status"] == now["status"] == "done"
    assert "fitting" not in before["settings"]["method"]["generator"]
    assert before["identity"]["hash"] != now["identity"]["hash"]
    for part in ("metrics", "curves"):
        assert before[part] == now[part]


@pytest.mark.long
def test_a_folder_of_ones_own_configs_is_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf, code = tmp_path / "conf" / "method", tmp_path / "code"
    conf.mkdir(parents=True)
    code.mkdir()
    (conf / "own.yaml").write_text(
        "defaults: [bootstrap, _self_]\nname: own\n"
        "generator: {_target_: own_generators.Own, stratified: true}\n"
    )
    (code / "own_generators.py").write_text(
        "from generators.bootstrap import Bootstrap\nclass Own(Bootstrap):\n    pass\n"
    )
    monkeypatch.syspath_prepend(code)
    method = {**settings_of("method=bootstrap")["method"], "name": "own"}
    method["generator"] = {"_target_": "own_generators.Own", "stratified": True}
    own = changed(("method",), method)
    own["finetune"] |= {"steps": 1}
    with pytest.raises(BadInput, match=r"own_generators.Own, which no config names there"):
        remade(record(own), today())
    assert "own_generators" not in sys.modules
    arm = tmp_path / "conf" / "transfer" / "own_arm.yaml"
    arm.parent.mkdir()
    arm.write_text(
        "defaults: [none, _self_]\n"
        "method: {name: own_arm, generator: {_target_: own_generators.Arm}}\n"
    )
    theirs = Today.of(["--config-dir", str(tmp_path / "conf")])
    assert remade(record(own), theirs)["status"] == "done"
    of_sources = with_sources(generator={"_target_": "own_generators.Arm"})
    assert _settings(of_sources, theirs)["transfer"] == of_sources["settings"]["transfer"]
    with pytest.raises(BadInput, match=r"own_generators.Arm, which no config names there"):
        _settings(of_sources, today())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--config-dir", "nowhere"], "there is no folder 'nowhere'"),
        (["--config-dir"], "needs a folder"),
        (["hours=-1"], "hours is a number that is not below 0"),
        (["openml.nothing=1"], "nothing"),
    ],
)
def test_bad_words_are_one_sentence(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Store(tmp_path).write(record())
    assert main(["verify", str(tmp_path), *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(("told", "does"), [({}, "fixed"), ({"selection": "cv"}, "cv")])
def test_what_a_generator_had_no_choice_of_it_does_as_it_did_then(told: dict, does: str) -> None:
    search = {"_target_": "generators.scm.discovery.Discovery", "level": 0.01}
    node = {"_target_": "generators.scm.SCM", "discovery": search, **told}
    settings = {"dataset": {}, "model": {}, "method": {"generator": node}, "transfer": None}
    cfg = OmegaConf.create(settings)
    made = _as_it_was(cfg).method.generator
    assert (made.selection, made.discovery.categories) == (does, None)
    assert OmegaConf.to_container(cfg) == settings  # what is told stays what it was
