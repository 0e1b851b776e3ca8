"""The page in a real browser: no error, nothing from the network, sorts, filters, drills down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import browsing, loaded, needs_browser
from made_experiment import experiment, experiment_of_numbers
from made_transfers import study

from bench.cell.store import Store
from bench.report import tables as room
from bench.report.tables import tables
from bench.report.write import report

pytestmark = needs_browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("page") / "results")
    for record in experiment():
        store.write(record)
    next((store.root / "cells" / "zoo" / "scm").glob("0-*.json")).unlink()
    (store.root / "graphs" / "heart-0").mkdir(parents=True)
    (store.root / "graphs" / "heart-0" / "dag.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><script>alert(1)</script></svg>'
    )
    report(store.root)
    return store.root / "report" / "index.html"


@pytest.fixture(scope="module")
def browser(page: Path) -> Iterator[Any]:
    with browsing() as driver:
        yield driver


@pytest.fixture
def opened(browser: Any, page: Path) -> Any:
    browser.get(page.as_uri())
    return browser


def column(browser: Any, section: str, index: int) -> list[str]:
    """The visible texts of a column of a section's table."""
    return browser.execute_script(
        "return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)]"
        ".filter(r => !r.hidden).map(r => r.cells[arguments[1]].textContent.trim())",
        section,
        index,
    )


