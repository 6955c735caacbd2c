"""Experiments: what is known of the variants in a sentence, and the figures as the API has them."""

from __future__ import annotations

import json

import msgspec
import pytest

from app.core.experiments.contracts import Experiment, Variant
from app.core.experiments.evaluate import evaluate
from app.core.experiments.samples import Conversions
from tests.pages.looking import NARROW_AND_WIDE

RESULT = "section[aria-label='Which variant is better?']"
RESULTS = "/api/v1/experiments/results"


def variants(page):
    """The table of variants, as dictionaries by title."""
    heads = [one.text_content() for one in page.query_selector_all(f"{RESULT} thead th")]
    rows = page.query_selector_all(f"{RESULT} tbody tr")
    return [
        dict(zip(heads, (one.text_content() for one in row.query_selector_all("td")), strict=True))
        for row in rows
    ]


def number(text):
    return float(text.replace(",", "").replace("+", "").removesuffix("%"))


def test_the_result_says_what_the_api_says(looking):
    page = looking.open("/experiments?site=shop")
    seen = looking.api("/api/v1/experiments?site=shop")["experiments"][0]
    assert page.text_content("section[aria-label=Experiments] tbody tr").startswith(seen["experiment"])
    asked = {"site": "shop", "experiment": seen["experiment"], "control": "control"}
    found = looking.api(RESULTS, asked)["evaluation"]["variants"]
    rows = variants(page)
    assert [number(row["Visitors"]) for row in rows] == [one["users"] for one in found]
    assert sum(one["users"] for one in found) > 0
    for row, one in zip(rows, found, strict=True):
        assert number(row["Conversion rate"]) == pytest.approx(100 * one["value"], abs=0.051)
        assert number(row["Chance to be best"]) == pytest.approx(100 * one["chance"]["best"], abs=0.051)
    effect = found[1]["comparison"]["effect"]
    assert number(rows[1]["Lift"]) == pytest.approx(100 * effect["lift"], abs=0.51)
    low, high = (number(one) for one in rows[1]["Lift, one look"].split(" to "))
    assert (low, high) == pytest.approx(
        [100 * effect["lift_interval"][end] for end in ("low", "high")], abs=0.51
    )
    looking.assert_sound(page)


def told(looking, control, treatment):
    """The page of the demo's experiment, had its variants these counts (users, converted)."""
    page = looking.open("/experiments?site=shop")
    answer = looking.api(RESULTS, {"site": "shop", "experiment": "checkout_button"})
    evaluation = evaluate(
        Experiment(
            control=Variant(name="control", metric=Conversions(users=control[0], converted=control[1])),
            treatments=(
                Variant(name="express", metric=Conversions(users=treatment[0], converted=treatment[1])),
            ),
        )
    )
    body = json.dumps({**answer, "evaluation": msgspec.to_builtins(evaluation)})
    page.route(f"**{RESULTS}", lambda route: route.fulfill(body=body, content_type="application/json"))
    page.select_option("select[aria-label=Period]", "90d")
    looking.settled(page)
    looking.assert_sound(page)
    return page


@pytest.mark.parametrize(
    ("control", "treatment", "said", "kind"),
    [
        ((5000, 500), (5000, 600), "express is better: +20% (+1% to +39%).", "good"),
        ((5000, 700), (5000, 500), "control is the best: every other variant is worse.", "bad"),
        ((5000, 500), (4000, 480), "Not to be trusted: the visitors are not split as they should be.", "bad"),
        ((5000, 500), (5000, 500), "Not known yet: there is no difference so far.", "answer"),
    ],
)
def test_the_verdict_is_one_sentence(looking, control, treatment, said, kind):
    page = told(looking, control, treatment)
    answer = page.query_selector(f"{RESULT} .answer")
    assert answer.text_content() == said
    assert kind in answer.get_attribute("class").split()


def test_visitors_that_are_not_split_as_they_should_be_are_a_warning(looking):
    page = told(looking, (5000, 500), (4000, 480))
    assert "do not trust the numbers" in page.text_content("[data-reason=sample_ratio_mismatch]")
    assert "not as it should be (p < 0.001)" in page.text_content(RESULT)


