"""Retention, lifecycle and adoption: the figures are the API's, and what is chosen stands in the address."""

from __future__ import annotations

import pytest

from tests.pages.looking import NARROW_AND_WIDE, Looking

COHORTS = "section[aria-label='Who comes back']"
ADOPTION = "section[aria-label='How it is taken up']"


def cells(page, section: str = COHORTS):
    """The lines of a grid: size, then what came back."""
    lines = page.query_selector_all(f"{section} tbody tr")
    return [
        [
            int(cell.text_content().replace(",", ""))
            for cell in line.query_selector_all("td")
            if cell.text_content()
        ]
        for line in lines
    ]


def answered(looking: Looking, asked: str, *, most: int):
    """The same of the API: all, then each cohort that there is."""
    found = looking.api(f"/api/v1/retention?site=shop&{asked}")
    total = found["total"]
    known = sum(1 for eligible in total["eligible"] if eligible)
    rows = [[row["size"], *row["returned"]] for row in found["cohorts"] if row["size"]]
    return [[total["size"], *total["returned"][:known]], *(row[: most + 2] for row in rows)]


def test_the_grid_has_the_cohorts_of_the_api(looking: Looking):
    page = looking.open("/retention?site=shop&unit=day")
    page.click(f"{COHORTS} button:text('Numbers')")
    looking.settled(page)
    assert cells(page) == answered(looking, "interval=day&intervals=14", most=14)
    assert any(returned for row in cells(page)[1:] for returned in row[2:])
    looking.assert_sound(page)


def test_the_way_of_counting_is_chosen_and_stands_in_the_address(looking: Looking):
    page = looking.open("/retention?site=shop")
    page.select_option("select[name=unit]", "day")
    page.select_option("select[name=measure]", "rolling")
    looking.settled(page)
    again = looking.open(page.url.removeprefix(looking.address))
    again.click(f"{COHORTS} button:text('Numbers')")
    looking.settled(again)
    assert cells(again) == answered(looking, "interval=day&intervals=14&measure=rolling", most=14)


def test_cohorts_are_compared_by_a_field(looking: Looking):
    page = looking.open("/retention?site=shop")
    page.click("section[aria-label=Compared] [role=tab]:text('Device')")
    looking.settled(page)
    answer = looking.api(
        "/api/v1/retention?site=shop&interval=week&intervals=12&dimension=device_class&limit=8"
    )
    sizes = [
        line.query_selector("td").text_content()
        for line in page.query_selector_all("section[aria-label=Compared] tbody tr")
    ]
    assert sizes == [f"{group['size']:,}" for group in answer["groups"]]


def test_the_lifecycle_is_there_as_a_table_with_the_figures_of_the_api(looking: Looking):
    page = looking.open("/retention?site=shop&unit=day")
    assert page.query_selector("section[aria-label=Lifecycle] .columns rect.series-1")
    page.click("section[aria-label=Lifecycle] button:text('Table')")
    names = ("active", "new", "returning", "resurrected", "newly_dormant", "dormant")
    answer = looking.api("/api/v1/lifecycle?site=shop&interval=day")
    assert [row[1:] for row in texts(page)] == [
        [f"{row[name]:,}" for name in names] for row in answer["rows"]
    ]


def texts(page):
    lines = page.query_selector_all("section[aria-label=Lifecycle] tbody tr")
    return [[cell.text_content() for cell in line.query_selector_all("td")] for line in lines]


def test_adoption_tells_of_what_visitors_use_most(looking: Looking):
    page = looking.open("/retention?site=shop")
    page.click(f"{ADOPTION} [role=tab]:text('Pages')")
    looking.settled(page)
    line = page.query_selector(f"{ADOPTION} tbody tr")
    feature, users = [cell.text_content() for cell in line.query_selector_all("td")][:2]
    answer = looking.api(f"/api/v1/adoption?site=shop&interval=week&page={feature}")
    assert users == f"{answer['total']['users']:,}"
    looking.assert_sound(page)


def test_a_period_in_which_nobody_came_says_so(looking: Looking):
    page = looking.open("/retention?site=shop&from=2020-01-01&to=2020-01-05")
    assert "Nobody came for the first time" in page.text_content(COHORTS)
    looking.assert_sound(page)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking: Looking, width: int, theme: str):
    looking.assert_sound(looking.open("/retention?site=shop&unit=day", width=width, theme=theme))