def click(browser: Any, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


@pytest.mark.long
def test_it_opens_without_an_error_and_without_the_network(opened: Any) -> None:
    assert opened.get_log("browser") == []
    assert loaded(opened) == []
    assert "results" in opened.title


def test_numbers_with_a_word_or_a_sign_before_them_sort_by_their_value(opened: Any) -> None:
    texts = ["beyond 1e-3", "1e-4", "below 3e-5", ">0.5", "<1e-6"]
    write = "[...document.querySelectorAll('#summary tbody tr')].forEach((r, i) => "
    opened.execute_script(f"{write}r.cells[2].textContent = arguments[0][i])", texts)
    click(opened, "#summary thead th:nth-child(3) button")
    assert column(opened, "summary", 2) == ["<1e-6", "below 3e-5", "1e-4", "beyond 1e-3", ">0.5"]


@pytest.mark.long
def test_a_click_on_a_heading_sorts_and_another_one_turns_it_round(opened: Any) -> None:
    heading = "#summary thead th:nth-child(2) button"
    click(opened, heading)
    up = list(map(float, column(opened, "summary", 1)))
    assert up == sorted(up)
    assert len(up) == 5
    click(opened, heading)
    assert list(map(float, column(opened, "summary", 1))) == up[::-1]
    click(opened, "#summary thead th:first-child button")
    names = column(opened, "summary", 0)
    assert names == sorted(names)


def test_signed_numbers_sort_by_their_value(opened: Any) -> None:
    click(opened, "#paired thead th:nth-child(2) button")
    values = [float(text.split(" ")[0]) for text in column(opened, "paired", 1)]  # mean ± error
    assert values == sorted(values)
    assert min(values) < 0 < max(values)


@pytest.mark.long
def test_a_filter_hides_the_other_rows(opened: Any) -> None:
    from selenium.webdriver.common.by import By

    before = column(opened, "by_domain", 1)
    click(opened, "nav a[href='#by_domain']")
    opened.find_element(By.CSS_SELECTOR, "#by_domain input").send_keys("finance scm")
    assert column(opened, "by_domain", 1) == ["scm"]
    assert len(before) == 2 * 5


IS_OPEN = "return document.querySelector('#wilcoxon > details').open"


def test_a_link_opens_the_folded_table_that_it_leads_to(browser: Any, page: Path) -> None:
    browser.get("about:blank")
    browser.get(page.as_uri())
    assert not browser.execute_script(IS_OPEN)
    click(browser, "nav a[href='#wilcoxon']")
    assert browser.execute_script(IS_OPEN)
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#wilcoxon")  # from elsewhere
    assert browser.execute_script(IS_OPEN)


def test_the_main_tables_are_open_and_an_answer_leads_to_its_table(opened: Any) -> None:
    is_open = "return document.querySelector(`#${arguments[0]} > details`).open"
    always = [t for t in tables() if t.title and t.empty]
    shown = {t.key: t.terminal for t in always if not callable(t.terminal)}
    of_all = {key: opened.execute_script(is_open, key) for key in shown}
    assert of_all == shown
    assert sum(of_all.values()) < len(of_all) / 2
    links = "return [...document.querySelectorAll('.answer a')].map(a => a.hash.slice(1))"
    assert set(opened.execute_script(links)) == {"paired", "planned", "rules"}


def test_printing_shows_what_is_folded_and_folds_it_again(opened: Any) -> None:
    fire = "window.dispatchEvent(new Event(arguments[0]))"
    opened.execute_script(fire, "beforeprint")
    assert opened.execute_script(IS_OPEN)
    opened.execute_script(fire, "afterprint")
    assert not opened.execute_script(IS_OPEN)
    assert opened.execute_script("return document.querySelector('#summary > details').open")


@pytest.mark.long
def test_a_number_leads_to_the_cells_behind_it_and_to_their_records(
    opened: Any, page: Path
) -> None:
    rows = column(opened, "per_dataset", 0)
    click(opened, f"#per_dataset tbody tr:nth-child({rows.index('heart') + 1}) td button")
    method = opened.execute_script(
        "return document.querySelector('#per_dataset thead th:nth-child(2)').textContent.trim()"
    )
    assert opened.execute_script("return document.getElementById('behind').open")
    listed = opened.execute_script(
        "return [...document.querySelectorAll('#behind tbody tr')]"
        ".map(r => [...r.cells].map(c => c.textContent))"
    )
    assert {(row[0], row[3]) for row in listed} == {("heart", method)}
    assert len(listed) == 4  # two folds, two seeds
    links = opened.execute_script(
        "return [...document.querySelectorAll('#behind a')].map(a => a.href)"
    )
    for link in links:
        assert Path(link.removeprefix("file://")).is_file()
    # The mean that was clicked is the mean of what is listed.
    shown = opened.execute_script(
        "return document.getElementById('behind-note').textContent.split(':')[0]"
    )
    assert float(shown) == pytest.approx(sum(float(row[7]) for row in listed) / 4, abs=1e-4)


@pytest.mark.long
def test_all_cells_are_listed_and_found_by_words(opened: Any) -> None:
    from selenium.webdriver.common.by import By

    count = "return document.getElementById('cell-count').textContent"
    assert opened.execute_script(count) == "80 cells"
    click(opened, "nav a[href='#cells']")
    opened.find_element(By.ID, "cell-filter").send_keys("zoo scm missing")
    assert opened.execute_script(count) == "1 cell"


def test_what_is_missing_is_told(opened: Any) -> None:
    assert "1 missing" in opened.execute_script("return document.body.textContent")
    assert column(opened, "missing", 3) == ["scm"]


@pytest.mark.long
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_the_screen(opened: Any, width: int) -> None:
    opened.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    assert opened.execute_script("return document.documentElement.scrollWidth") <= width
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_figures_are_inside_the_page(opened: Any) -> None:
    assert opened.execute_script("return document.querySelectorAll('figure svg').length") == 8
    ids = opened.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_causal_graphs_are_shown_as_images_so_that_nothing_in_them_runs(opened: Any) -> None:
    image = "return document.querySelector('#graphs img')"
    assert opened.execute_script(f"{image}.naturalWidth") > 0
    assert opened.execute_script("return document.querySelectorAll('#graphs svg').length") == 0
    assert "heart-0: dag" in opened.execute_script(
        "return document.getElementById('graphs').textContent"
    )


@pytest.fixture(scope="module")
def two_problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of records of both problems, with few of its tables."""
    store = Store(tmp_path_factory.mktemp("two") / "results")
    for record in [*experiment()[:36], *experiment_of_numbers()]:
        store.write(record)
    few = [t for t in tables() if t.key in ("claims", "summary", "rules")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "tables", lambda: few)
        report(store.root)
    return store.root / "report" / "index.html"


@pytest.mark.long
def test_each_of_two_problems_has_answers_contents_tables_and_cells(
    browser: Any, two_problems: Path
) -> None:
    browser.get(two_problems.as_uri())
    assert browser.get_log("browser") == []
    texts = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent.trim())"
    for place in ("header h2.chapter", "nav h3:not(:last-of-type)", "main h2.chapter"):
        assert browser.execute_script(texts, place) == ["Classification", "Regression"]
    assert len(browser.execute_script(texts, ".answer")) == 2 * 4
    assert len(browser.execute_script(texts, "p.published")) == 1  # is of classification alone
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    links = browser.execute_script(
        "return [...document.querySelectorAll(\"a[href^='#']\")].map(a => a.hash.slice(1))"
    )
    assert {"classification", "regression", "regression-summary", "regression-cells"} <= {*links}
    assert {*links} <= {*ids}
    assert "AUC" not in browser.execute_script(texts, "#regression-summary")[0]


@pytest.mark.long
def test_a_number_leads_to_cells_of_its_own_problem(browser: Any, two_problems: Path) -> None:
    from selenium.webdriver.common.by import By

    browser.get(two_problems.as_uri())
    click(browser, "#regression-summary tbody tr:first-child td button")
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#behind tbody tr')].map(r => r.cells[0].textContent)"
    )
    assert sorted(rows) == sorted(2 * ["airfoil", "houses", "zinc"])
    count = "return document.getElementById(arguments[0] + '-cell-count').textContent"
    click(browser, "#behind button")  # closes it
    click(browser, "nav a[href='#regression-cells']")
    browser.find_element(By.ID, "regression-cell-filter").send_keys("zinc scm")
    assert browser.execute_script(count, "regression") == "2 cells"
    assert browser.execute_script(count, "classification") == "40 cells"


@pytest.mark.long
def test_of_transfer_alone_a_number_leads_to_its_cells_and_the_contents_to_all(
    browser: Any, tmp_path: Path
) -> None:
    for record in study(["causal", "real"], lambda *_: 0.01, seeds=(0, 1)):
        Store(tmp_path).write(record)
    report(tmp_path)
    browser.get((tmp_path / "report" / "index.html").as_uri())
    assert browser.get_log("browser") == []
    links = browser.execute_script(
        "return [...document.querySelectorAll(\"a[href^='#']\")].map(a => a.hash.slice(1))"
    )
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert {"transfer-cells", "transfer-matrix"} <= {*links} <= {*ids}
    click(browser, "#transfer-matrix tbody tr:first-child td:nth-child(4) button")
    rows = browser.execute_script(
        "return [...document.querySelectorAll('#behind tbody tr')].map(r => r.cells[0].textContent)"
    )
    assert sorted(rows) == sorted(2 * ["australian", "banknote", "churn", "credit-g"])
    note = browser.execute_script("return document.getElementById('behind-note').textContent")
    assert note.endswith(": 8 cells behind it.")