def test_an_open_question_says_how_many_more_visitors_it_takes(looking):
    page = told(looking, (5000, 500), (5000, 520))
    said = page.text_content(f"{RESULT} .answer")
    assert said.startswith("Not known yet: needs about ")
    assert said.endswith(" more visitors, if the +4% of express is real.")
    more = number(said.removeprefix("Not known yet: needs about ").split(" ")[0])
    plan = looking.api(
        "/api/v1/experiments/plan", {"metric": {"kind": "rate", "baseline": 0.1}, "change": 0.004}
    )
    # The page goes by how much the figures scatter now, the plan by that of a rate.
    assert more == pytest.approx(plan["users_in_all"] - 10_000, rel=0.05)


def test_with_few_visitors_it_says_how_many_there_have_to_be(looking):
    page = told(looking, (42, 10), (53, 36))
    assert page.text_content(f"{RESULT} .answer") == (
        "Not known yet: needs about 105 more visitors, if the +185% of express is real."
    )
    assert "fewer than 100 visitors" in page.text_content("[data-reason=too_few_users]")


def test_what_it_is_compared_by_and_with_stands_in_the_address(looking):
    page = looking.open("/experiments?site=blog")
    page.select_option("select[name=metric]", "page_views")
    looking.settled(page)
    page.select_option("select[name=control]", "middle")
    looking.settled(page)
    asked = {"site": "blog", "experiment": "subscribe_box", "control": "middle"}
    metric = {"kind": "mean", "of": "page_views"}
    found = looking.api(RESULTS, {**asked, "metric": metric})["evaluation"]["variants"]
    again = looking.open(page.url.removeprefix(looking.address))
    rows = variants(again)
    assert [row["Variant"].split(" ")[0] for row in rows] == ["middle", "bottom"]
    values = [number(row["Page views per visitor"]) for row in rows]
    assert values == pytest.approx([one["value"] for one in found], abs=0.0051)
    looking.assert_sound(again)


def test_a_plan_is_that_of_the_api(looking):
    page = looking.open("/experiments?site=shop")
    page.fill("input[name=base]", "8")
    page.fill("input[name=size]", "4000")
    page.keyboard.press("Tab")
    looking.settled(page)
    asked = {"metric": {"kind": "rate", "baseline": 0.08}, "change": 0.008, "users": 4000}
    plan = looking.api("/api/v1/experiments/plan", asked)
    assert f"{plan['users_per_variant']:,} visitors in each variant" in page.text_content(
        "[data-answer=size]"
    )
    assert f"(+{100 * plan['least_change'] / 0.08:.1f}%)" in page.text_content("[data-answer=change]")
    again = looking.open(page.url.removeprefix(looking.address))
    assert again.text_content("[data-answer=size]") == page.text_content("[data-answer=size]")


def test_a_mean_is_planned_by_how_much_it_scatters(looking):
    page = looking.open("/experiments?site=shop&plan=mean&mean=20&spread=50")
    assert page.is_hidden("input[name=base]")
    asked = {"metric": {"kind": "mean", "variance": 2500}, "change": 2, "users": 2000}
    plan = looking.api("/api/v1/experiments/plan", asked)
    size = page.text_content("[data-answer=size]")
    assert f"from 20 to 22 it takes {plan['users_per_variant']:,} visitors in each variant" in size
    assert f"(+{100 * plan['least_change'] / 20:.1f}%)" in page.text_content("[data-answer=change]")
    page.select_option("select[name=plan]", "rate")
    looking.settled(page)
    assert "from 5% to 5.5%" in page.text_content("[data-answer=size]")
    looking.assert_sound(page)


def test_without_an_experiment_it_says_how_one_begins(looking):
    page = looking.open("/experiments?site=shop&from=2020-01-01&to=2020-01-05")
    assert "wua('$exposure'" in page.text_content("section[aria-label=Experiments]")
    looking.assert_sound(page)


@pytest.mark.parametrize(("width", "theme"), NARROW_AND_WIDE)
def test_it_is_sound_on_a_phone_in_the_dark_and_on_a_wide_screen(looking, width, theme):
    looking.assert_sound(looking.open("/experiments?site=shop", width=width, theme=theme))
