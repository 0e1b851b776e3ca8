"""A method is called and drawn alike everywhere, and told from the others in any colour vision."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from omegaconf import OmegaConf

from bench.report.drawing import INK, mark
from bench.report.looks import FILE, looks, title

CSS = FILE.with_name("page.css").read_text(encoding="utf-8")
STATED = OmegaConf.to_container(OmegaConf.load(FILE))
SHIPPED = list(STATED["methods"])
COLOURS = [look["colour"] for look in STATED["methods"].values()] + STATED["others"]["colours"]
# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
}
# Okabe and Ito's own closest pair, bluish green and reddish purple, seen by a deuteranope: 0.076.
LEAST = {"normal": 0.12, "deuteranopia": 0.07, "protanopia": 0.07}
# Ottosson (2020): linear RGB → cone responses, and their cube roots → OKLab.
CONES = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]]
LAB = [[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]


def linear(colour: str) -> np.ndarray:
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def seen(colour: str, vision: str) -> np.ndarray:
    """Where a colour lies in OKLab, whose distances are about as people see them."""
    light = np.clip(np.array(VISION[vision]) @ linear(colour), 0, 1)
    return np.array(LAB) @ np.cbrt(np.array(CONES) @ light)


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_in_any_colour_vision(vision: str) -> None:
    distances = {
        (one, other): float(np.linalg.norm(seen(one, vision) - seen(other, vision)))
        for one, other in combinations(COLOURS, 2)
    }
    close = {pair: d for pair, d in distances.items() if d < LEAST[vision]}
    assert not close


def test_red_and_green_of_one_lightness_would_not_pass() -> None:
    red, green = (seen(colour, "deuteranopia") for colour in ("#B8561C", "#7A7A1C"))
    assert np.linalg.norm(red - green) < LEAST["deuteranopia"]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_colour_is_seen_on_paper_and_on_the_dark_page(colour: str) -> None:
    """Contrasts as WCAG reckons them; the page's ink turns light where its paper is dark."""
    dark = re.findall(r"--paper: (#\w{6})", CSS.partition("prefers-color-scheme: dark")[2])[0]
    assert contrast(colour, "#ffffff") > 2
    assert colour == INK or contrast(colour, dark) > 2.5


def contrast(one: str, other: str) -> float:
    dim, bright = sorted(np.array([0.2126, 0.7152, 0.0722]) @ linear(c) for c in (one, other))
    return (bright + 0.05) / (dim + 0.05)


def test_no_two_methods_share_a_marker_so_that_grey_print_tells_them() -> None:
    markers = [look.marker for look in looks(SHIPPED).values()]
    assert len(set(markers)) == len(markers) == len(SHIPPED)


def test_every_method_that_is_named_exists() -> None:
    configs = {path.stem for path in Path("conf/method").glob("*.yaml")}
    assert set(SHIPPED) <= configs


def test_a_method_looks_the_same_whichever_others_are_there() -> None:
    together = looks([*SHIPPED, "mine", "ctgan-mixed-1", "default_ft · lr=1e-4"])
    for name, look in together.items():
        assert looks([name]) == {name: look}
    assert together["causalmixft"].title == "CausalMixFT"
    assert together["ctgan-mixed-1"].colour == together["ctgan"].colour


def test_methods_of_ones_own_clash_with_none() -> None:
    own = [f"mine{i}" for i in range(12)]
    drawn = {(look.colour, look.marker) for look in looks([*SHIPPED, *own]).values()}
    assert len(drawn) == len(SHIPPED) + len(own)
    colours = {look.colour for look in looks(own).values()}
    assert colours.isdisjoint(look["colour"] for look in STATED["methods"].values())


def test_what_is_not_fine_tuned_and_the_reference_are_neutral() -> None:
    found = looks(["pretrained", "default_ft"])
    for look in found.values():
        assert np.ptp(to_rgb(look.colour)) < 0.05
    assert found["default_ft"].colour == INK  # light on the dark page


def test_settings_of_one_method_share_its_colour_and_differ_in_filling() -> None:
    names = ["scm", "scm-mixed-0.5", "scm-mixed-1", "scm · lr=1e-4", "scm · lr=3e-4"]
    found = looks(names)
    assert {(look.colour, look.marker) for look in found.values()} == {("#E69F00", "D")}
    assert len({look.fill for look in found.values()}) == len(names)
    assert looks(["scm-synthetic"])["scm-synthetic"].fill == found["scm"].fill == "full"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("default_ft", "Default fine-tuning"),
        ("bootstrap", "Bootstrap (null)"),
        ("default_ft, another seed", "Default fine-tuning, another seed"),
        ("scm · steps=5", "SCM-only · steps=5"),
        ("scm-synthetic", "SCM, alone"),
        ("gaussian_copula-mixed-0.5", "Gaussian copula, mixed 0.5"),
        ("noise-mixed · lr=1", "Noise (null), mixed · lr=1"),
        ("noise-robust", "noise-robust"),  # another method
        ("mine-mixed-1", "mine-mixed-1"),
        ("mine", "mine"),
    ],
)
def test_a_title_is_the_studys_where_there_is_one(name: str, told: str) -> None:
    assert title(name) == told


@pytest.mark.parametrize("name", [*SHIPPED, "scm-mixed-1", "mine", "mine · lr=1"])
def test_a_mark_for_a_line_of_text_is_a_small_svg_of_its_colour(name: str) -> None:
    (look,) = looks([name]).values()
    drawn = mark(look)
    assert drawn.startswith("<svg")
    assert drawn.count("<path") in (1, 2)
    assert (look.colour in drawn) == (look.colour != INK)
