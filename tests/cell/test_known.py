"""What a command is told of causes: read from files that hold words, and put where it is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose
from omegaconf import DictConfig
from sweeps import inside

from bench.cell.identity import identity
from bench.cell.known import READERS, require_taken, told, with_told
from bench.cell.targets import Configs
from bench.datasets.embedded import dags, load
from bench.datasets.suites import suite
from bench.errors import BadInput
from bench.files import CONF, plain
from bench.sweep.entries import cells_of
from bench.sweep.jobs import cells, composing
from generators.scm import SCM

KNOWLEDGE = """
tiers: [[sepal_width], [petal_length , petal_width]]  # blanks around a name are none of its
roots:
  - sepal_width
"""
HELD = {"tiers": [["sepal_width"], ["petal_length", "petal_width"]], "roots": ["sepal_width"]}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the command is run."""
    (tmp_path / "k.yaml").write_text(KNOWLEDGE)
    (tmp_path / "e.csv").write_text('cause;effect\n"petal_length";species\n\npetal_width;species\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(*words: str) -> DictConfig:
    return compose("config", ["dataset=iris", *words])


@pytest.mark.usefixtures("configs", "files")
class TestWhoIsTold:
    def test_the_content_goes_to_the_generators_that_take_it(self) -> None:
        methods = ("scm", "causalmixft", "default_ft", "bootstrap")
        given = [config(f"method={name}", "knowledge=k.yaml") for name in methods]
        scm, mixed, *others = with_told(given)
        assert plain(scm.method)["generator"]["knowledge"] == HELD
        assert plain(mixed.method)["generator"]["knowledge"] == HELD
        assert [cell.method for cell in others] == [cell.method for cell in given[2:]]
        assert "knowledge" not in given[0].method.generator  # it is nobody else's to change

    def test_a_graph_is_told_as_its_edges(self) -> None:
        (cell,) = with_told([config("method=scm", "dag=e.csv")])
        told_of = [["petal_length", "species"], ["petal_width", "species"]]
        assert plain(cell.method)["generator"]["dag"] == told_of

    def test_the_graph_that_comes_with_a_table_is_told_likewise(self) -> None:
        words = ["dataset=heart-disease", "method=scm", "dag=shipped"]
        (cell,) = with_told([compose("config", words)])
        assert ["num", "thalach"] in plain(cell.method)["generator"]["dag"]

    def test_an_entry_may_name_a_file_of_its_own(self) -> None:
        words = ["dag=e.csv", "methods=[default_ft,'scm dag=null','scm dag=e.csv method.name=of']"]
        entries = cells_of(config(*words), ["dataset=iris", "dag=e.csv"], "default_ft")
        found = with_told([cell for _, cell in entries])
        assert ["dag" in (cell.method.generator or ()) for cell in found] == [False, False, True]
        require_taken(found)
        (alone,) = (cell for cell in found if cell.method.name == "default_ft")
        with pytest.raises(BadInput, match=r"dag=e\.csv has no effect.* default_ft have none"):
            require_taken([alone, found[1]])

    def test_a_cell_that_nothing_is_told_is_the_one_from_before(self) -> None:
        """To the bit: its identity names neither, as those of kept records do not."""
        for method in ("scm", "causalmixft"):
            given = config(f"method={method}")
            (cell,) = with_told([given])
            assert cell is given
            assert not {"knowledge", "dag"} & set(cell.method.generator)

    @pytest.mark.long
    def test_the_content_decides_the_identity_and_not_where_it_lay(self, files: Path) -> None:
        table = load("iris")

        def hash_of(*words: str) -> str:
            (cell,) = with_told([config("method=scm", *words)])
            return str(identity(cell, table)["hash"])

        (files / "deep").mkdir()
        (files / "deep" / "other.yaml").write_text(KNOWLEDGE.replace("  # blanks", " #"))
        (files / "more.yaml").write_text(KNOWLEDGE + "sinks: [species]\n")
        told_of = hash_of("knowledge=k.yaml")
        assert hash_of("knowledge=deep/other.yaml") == told_of
        assert len({told_of, hash_of(), hash_of("knowledge=more.yaml")}) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "knowledge=k.yaml: it says nothing."),
        ("roots: [a", "knowledge=k.yaml, line 1: expected ',' or ']'"),
        ("roots: [a]\nroots: [b]", "line 1: it says one key twice."),
        ("tiers: &t [[a]]\nroots: *t", "line 2: it has a reference."),
        ("roots: {_target_: os.system}", "it holds _target_, and nothing that is told is called."),
        ("roots: ['${oc.env:HOME}']", "a column that is named '${oc.env:HOME}' cannot be told of"),
        ("[" * 600, "nested too deeply"),
        ("\0", "it is no YAML"),
        ("a: " + "b" * 1_000_001, "more than the 1,000,000 that are read"),
        (None, "knowledge=k.yaml: it is no text in UTF-8."),
    ],
)
def test_a_file_that_holds_no_knowledge_is_one_sentence(
    text: str | None, sentence: str, files: Path
) -> None:
    (files / "k.yaml").write_bytes(b"\xff" if text is None else text.encode())
    refused(DictConfig({"knowledge": "k.yaml"}), sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "dag=e.csv: its first line is ''; expected cause,effect, and below it a row for each"),
        ("from,to\na,b\n", "its first line is 'from,to'; expected cause,effect"),
        ("cause,effect\n", "dag=e.csv: it holds no edge."),
        ("Cause,Effect\na,b\nb,\n", "dag=e.csv, line 3: 'b,' is no edge; expected a cause and an"),
        ("cause,effect\na,b,c\n", "line 2: 'a,b,c' is no edge"),
        ('cause,effect\n"a', "dag=e.csv, line 2: unexpected end of data."),
    ],
)
def test_a_file_that_holds_no_edges_is_one_sentence(text: str, sentence: str, files: Path) -> None:
    (files / "e.csv").write_text(text)
    refused(DictConfig({"dag": "e.csv"}), sentence)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere.yaml", "there is no such file"),
        (".", "it is a folder"),
        ("a\0b", "can be no file"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_is_no_file_is_one_sentence(name: str, sentence: str) -> None:
    refused(DictConfig({"knowledge": name}), sentence)


def refused(cfg: DictConfig, sentence: str) -> None:
    with pytest.raises(BadInput) as error:
        told(cfg)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_link_to_a_file_and_a_mark_of_its_encoding_are_read(files: Path) -> None:
    (files / "kept.yaml").write_text("\ufeff" + KNOWLEDGE)
    (files / "k.yaml").unlink()
    (files / "k.yaml").symlink_to("kept.yaml")
    assert told(DictConfig({"knowledge": "k.yaml"})) == {"knowledge": HELD}


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["methods=[default_ft,ctgan]"], "knowledge=k.yaml has no effect: it is for generators"),
        (["method=default_ft"], "and default_ft have none"),
        (["-m", "method=default_ft,tvae"], "default_ft and tvae have none"),
        (["experiment=smoke", "methods=[tvae]"], "tvae have none"),
    ],
)
@pytest.mark.usefixtures("files")
def test_a_command_none_of_whose_methods_takes_it_is_refused(
    words: list[str], sentence: str
) -> None:
    result = inside("run", "knowledge=k.yaml", *words)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.long
