"""What holds of every page of the dashboard, whatever it shows."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.pages.looking import Looking
from web.dashboard.pages import PAGES

STATIC = Path(__file__).parents[2] / "web" / "static"
#: Of everything that pages are made of, packed: the map, the chart library, every script and style.
MOST_BYTES = 150_000
#: Each page at each width, in one theme after the other: all widths in both, of neighbours in the navigation.
LOOKS = [
    (page, width, ("light", "dark")[(number + step) % 2])
    for number, page in enumerate(PAGES)
    for step, width in enumerate((390, 768, 1440))
]


@pytest.mark.parametrize(
    ("page", "width", "theme"), LOOKS, ids=[f"{page.script}-{width}-{theme}" for page, width, theme in LOOKS]
)
def test_it_is_sound_at_any_width(looking: Looking, page, width, theme):
    shown = looking.open(f"{page.path}?site=shop", width=width, theme=theme)
    assert shown.text_content("h1") == page.title
    looking.assert_sound(shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.script)
def test_the_keyboard_comes_first_to_the_figures_and_then_to_every_control(looking: Looking, page):
    shown = looking.open(f"{page.path}?site=shop")
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    assert shown.evaluate("document.activeElement.getBoundingClientRect().top >= 0"), "it is not to be seen"
    shown.keyboard.press("Enter")
    assert shown.evaluate("location.hash") == "#main"
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.closest('main') !== null")
    # A control that is not to be reached by Tab is no control to who has no mouse.
    unreachable = shown.evaluate(
        """[...document.querySelectorAll('main button, main a, main select, main input, main summary')]
           .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex < 0
                            && !one.closest('[role=tablist], [role=grid], [role=radiogroup]'))
           .map((one) => one.outerHTML.slice(0, 100))"""
    )
    assert unreachable == []


def test_all_that_pages_are_made_of_is_small_when_packed():
    files = [file for name in ("dashboard", "vendor") for file in (STATIC / name).rglob("*.*")]
    files.append(STATIC / "palette.css")
    sizes = {str(file.relative_to(STATIC)): len(gzip.compress(file.read_bytes(), 9)) for file in files}
    assert len(sizes) > 20
    assert sum(sizes.values()) < MOST_BYTES, sorted(sizes.items(), key=lambda item: -item[1])[:10]
