"""Dates in a file of one's own are those days, in any century and writing; or it is said."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.datasets.own import read as csvfile
from bench.datasets.own.date_columns import written
from bench.errors import TableError

N = 60
DAYS = [datetime.date(2024, 1, 1) + datetime.timedelta(days=i) for i in range(N)]
NUMBERS = [19723.0 + i for i in range(N)]


@pytest.fixture
def read(tmp_path):
    def read(values, suffix: str = ".csv", **options):
        frame = pd.DataFrame({"d": values, "b": range(0, 7 * N, 7), "y": ["p", "q"] * (N // 2)})
        path = tmp_path / f"mine{suffix}"
        frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
        table = csvfile.load(path, "y", **options)
        return table.X["d"], [note for note in table.notes if "column 'd'" in note]

    return read


def refused(read, values, **options) -> str:
    with pytest.raises(TableError) as caught:
        read(values, **options)
    assert "column 'd'" in str(caught.value)
    return str(caught.value)


class TestFarDates:
    FAR = (("9999-12-31", 2932896), ("0001-01-01", -719162), ("1600-01-01", -135140))

    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_far_dates_are_the_calendars(self, read, suffix):
        texts = [text for text, _ in self.FAR] * (N // 3)
        expected = [float(day) for _, day in self.FAR] * (N // 3)
        for values in (texts, [datetime.date.fromisoformat(text) for text in texts]):
            days, notes = read(values, suffix)
            assert days.tolist() == expected
            assert "days since 1970-01-01" in notes[0]

    @pytest.mark.parametrize(
        "kind",
        [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us")],
    )
    def test_far_dates_of_every_type(self, tmp_path, kind):
        moments = [datetime.datetime.fromisoformat(text) for text, _ in self.FAR] * (N // 3)
        values = moments if pa.types.is_timestamp(kind) else [m.date() for m in moments]
        table = pa.table({"d": pa.array(values, kind), "y": ["p", "q"] * (N // 2)})
        pq.write_table(table, tmp_path / "mine.parquet")
        days = csvfile.load(tmp_path / "mine.parquet", "y").X["d"]
        assert days.tolist() == [float(day) for _, day in self.FAR] * (N // 3)

    def test_years_beyond_9999(self, tmp_path):
        days = pa.array([3_000_000, 4_000_000, None] * (N // 3), pa.int32()).cast(pa.date32())
        pq.write_table(pa.table({"d": days, "y": ["p", "q"] * 30}), tmp_path / "mine.parquet")
        found = csvfile.load(tmp_path / "mine.parquet", "y").X["d"]
        assert found.dropna().unique().tolist() == [3_000_000, 4_000_000]

    def test_sparks_dates_of_96_bits(self, tmp_path):
        moments = [datetime.datetime(9999, 12, 31), datetime.datetime(2020, 1, 1, 12)] * (N // 2)
        table = pa.table({"d": pa.array(moments, pa.timestamp("us")), "y": ["p", "p", "q"] * 20})
        try:
            pq.write_table(table, tmp_path / "mine.parquet", use_deprecated_int96_timestamps=True)
        except pa.ArrowInvalid:
            pytest.skip("this pyarrow cannot write them")
        found = csvfile.load(tmp_path / "mine.parquet", "y").X["d"]
        assert found.tolist()[:2] == [2932896.0, 18262.5]

    def test_zones_are_brought_to_utc(self, read):
        texts = [f"2020-01-01T{i % 24:02}:30:00+05:30" for i in range(N)]
        days, _ = read(texts)
        assert days.tolist()[6] == 18262 + 1 / 24
        moments = pd.to_datetime(pd.Series(texts))
        assert np.allclose(read(moments, ".parquet")[0], days, rtol=0, atol=1e-9)

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "-08:00", "Z", "Mars/Phobos"])
    def test_a_zone_is_a_name_for_moments_of_utc(self, tmp_path, zone):
        moments = pa.array([86_400 * i for i in range(N)], pa.timestamp("s", zone))
        table = pa.table({"d": moments, "y": ["p", "q"] * (N // 2)})
        pq.write_table(table, tmp_path / "mine.parquet")
        days = csvfile.load(tmp_path / "mine.parquet", "y").X["d"]
        assert days.tolist() == list(range(N))

    def test_times_of_nanoseconds_are_named(self, tmp_path):
        times = pa.array(range(N), pa.time64("ns"))
        pq.write_table(pa.table({"d": times, "y": ["p", "q"] * 30}), tmp_path / "mine.parquet")
        with pytest.raises(
            TableError, match="column 'd': holds values of type time, which cannot be used"
        ):
            csvfile.load(tmp_path / "mine.parquet", "y")


class TestMarksAmongDates:
    @pytest.mark.parametrize(
        "mark", ["0000-00-00", "0000-01-01", "-", "unknown", "2024-02-30", "#N/A!"]
    )
    def test_a_mark_among_dates_is_missing_and_named(self, read, mark):
        days, notes = read([*map(str, DAYS[:-1]), mark])
        assert days.tolist()[:-1] == NUMBERS[:-1]
        assert np.isnan(days.iloc[-1])
        assert f"'{mark}' (1) is taken as missing" in notes[0]

    def test_many_zero_dates_are_missing(self, read):
        values = ["0000-00-00" if i % 3 == 0 else str(day) for i, day in enumerate(DAYS)]
        days, notes = read(values)
        assert days.isna().sum() == 20
        assert "'0000-00-00' (20) is taken as missing" in notes[0]

    def test_much_other_text_is_asked_for(self, read):
        values = ["later" if i % 3 == 0 else str(day) for i, day in enumerate(DAYS)]
        sentence = refused(read, values)
        assert "holds dates, but also text such as 'later' (20 of 60" in sentence
        assert "'dataset.missing=[later]'" in sentence


class TestOtherWritings:
    @pytest.mark.parametrize(
        ("form", "order"),
        [
            ("%d.%m.%Y", "day"),
            ("%d/%m/%Y", "day"),
            ("%m/%d/%Y", "month"),
            ("%d-%m-%Y", "day"),
            ("%Y/%m/%d", ""),
            ("%Y.%m.%d", ""),
            ("%d-%b-%Y", ""),
            ("%d%b%Y", ""),
            ("%b %d, %Y", ""),
            ("%d %B %Y", ""),
            ("%m/%d/%Y 12:00:00 AM", "month"),
            ("%Y-%m-%d 00:00:00 UTC", ""),
            ("%Y%m%dT000000Z", ""),
            ("Mon, %d %b %Y 00:00:00 +0000", ""),
            ("%d. %m. %Y", "day"),
            ("%d %m %Y", "day"),
            ("%Y. %m. %d.", ""),
            ("%Y:%m:%d 00:00:00", ""),
            ("%Y年%m月%d日", ""),
            ("%Y년 %m월 %d일", ""),
            ("%b-%d-%Y", ""),
            ("%Y-%b-%d", ""),
            ("%B %dth, %Y", ""),
            ("%a %b %d 00:00:00 UTC %Y", ""),
            ("%d/%m/%Y 12:00:00 a. m.", "day"),
            ("%m/%d/%Y, 12:00:00\u202fAM", "month"),
            ("%d.%m.%Y 00:00 Uhr", "day"),
            ("%d%b%Y:00:00:00.000", ""),
            ("%d/%b/%Y:00:00:00 +0000", ""),
            ("%d-%b-%Y 12.00.00.000000 AM", ""),
            ("%Y-%m-%d-00.00.00.000000", ""),
            ("%Y-%m-%d 00:00:00 +0000 UTC", ""),
            ("%Y–%m–%d", ""),
            ("\u200e%d\u200e/\u200e%m\u200e/\u200e%Y", "day"),
            ('"%Y-%m-%d"', ""),
        ],
    )
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_dates_are_read_and_the_order_is_named(self, read, form, order, suffix):
        days, notes = read([day.strftime(form) for day in DAYS], suffix)
        assert days.tolist() == NUMBERS
        assert f"({order} first)" in notes[0] if order else "first)" not in notes[0]
        assert len(notes) == 1

    def test_midnight_and_leap_seconds_end_the_day(self, read):
        for clock in ("24:00:00", "23:59:60"):
            assert read([f"{day} {clock}" for day in DAYS])[0].tolist() == [n + 1 for n in NUMBERS]

    def test_digits_of_other_scripts(self, read):
        arabic = {48 + d: 0x660 + d for d in range(10)}
        days, _ = read([day.strftime("%d/%m/%Y").translate(arabic) for day in DAYS])
        assert days.tolist() == NUMBERS

    def test_few_levels_are_dates_all_the_same(self, read):
        days, _ = read([DAYS[14 + i % 3].strftime("%d.%m.%Y") for i in range(N)])
        assert days.tolist() == [NUMBERS[14 + i % 3] for i in range(N)]

    def test_day_and_month_that_cannot_be_told_apart_are_asked_for(self, read):
        values = [f"{1 + i % 12:02}/{1 + i % 5:02}/2024" for i in range(N)]
        sentence = refused(read, values)
        assert "day and month cannot be told apart" in sentence
        assert "dataset.day_first=true or dataset.day_first=false" in sentence
        assert read(values, day_first=True)[0][1] == 19723 + 31 + 1  # 2 February
        assert read(["02/01/2024", *values[1:]], day_first=True)[0][0] == 19724
        assert read(["02/01/2024", *values[1:]], day_first=False)[0][0] == 19723 + 31

    def test_dots_are_days_first(self, read):
        days, notes = read([f"{1 + i % 12:02}.{1 + i % 5:02}.2024" for i in range(N)])
        assert days[1] == 19723 + 31 + 1
        assert "(day first)" in notes[0]

    def test_years_of_two_digits_are_refused(self, read):
        assert "whose year has two digits" in refused(read, [d.strftime("%d.%m.%y") for d in DAYS])

    def test_dates_without_marks_are_numbers_and_noted(self, read):
        for values in ([d.strftime("%Y%m%d") for d in DAYS], [20240101 + i % 31 for i in range(N)]):
            days, notes = read(values)
            assert days[0] == 20240101
            assert "seems to hold dates such as 20240101; they were read as numbers" in notes[0]

    def test_months_and_times_are_categories_and_noted(self, read):
        for values, what in (
            ([f"2024-{1 + i % 12:02}" for i in range(N)], "months such as"),
            ([f"{8 + i % 5}:30" for i in range(N)], "times of day such as"),
            ([f"2020Q{1 + i % 4}" for i in range(N)], "quarters or weeks such as"),
            ([f"{1 + i % 9}. März 2019" for i in range(N)], "dates such as"),
            ([f"{1 + i % 9} de enero de 2019" for i in range(N)], "dates or years such as"),
            ([f"{['Jan', 'Feb', 'Mar'][i % 3]}-19" for i in range(N)], "months such as"),
            ([f"2019-W0{1 + i % 3}-1" for i in range(N)], "dates or years such as"),
        ):
            levels, notes = read(values)
            assert isinstance(levels.dtype, pd.CategoricalDtype)
            assert what in notes[0]

    @pytest.mark.parametrize(
        "text",
        ["2024-13-01", "12.2024", "1.2.3", "25:00", "2024-01-01 24:30", "31.12", "12-34-56", "May"],
    )
    def test_none(self, text):
        date = written(text)
        assert (
            date is None or all(date.days(first) is None for first in (True, False)) or date.short
        )
