"""Who is given a conversion, by each rule."""

from __future__ import annotations

import pytest

from app.core.attribution.models import Model, Span, attribute, paths, weights
from app.core.attribution.touchpoints import NONE, Conversion, Credit, Path, Touchpoint
from tests.factories import HOUR

DAY = 24 * HOUR
NOW = 1_772_400_000_000
RULES = [model for model in Model if model is not Model.DATA_DRIVEN]


def touch(key, *, days, is_direct=False):
    """A touchpoint some days before NOW."""
    return Touchpoint(at_ms=NOW - round(days * DAY), key=key, is_direct=is_direct)


def conversion(*touchpoints, value=0, count=1):
    return Conversion(at_ms=NOW, touchpoints=touchpoints, value=value, count=count)


def given(model, *conversions, span=None):
    return {one.key: one.conversions for one in attribute(model, conversions, span=span or Span())}


FOUR = (
    touch("search", days=14),
    touch("email", days=7),
    touch("social", days=3.5),
    touch("direct", days=0, is_direct=True),
)


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (Model.FIRST_TOUCH, [1, 0, 0, 0]),
        (Model.LAST_TOUCH, [0, 0, 0, 1]),
        (Model.LAST_NON_DIRECT, [0, 0, 1, 0]),
        (Model.LINEAR, [0.25, 0.25, 0.25, 0.25]),
        (Model.TIME_DECAY, [each / (1.75 + 0.5**0.5) for each in (0.25, 0.5, 0.5**0.5, 1)]),
        (Model.POSITION_BASED, [0.4, 0.1, 0.1, 0.4]),
    ],
)
def test_weights(model, wanted):
    assert weights(model, FOUR, span=Span()) == pytest.approx(wanted)


@pytest.mark.parametrize("model", RULES)
def test_a_single_touchpoint_is_given_all(model):
    assert given(model, conversion(touch("direct", days=2, is_direct=True))) == {"direct": 1}


@pytest.mark.parametrize("model", [Model.LINEAR, Model.POSITION_BASED])
def test_two_touchpoints_are_given_halves(model):
    assert given(model, conversion(touch("a", days=2), touch("b", days=1))) == {"a": 0.5, "b": 0.5}


def test_last_non_direct_falls_back_to_direct():
    both = touch("typed", days=2, is_direct=True), touch("bookmark", days=1, is_direct=True)
    assert given(Model.LAST_NON_DIRECT, conversion(*both)) == {"bookmark": 1}


def test_the_half_life_can_be_set():
    two = touch("a", days=2), touch("b", days=1)
    slow, fast = Span(half_life_ms=DAY), Span(half_life_ms=HOUR)
    assert weights(Model.TIME_DECAY, two, span=slow) == pytest.approx([1 / 3, 2 / 3])
    assert weights(Model.TIME_DECAY, two, span=fast) == pytest.approx([2**-24, 1], abs=1e-7)


def test_a_half_life_of_a_moment_forgets_all_but_the_last():
    two = touch("a", days=29), touch("b", days=28)
    assert weights(Model.TIME_DECAY, two, span=Span(half_life_ms=1)) == [0, 1]


def test_the_order_of_touchpoints_is_that_of_their_times():
    assert given(Model.LAST_TOUCH, conversion(*reversed(FOUR))) == {"direct": 1}


@pytest.mark.parametrize(
    ("at_ms", "counts"),
    [(NOW - 30 * DAY, True), (NOW - 30 * DAY - 1, False), (NOW, True), (NOW + 1, False)],
)
def test_touchpoints_count_within_the_look_back_window(at_ms, counts):
    found = given(Model.LAST_TOUCH, conversion(Touchpoint(at_ms=at_ms, key="a")))
    assert found == ({"a": 1} if counts else {NONE: 1})


@pytest.mark.parametrize("model", Model)
def test_what_no_touchpoint_led_to_is_nobodys(model):
    found = attribute(model, [conversion(value=70_000, count=3)], span=Span())
    assert found == (Credit(key=NONE, conversions=3, value=70_000),)


def test_a_key_is_given_the_sum_of_its_touchpoints():
    thrice = conversion(touch("a", days=3), touch("b", days=2), touch("a", days=1), value=90_000)
    found = attribute(Model.LINEAR, [thrice, conversion(touch("b", days=1), value=10_000)], span=Span())
    (b, a) = found
    assert (b.key, b.conversions, b.value) == ("b", pytest.approx(4 / 3), pytest.approx(40_000))
    assert (a.key, a.conversions, a.value) == ("a", pytest.approx(2 / 3), pytest.approx(60_000))


def test_keys_that_are_given_nothing_are_left_out_and_ties_are_in_order():
    found = attribute(Model.FIRST_TOUCH, [conversion(*FOUR)], span=Span())
    assert [one.key for one in found] == ["search"]
    tied = attribute(Model.LINEAR, [conversion(touch("b", days=2), touch("a", days=1))], span=Span())
    assert [one.key for one in tied] == ["a", "b"]


def test_paths_of_conversions():
    many = conversion(*FOUR, touch("old", days=31), value=50, count=2)
    (path,) = paths([many], span=Span())
    assert path == Path(keys=("search", "email", "social", "direct"), journeys=2, conversions=2, value=50)


@pytest.mark.parametrize("model", Model)
def test_no_conversions_no_credits(model):
    assert attribute(model, [], span=Span(), lost=[Path(keys=("a",), journeys=3)]) == ()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Span(look_back_ms=-1), "look_back_ms -1"),
        (lambda: Span(half_life_ms=0), "half_life_ms 0"),
        (lambda: conversion(count=0), "counts 0 times"),
        (lambda: Path(keys=(), journeys=1, conversions=2), "each ends only once"),
        (lambda: Path(keys=(), journeys=1, conversions=-1), "each ends only once"),
        (lambda: Path(keys=(), journeys=1, value=3), "without a conversion"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