@pytest.mark.usefixtures("files")
def test_the_cells_of_a_sweep_are_told() -> None:
    words = ["dataset=iris", "fold=0,1", "methods=[scm,default_ft]", "knowledge=k.yaml"]
    with composing(words) as overrides:
        found = [plain(cell.method)["generator"] for cell in cells(overrides)]
    assert [(of or {}).get("knowledge") for of in found] == [HELD, None] * 2


@pytest.mark.long
def test_what_the_table_contradicts_is_refused_before_anything_is_written(files: Path) -> None:
    (files / "k.yaml").write_text("roots: [sepal_widht]")
    for verb in ("run", "graph"):
        result = inside(verb, "dataset=iris", "method=scm", "knowledge=k.yaml", "results_dir=out")
        assert result.returncode == 2
        assert "no column of table 'iris'; did you mean 'sepal_width'?" in result.stderr
    assert not list((files / "out").rglob("*.json"))


@pytest.mark.long
def test_what_a_record_says_that_it_was_told_is_plain_data() -> None:
    """A cell is made again from it, and so nothing in it may name a class."""
    configs = Configs.of(Path(CONF))
    scm = {"_target_": "generators.scm.SCM", "_convert_": "all", "knowledge": HELD, "dag": []}
    assert configs.refusal("generator", scm) is None
    called = {**scm, "knowledge": {"roots": [{"_target_": "os.system"}]}}
    assert "which no config names there" in str(configs.refusal("generator", called))
    within = {**scm, "fitting": {"_target_": "generators.scm.mechanisms.Fitting", "dag": []}}
    assert "sets 'dag' of" in str(configs.refusal("generator", within))


@pytest.mark.usefixtures("configs")
def test_a_table_that_no_graph_comes_with_is_one_sentence() -> None:
    for words, named in (
        (["dataset=iris"], "dataset 'iris'; one does with australian,"),
        (["dataset=csv", "path=a.csv", "target=y"], "a table of one's own; one does with"),
    ):
        with pytest.raises(BadInput, match=f"dag=shipped: no graph comes with {named}"):
            told(compose("config", [*words, "method=scm", "dag=shipped"]))


def test_a_shipped_graph_is_of_its_table_and_has_its_target() -> None:
    assert {*dags()} == {*suite("embedded12").split(",")}
    for name, path in dags().items():
        edges = READERS["dag"](path.read_text(), name)
        SCM(dag=edges).check(load(name))
        assert 8 <= len(edges) <= 25
        assert load(name).target in {column for edge in edges for column in edge}
