"""The columns of one's own table that say which rows belong together, or when each one was."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.cli import main
from bench.datasets.own import read as own
from bench.datasets.splits import protocol, split
from bench.errors import BadInput
from bench.table import Table

N = 36
LABELS = ["ill", "well"] * (N // 2)
PATIENT = [i // 4 for i in range(N)]  # nine, of four rows each
DAYS = pd.date_range("2023-11-20", periods=N, freq="D")


@pytest.fixture
def load(tmp_path: Path):
    """Write columns beside a feature and the target, and read them."""

    def load(columns: dict[str, object], suffix: str = ".csv", /, **options: object) -> Table:
        frame = pd.DataFrame({"a": np.arange(N) * 1.5, **columns, "y": LABELS})
        path = tmp_path / f"mine{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        return own.load(path, "y", **options)

    return load


@pytest.fixture
def refused(load):
    """The sentence with which columns are refused."""

    def refused(columns: dict[str, object], /, **options: object) -> str:
        with pytest.raises(BadInput) as caught:
            load(columns, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused


class TestGroups:
    @pytest.mark.parametrize(
        "ids",
        [
            PATIENT,
            [f"P{i}" for i in PATIENT],
            [float(i) for i in PATIENT],
            [i + 0.5 for i in PATIENT],
            pd.Categorical([f"P{i}" for i in PATIENT]),
            pd.to_datetime("1980-02-03") + pd.to_timedelta(PATIENT, "D"),  # dates of birth
            [2**62 + i for i in PATIENT],  # one number as floats
        ],
    )
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_what_they_are_called_does_not_matter(self, load, ids, suffix):
        table = load({"patient": ids}, suffix, groups="patient")
        assert table.groups.tolist() == PATIENT
        assert list(table.X) == ["a"]
        assert table.notes == (
            "Dataset 'mine', column 'patient': its 9 groups are kept whole in all splits; it is "
            "no feature.",
        )
        plain = load({"patient": [f"Q{9 - i}" for i in PATIENT]}, groups="patient")
        assert protocol(table) == protocol(plain)

    def test_no_patient_is_both_trained_on_and_tested(self, load):
        table = load({"patient": PATIENT}, groups="patient")
        for index in range(30):
            part = split(table, index)
            held = [set(table.groups[r]) for r in (part.train, part.validation, part.test)]
            assert [len(patients) for patients in held] == [5, 1, 3]
            assert len(set.union(*held)) == 9

    def test_rows_without_a_target_take_their_group_along(self, tmp_path):
        frame = pd.DataFrame({"a": np.arange(N), "p": PATIENT, "y": LABELS})
        frame.loc[[0, 1, 2, 3, 5], "y"] = None  # the first patient, and a visit of the second
        frame.to_csv(tmp_path / "mine.csv")
        table = own.load(tmp_path / "mine.csv", "y", groups="p")
        assert table.groups.tolist() == [i - 1 for i in PATIENT[4:5] + PATIENT[6:]]

    @pytest.mark.parametrize(
        ("header", "typed"),
        [
            ("1.10", "1.10"),
            ("Größe", unicodedata.normalize("NFD", "Größe")),
            ("the\npatient", "the patient"),
            ("\u200bpatient", "patient"),
            (" patient ", "patient"),
        ],
    )
    def test_their_column_is_found_as_every_other_is(self, load, header, typed):
        assert load({header: PATIENT}, groups=typed).groups.tolist() == PATIENT

    def test_an_index_that_is_named_stays(self, load):
        assert load({"index": PATIENT}, groups="index").groups.tolist() == PATIENT

    def test_one_number_in_two_writings_is_one_group(self, load):
        ids = [f"{i}.0" if at % 4 == 3 else i for at, i in enumerate(PATIENT)]
        table = load({"patient": ids}, groups="patient")
        assert table.groups.tolist() == PATIENT
        assert table.notes[1] == (
            "Dataset 'mine', column 'patient': numbers written in two ways are one group "
            "(9 of them)."
        )

    def test_groups_that_look_alike_are_noted(self, load):
        ids = [f"{'Pp'[at % 4 == 3]}{i}" for at, i in enumerate(PATIENT)]
        table = load({"patient": ids}, groups="patient")
        assert len(set(table.groups)) == 18
        assert table.notes[1] == (
            "Dataset 'mine', column 'patient': 'P0', 'p0' (and 8 more such sets) differ only in "
            "case, blanks or marks that look alike; they stay groups of their own."
        )

    def test_a_group_a_row_changes_nothing_and_says_so(self, load):
        columns = {"row": [f"R{i}" for i in range(N)]}
        table = load(columns, groups="row")
        assert table.groups is None
        assert table.notes == (
            "Dataset 'mine', column 'row': no two rows share a group, so grouping changes "
            "nothing; it is no feature.",
        )
        same = load(columns, drop="row")
        assert split(table, 4).test.tolist() == split(same, 4).test.tolist()
        assert (table.fingerprint(), protocol(table)) == (same.fingerprint(), protocol(same))

    @pytest.mark.parametrize(
        ("name", "levels", "hinted"),
        [("patient", 30, True), ("userId", 30, True), ("ward", 30, False), ("patient", 9, False)],
    )
    def test_a_column_that_seems_to_hold_groups_is_noted(self, load, name, levels, hinted):
        said = "seems to name what several rows belong to; if it does, name it in dataset.groups"
        notes = load({name: [i % levels for i in range(N)]}).notes
        assert any(said in note for note in notes) == hinted

    def test_a_row_without_a_group_is_refused(self, refused):
        sentence = refused({"patient": [None, None, *PATIENT[2:]]}, groups="patient")
        assert sentence == (
            "Dataset 'mine', column 'patient': 2 of 36 rows have no group; name it, with a value "
            "of its own for a row that belongs to none, or leave those rows out."
        )

    def test_too_few_groups_and_a_class_in_one_alone_are_refused(self, refused):
        few = refused({"ward": [i % 2 for i in range(N)]}, groups="ward")
        assert few.startswith("Dataset 'mine': dataset.groups makes 2 groups; 3 folds")
        lone = [0 if label == "ill" else i % 5 + 1 for i, label in enumerate(LABELS)]
        assert refused({"ward": lone}, groups="ward") == (
            "Dataset 'mine': class 'ill' of 'y' stands in one group only, so no fold that keeps "
            "groups whole can train and test on two classes."
        )


class TestTimes:
    AS_WRITTEN = (
        DAYS.strftime("%Y-%m-%d"),
        DAYS.strftime("%d.%m.%Y"),
        DAYS.strftime("%b %d, %Y"),
        DAYS.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
        DAYS.strftime("%Y%m%d").astype(int),
        DAYS.astype("int64"),  # nanoseconds, beyond what floats tell apart
        [45250 + i for i in range(N)],  # as Excel counts days
        [f"45250,{i:02d}" for i in range(N)],
        [2000 + i for i in range(N)],
    )

    @pytest.mark.parametrize("written", AS_WRITTEN, ids=lambda written: str(written[0]))
    def test_dates_and_numbers_in_any_writing_are_in_their_order(self, load, written):
        table = load({"day": list(written)[::-1]}, time="day")
        assert list(table.X) == ["a"]
        for fold, (a, b, c) in enumerate([(7, 9, 18), (14, 18, 27), (21, 27, 36)]):
            part = split(table, fold)
            rows = [(N - 1 - r).tolist()[::-1] for r in (part.train, part.validation, part.test)]
            assert rows == [list(range(a)), list(range(a, b)), list(range(b, c))]
        assert table.notes[0] == (
            "Dataset 'mine', column 'day': rows are split by it, earlier from later ones; it is "
            "no feature."
        )

    @pytest.mark.parametrize(
        "typed",
        [
            DAYS,
            DAYS.tz_localize("Europe/Berlin"),
            DAYS.date,
            pd.Categorical(DAYS.strftime("%Y-%m-%d")),
        ],
    )
    def test_dates_by_type_are_in_their_order(self, load, typed):
        table = load({"day": typed}, ".parquet", time="day")
        assert np.argsort(table.times).tolist() == list(range(N))
        assert split(table, 2).test.tolist() == list(range(27, 36))

    def test_a_time_zone_counts(self, load):
        """An hour later by the clock, and an hour earlier."""
        clock = [f"2024-01-{i + 1:02d}T{'12:00Z' if i % 2 else '13:00+02:00'}" for i in range(30)]
        table = load({"at": clock + [f"2024-02-0{i}T00:00Z" for i in range(1, 7)]}, time="at")
        assert np.diff(table.times)[:3].round(6).tolist() == [1.041667, 0.958333, 1.041667]

    def test_a_row_without_a_time_is_refused(self, refused):
        days = [*DAYS.strftime("%Y-%m-%d")[:-3], None, "-", None]
        assert refused({"day": days}, time="day") == (
            "Dataset 'mine', column 'day': 3 of 36 rows have no time (such as '-'); fill it in, "
            "or leave those rows out."
        )
        numbers = refused({"day": [*range(N - 1), np.inf]}, time="day")
        assert "1 of 36 rows has no time (such as 'inf')" in numbers

    def test_text_is_no_time(self, refused):
        assert refused({"ward": ["a", "b", "c"] * 12}, time="ward") == (
            "Dataset 'mine', column 'ward': holds neither dates nor numbers, but 'a', hence no "
            "times; write them as dates such as 2024-12-31, or as numbers that rise with time."
        )
        assert "but 'True', hence no times" in refused({"is": [True, False] * 18}, time="is")
        assert "hence no times" in refused(
            {"day": [f"2024-Q{i % 4 + 1}" for i in range(N)]}, time="day"
        )

    def test_dates_that_can_be_read_in_two_ways_are_refused_with_the_key(self, load, refused):
        columns = {"day": [f"0{i % 9 + 1}/0{i // 9 + 1}/2024" for i in range(N)]}
        assert refused(columns, time="day").endswith(
            "hence no times; say which one comes first, dataset.day_first=true or "
            "dataset.day_first=false."
        )
        assert load(columns, time="day", day_first=True).times[0] == 19723
        short = refused({"day": DAYS.strftime("%d.%m.%y")}, time="day")
        assert short.endswith("write all as dates such as 2024-12-31, or all as plain numbers.")
        assert "categorical" not in short

    def test_too_few_times_are_refused(self, refused):
        sentence = refused({"year": [2020 + i % 4 for i in range(N)]}, time="year")
        assert sentence.startswith("Dataset 'mine': dataset.time tells 4 different times;")


class TestUses:
    def test_both_at_once_are_refused(self, refused):
        columns = {"patient": PATIENT, "day": list(range(N))}
        assert refused(columns, groups="patient", time="day") == (
            "Dataset 'mine': dataset.groups and dataset.time are two ways to split a table; give "
            "one of them."
        )

    @pytest.mark.parametrize("key", ["groups", "time"])
    def test_the_target_is_neither(self, refused, key):
        assert refused({}, **{key: "y"}) == (
            f"Dataset 'mine': column 'y' is named in dataset.target and in dataset.{key}; a column "
            "can be one only."
        )

    @pytest.mark.parametrize("key", ["groups", "time"])
    def test_a_feature_is_neither_and_one_that_is_left_out_may_be(self, load, refused, key):
        columns = {"visit": PATIENT}
        assert refused(columns, categorical="visit", **{key: "visit"}).endswith(
            f"named in dataset.categorical and in dataset.{key}; a column can be one only."
        )
        table = load(columns, drop="visit", **{key: "visit"})
        assert (table.groups if key == "groups" else table.times).tolist() == PATIENT

    @pytest.mark.parametrize("key", ["groups", "time"])
    def test_a_column_that_is_not_there_is_named(self, refused, key):
        assert refused({"patient": PATIENT}, **{key: "patinet"}) == (
            "Dataset 'mine' has no column 'patinet' (did you mean 'patient'?); the file has 'a', "
            "'patient', 'y'."
        )

    @pytest.mark.parametrize("given", [["a", "b"], 3, ""])
    def test_it_is_one_column(self, refused, given):
        assert "expected a text that is not empty or null" in refused({}, groups=given)


CLINIC = "defaults: [csv, _self_]\nname: clinic\npath: {path}\ntarget: y\n"


@pytest.mark.long
@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        (CLINIC + "groups: patient\n", 0, "its 9 groups are kept whole in all splits"),
        (CLINIC + "time: day\n", 0, "rows are split by it, earlier from later ones"),
        (CLINIC + "group: patient\n", 2, "no setting 'dataset.group'; did you mean 'groups'?"),
        (CLINIC + "groups: 3\n", 2, "dataset.groups is 3; expected a text"),
        (CLINIC.partition("\n")[2], 2, "its own or by defaults such as [csv, _self_]."),
    ],
)
def test_a_name_for_a_table_is_a_config_in_a_folder_of_ones_own(
    tmp_path, capsys, config, code, said
):
    frame = pd.DataFrame({"a": np.arange(N) % 7, "patient": PATIENT, "day": DAYS, "y": LABELS})
    frame.to_csv(tmp_path / "visits.csv", index=False)
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/clinic.yaml").write_text(config.format(path=tmp_path / "visits.csv"))
    words = ["--config-dir", str(tmp_path), "dataset=clinic", "method=pretrained"]
    assert main(["run", *words, f"results_dir={tmp_path}/r"]) == code
    out, err = capsys.readouterr()
    assert said in (err if code else out)
    assert ("clinic fold 0 pretrained: done" in out) == (code == 0)
