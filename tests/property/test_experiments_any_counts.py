"""Whatever the counts: chances sum to 1, intervals hold their value, units and order do not matter."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.experiments.bayes import chances, of_rate
from app.core.experiments.contracts import Experiment, Variant
from app.core.experiments.distributions import beta_cdf, beta_ppf, t_cdf, t_ppf
from app.core.experiments.evaluate import evaluate
from app.core.experiments.multiple import holm
from app.core.experiments.samples import Amounts, Conversions

counts = st.integers(0, 10**6).flatmap(
    lambda users: st.builds(Conversions, users=st.just(users), converted=st.integers(0, users))
)
amounts = st.lists(st.integers(-1000, 1000), min_size=2, max_size=30)
p_values = st.lists(st.floats(0, 1), max_size=8)


def experiment(metrics):
    variants = [Variant(name=str(index), metric=metric) for index, metric in enumerate(metrics)]
    return Experiment(control=variants[0], treatments=tuple(variants[1:]))


def summed(values, *, times=1):
    scaled = [times * each for each in values]
    return Amounts(users=len(scaled), total=sum(scaled), squares=sum(each * each for each in scaled))


@given(st.lists(counts, min_size=2, max_size=4))
@settings(deadline=None, max_examples=60)
def test_one_variant_is_the_best(metrics):
    found = chances([of_rate(one) for one in metrics])
    assert sum(one.best for one in found) == pytest.approx(1, abs=1e-6)
    assert all(0 <= one.best <= 1 and -1e-12 <= one.expected_loss <= 1 for one in found)
    gap = of_rate(metrics[0]).mean - of_rate(metrics[1]).mean
    assert found[1].expected_loss - found[0].expected_loss == pytest.approx(gap, abs=1e-8)


@given(st.lists(counts, min_size=2, max_size=3))
@settings(deadline=None, max_examples=60)
def test_every_value_is_within_its_interval_and_every_p_value_within_0_to_1(metrics):
    for one in evaluate(experiment(metrics)).variants:
        assert one.interval.low - 1e-12 <= one.value <= one.interval.high + 1e-12
        if one.comparison:
            effect = one.comparison.effect
            assert effect.interval.low - 1e-12 <= effect.difference <= effect.interval.high + 1e-12
            assert 0 <= effect.p_value <= one.comparison.adjusted_p_value <= 1
            assert 0 <= one.comparison.always_valid_p_value <= 1


@given(amounts, amounts, st.integers(1, 10_000))
@settings(deadline=None, max_examples=60)
def test_the_unit_of_an_amount_does_not_matter(a, b, times):
    one, other = (
        evaluate(experiment([summed(a, times=each), summed(b, times=each)])).variants[1].comparison
        for each in (1, times)
    )
    assert other.effect.p_value == pytest.approx(one.effect.p_value, rel=1e-6, abs=1e-12)
    assert other.effect.difference == pytest.approx(times * one.effect.difference)
    assert other.always_valid_p_value == pytest.approx(one.always_valid_p_value, rel=1e-6, abs=1e-12)
    assert other.verdict is one.verdict


@given(amounts, amounts)
@settings(deadline=None, max_examples=60)
def test_control_and_treatment_are_mirror_images(a, b):
    one, other = (
        evaluate(experiment(pair)).variants[1].comparison.effect
        for pair in ([summed(a), summed(b)], [summed(b), summed(a)])
    )
    assert other.difference == -one.difference
    assert other.p_value == pytest.approx(one.p_value)
    assert (other.interval.low, other.interval.high) == pytest.approx((-one.interval.high, -one.interval.low))


@given(p_values, st.randoms())
@settings(deadline=None)
def test_holm_keeps_the_order_and_never_lowers(values, random):
    found = holm(values)
    assert all(adjusted >= each for each, adjusted in zip(values, found, strict=True))
    assert [found[i] for i in sorted(range(len(values)), key=values.__getitem__)] == sorted(found)
    order = random.sample(range(len(values)), len(values))
    assert holm([values[index] for index in order]) == [found[index] for index in order]


@given(st.floats(1e-6, 1 - 1e-6), st.floats(1, 1e5), st.floats(1, 1e5))
@settings(deadline=None)
def test_quantiles_are_the_inverse(p, a, b):
    assert beta_cdf(beta_ppf(p, a, b), a, b) == pytest.approx(p, abs=1e-8)
    assert t_cdf(t_ppf(p, a), a) == pytest.approx(p, rel=1e-7)
    assert math.copysign(1, t_ppf(p, a)) == (1 if p >= 0.5 else -1)
