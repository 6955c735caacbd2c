"""What a key matters, as the data have it: small chains by hand, any chain in tests/property."""

from __future__ import annotations

import pytest

from app.core.attribution.markov import MOST_KEYS, data_driven
from app.core.attribution.models import Model, Span, attribute
from app.core.attribution.touchpoints import NONE, Conversion, Path, Touchpoint


def path(keys, journeys, conversions=0, value=0):
    return Path(keys=tuple(keys.split()), journeys=journeys, conversions=conversions, value=value)


def effects(found):
    return {one.key: one.effect for one in found.removals}


def test_three_channels_by_hand():
    """c1 > c2 > c3 converts, c1 is lost, c2 > c3 is lost.

    Start goes to c1 2/3 and c2 1/3; c1 to c2 1/2; c2 to c3 always; c3 converts 1/2. So P = (1/3 + 1/3) / 2 =
    1/3; without c1 it is 1/6, without c2 or c3 nothing.
    """
    found = data_driven([path("c1 c2 c3", 1, 1, 300), path("c1", 1), path("c2 c3", 1)])
    assert found.conversion_rate == pytest.approx(1 / 3)
    assert effects(found) == pytest.approx({"c1": 0.5, "c2": 1, "c3": 1})
    assert {one.key: one.conversions for one in found.credits} == pytest.approx(
        {"c1": 0.2, "c2": 0.4, "c3": 0.4}
    )
    assert {one.key: one.value for one in found.credits} == pytest.approx({"c1": 60, "c2": 120, "c3": 120})


def test_a_key_that_comes_again_is_one_state():
    """a > a > b: from a, 1/2 stay and 1/2 go on, which changes nothing of who comes to b."""
    again = data_driven([path("a a b", 10, 5), path("b", 10, 5)])
    once = data_driven([path("a b", 10, 5), path("b", 10, 5)])
    assert effects(again) == pytest.approx(effects(once))
    assert effects(once) == pytest.approx({"a": 0.5, "b": 1})


def test_a_loop_is_left_at_last():
    found = data_driven([path("a b a b a", 3, 2), path("b a b", 5, 1)])
    assert found.conversion_rate == pytest.approx(3 / 8)
    assert 0 < effects(found)["a"] <= 1
    assert sum(one.share for one in found.removals) == pytest.approx(1)


def test_a_key_that_never_leads_to_a_conversion_is_given_nothing():
    found = data_driven([path("a", 10, 5), path("dead", 100), path("a dead", 2)])
    assert effects(found)["dead"] == 0
    assert {one.key: one.conversions for one in found.credits} == {"a": 5, "dead": 0}


def test_millions_of_journeys_are_as_quick_as_few():
    paths = [path("a b", 4, 3), path("b", 4, 1), path("a", 1)]
    many = [path(" ".join(one.keys), one.journeys * 10**9, one.conversions * 10**9) for one in paths]
    assert effects(data_driven(many)) == pytest.approx(effects(data_driven(paths)))


def test_conversions_without_a_touchpoint_stay_out_of_the_chain():
    with_them = data_driven([path("a", 4, 2, 20), path("", 100, 7, 70)])
    assert with_them.conversion_rate == pytest.approx(0.5)
    assert [(one.key, one.conversions, one.value) for one in with_them.credits] == [
        (NONE, 7, 70),
        ("a", 2, 20),
    ]


def test_nobody_converted():
    found = data_driven([path("a b", 4), path("b", 2)])
    assert (found.credits, found.conversion_rate) == ((), 0)
    assert [one.share for one in found.removals] == [0, 0]


def test_no_journeys():
    assert data_driven([path("a", 0)]) == data_driven([])
    assert data_driven([]).removals == ()


def test_too_many_keys_are_refused():
    some = [path(f"k{index}", 1, 1) for index in range(MOST_KEYS + 1)]
    with pytest.raises(ValueError, match="group the rare ones into one"):
        data_driven(some)


def test_conversions_and_lost_journeys_together():
    conversions = [
        Conversion(
            at_ms=100,
            touchpoints=(
                Touchpoint(at_ms=10, key="c1"),
                Touchpoint(at_ms=20, key="c2"),
                Touchpoint(at_ms=30, key="c3"),
            ),
            value=300,
        )
    ]
    lost = [path("c1", 1), path("c2 c3", 1)]
    found = attribute(Model.DATA_DRIVEN, conversions, span=Span(), lost=lost)
    assert {one.key: one.value for one in found} == pytest.approx({"c1": 60, "c2": 120, "c3": 120})
