"""Whatever led to conversions: nothing is given twice or lost, and removal effects are those of the chain."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.attribution.markov import data_driven
from app.core.attribution.models import Model, Span, attribute, weights
from app.core.attribution.touchpoints import Conversion, Path, Touchpoint

RULES = st.sampled_from([model for model in Model if model is not Model.DATA_DRIVEN])
DAY = 86_400_000

touchpoints = st.lists(
    st.builds(
        Touchpoint, at_ms=st.integers(0, 40 * DAY), key=st.sampled_from("abcde"), is_direct=st.booleans()
    ),
    max_size=8,
).map(tuple)
conversions = st.lists(
    st.builds(
        Conversion,
        at_ms=st.just(40 * DAY),
        touchpoints=touchpoints,
        value=st.integers(-(10**10), 10**12),
        count=st.integers(1, 10**6),
    ),
    max_size=8,
)
spans = st.builds(Span, look_back_ms=st.integers(0, 60 * DAY), half_life_ms=st.integers(1, 60 * DAY))


@st.composite
def paths(draw):
    journeys = draw(st.integers(0, 1000))
    converted = draw(st.integers(0, journeys))
    return Path(
        keys=tuple(draw(st.lists(st.sampled_from("abcde"), max_size=7))),
        journeys=journeys,
        conversions=converted,
        value=draw(st.integers(0, 10**9)) if converted else 0,
    )


many_paths = st.lists(paths(), max_size=12)


@given(RULES, touchpoints.filter(bool), spans)
@settings(deadline=None)
def test_a_conversion_is_given_just_once(model, some, span):
    ordered = sorted(some, key=lambda one: one.at_ms)
    found = weights(model, ordered, span=span)
    assert len(found) == len(ordered)
    assert math.fsum(found) == pytest.approx(1, abs=1e-9)
    assert all(0 <= each <= 1 for each in found)


@given(st.sampled_from(Model), conversions, spans, many_paths)
@settings(deadline=None)
def test_credits_are_all_conversions_and_all_their_value(model, some, span, lost):
    lost = [Path(keys=one.keys, journeys=one.journeys) for one in lost]
    found = attribute(model, some, span=span, lost=lost)
    assert math.fsum(one.conversions for one in found) == pytest.approx(sum(one.count for one in some))
    scale = sum(abs(one.value) for one in some)
    assert abs(math.fsum(one.value for one in found) - sum(one.value for one in some)) <= 1e-9 * scale


@given(RULES, conversions, spans, st.randoms())
@settings(deadline=None)
def test_no_order_matters(model, some, span, random):
    turned = [
        Conversion(
            at_ms=one.at_ms,
            touchpoints=tuple(sorted(one.touchpoints, key=lambda each: each.at_ms)),
            value=one.value,
            count=one.count,
        )
        for one in some
    ]
    random.shuffle(turned)
    assert attribute(model, turned, span=span) == attribute(model, some, span=span)


def simulated(some):
    """P(converts), and P(converts) without each key, by walking the whole chain until nobody is under way."""
    going = [one for one in some if one.keys and one.journeys]
    keys = sorted({key for one in going for key in one.keys})
    start, converted, lost = len(keys), len(keys) + 1, len(keys) + 2
    counts = np.zeros((len(keys) + 3, len(keys) + 3))
    for one in going:
        states = [start, *(keys.index(key) for key in one.keys)]
        for here, there in pairwise(states):
            counts[here, there] += one.journeys
        counts[states[-1], converted] += one.conversions
        counts[states[-1], lost] += one.journeys - one.conversions
    counts[converted, converted] = counts[lost, lost] = 1

    def converting(matrix):
        return np.linalg.matrix_power(matrix, 2**20)[start, converted]

    chain = counts / counts.sum(axis=1, keepdims=True)
    without = {}
    for index, key in enumerate(keys):
        broken = chain.copy()
        broken[:, lost] += broken[:, index]
        broken[:, index] = 0
        without[key] = converting(broken)
    return converting(chain), without


@given(many_paths.filter(lambda some: any(one.keys and one.journeys for one in some)))
@settings(deadline=None)
def test_removal_effects_are_those_of_the_chain_that_is_walked_without_the_key(some):
    rate, without = simulated(some)
    found = data_driven(some)
    assert found.conversion_rate == pytest.approx(rate, abs=1e-9)
    going = [one for one in some if one.keys]
    told = sum(one.conversions for one in going) / sum(one.journeys for one in going)
    assert found.conversion_rate == pytest.approx(told, abs=1e-9)
    for one in found.removals:
        wanted = 1 - without[one.key] / rate if rate else 0
        assert one.effect == pytest.approx(wanted, abs=1e-6)
        assert -1e-12 <= one.effect <= 1 + 1e-12


@given(many_paths, st.randoms())
@settings(deadline=None)
def test_shares_sum_to_one_and_all_is_given(some, random):
    found = data_driven(some)
    going = sum(one.conversions for one in some if one.keys)
    shares = math.fsum(one.share for one in found.removals)
    assert shares == pytest.approx(1 if going else 0, abs=1e-9)
    given_ = math.fsum(one.conversions for one in found.credits)
    assert given_ == pytest.approx(sum(one.conversions for one in some))
    assert math.fsum(one.value for one in found.credits) == pytest.approx(sum(one.value for one in some))
    shuffled = random.sample(some, len(some))
    assert data_driven(shuffled) == found


@given(many_paths)
@settings(deadline=None)
def test_a_path_may_come_in_parts(some):
    halves = [
        Path(keys=one.keys, journeys=journeys, conversions=converted)
        for one in some
        for journeys, converted in (
            (one.conversions, one.conversions),
            (one.journeys - one.conversions, 0),
        )
    ]
    whole = data_driven(
        Path(keys=one.keys, journeys=one.journeys, conversions=one.conversions) for one in some
    )
    assert data_driven(halves) == whole
