"""Attribution: who brings the visitors who buy, in a sentence, and the shares of each model."""

from __future__ import annotations

import pytest

from tests.pages.looking import NARROW_AND_WIDE

FIRST = "section[aria-label='Who brings the visitors who buy?']"
ALL = "div[aria-label='Every model side by side']"
MODELS = [
    "data_driven", "first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "position_based",
]  # fmt: skip


def figures(page, row):
    """The figures of a row of the table of all models."""
    cells = [one.text_content() for one in row.query_selector_all("td")]
    return [float(cell.replace(",", "").removesuffix("%")) for cell in cells if cell]


def test_the_first_by_the_data_is_said_in_a_sentence(looking):
    page = looking.open("/attribution?site=shop")
    answer = looking.api("/api/v1/attribution?site=shop")
    first = max(answer["rows"], key=lambda row: row["models"]["data_driven"]["conversions"])
    given = first["models"]["data_driven"]
    said = page.text_content(f"{FIRST} .answer")
    assert said.startswith(f"{first['key']} brings the most: {given['conversions']:.1f} of")
    assert f"of {answer['conversions']} conversions ({100 * given['share']:.1f}".removesuffix(".0") in said
    assert page.get_attribute(f"{FIRST} tbody tr", "data-key") == first["key"]
    looking.assert_sound(page)


@pytest.mark.parametrize(("measure", "within"), [("conversions", 0.051), ("revenue", 0.51)])
def test_every_model_gives_what_the_api_says_and_adds_up_to_the_same(looking, measure, within):
    page = looking.open(f"/attribution?site=shop&measure={measure}&look=14&half=3")
    answer = looking.api("/api/v1/attribution?site=shop&look_back_days=14&half_life_days=3")
    rows = {row["key"]: row for row in answer["rows"]}
    shown = page.query_selector_all(f"{ALL} tbody tr")
    assert {row.get_attribute("data-key") for row in shown} == set(rows)
    for row in shown:
        told = rows[row.get_attribute("data-key")]
        given = [told["models"][model][measure] for model in MODELS]
        assert figures(page, row)[: len(MODELS)] == pytest.approx(given, abs=within)
    assert answer[measure] > 0
    sums = figures(page, page.query_selector(f"{ALL} tfoot tr"))
    assert sums == pytest.approx([answer[measure]] * len(MODELS), abs=within)


def test_what_is_chosen_stands_in_the_address_and_is_asked_for(looking):
    page = looking.open("/attribution?site=shop")
    for name, value in [("by", "source"), ("model", "last_touch"), ("look", "7")]:
        page.select_option(f"select[name={name}]", value)
        looking.settled(page)
    answer = looking.api("/api/v1/attribution?site=shop&by=source&look_back_days=7&models=last_touch")
    most = max(row["models"]["last_touch"]["conversions"] for row in answer["rows"])
    said = page.text_content(f"{FIRST} .answer")
    assert f"brings the most: {most:.1f} of" in said
    again = looking.open(page.url.removeprefix(looking.address))
    assert again.text_content(f"{FIRST} .answer") == said
    assert again.input_value("select[name=look]") == "7"
    looking.assert_sound(again)


def test_visits_without_a_campaign_are_not_the_best_campaign(looking):
    page = looking.open("/attribution?site=shop&by=campaign")
    given = {
        row["key"]: row["models"]["data_driven"]["conversions"]
        for row in looking.api("/api/v1/attribution?site=shop&by=campaign")["rows"]
    }
    without = given.pop("")
    best = max(given, key=lambda key: given[key])
    assert without > given[best]
    said = page.text_content(f"{FIRST} .answer")
    assert said.startswith(f"{best} brings the most: {given[best]:.1f} of")
    assert said.endswith(f" {without:.1f} came without a campaign.")


def test_only_the_conversion_that_is_chosen_counts(looking):
    asked = {"site": "shop", "metrics": ["conversions"], "dimensions": ["goal"]}
    rows = looking.api("/api/v1/query", asked)["rows"]
    goal = max(rows, key=lambda row: row["metrics"]["conversions"])
    page = looking.open("/attribution?site=shop")
    page.select_option("select[name=goal]", goal["dimensions"]["goal"])
    looking.settled(page)
    assert f"of {goal['metrics']['conversions']} conversions" in page.text_content(f"{FIRST} .answer")
    looking.assert_sound(page)
    none = looking.open("/attribution?site=shop&goal=nobody+knows+it")
    assert "Nobody converted" in none.text_content(FIRST)
    assert none.input_value("select[name=goal]") == "nobody knows it"


def test_a_period_without_conversions_says_what_to_do(looking):
    page = looking.open("/attribution?site=shop&from=2020-01-01&to=2020-01-05")
    assert "Say what counts as a conversion" in page.text_content(FIRST)
    looking.assert_sound(page)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking, width, theme):
    page = looking.open("/attribution?site=shop", width=width, theme=theme)
    page.click("summary:text('To whom each model gives a conversion')")
    looking.assert_sound(page)
