"""Chances of variants agree with closed forms, with scipy's quadrature and with draws."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln

from app.core.experiments.bayes import (
    BetaPosterior,
    NormalPosterior,
    chances,
    credible,
    of_mean,
    of_rate,
    where_less_is_better,
)
from app.core.experiments.samples import Conversions, Sample

PAIRS = [
    ((1000, 100), (1000, 130)),
    ((10, 0), (10, 0)),
    ((5, 5), (100, 99)),
    ((100_000, 0), (20, 3)),
    ((300, 299), (4, 0)),
    ((1_000_000, 100_000), (1_000_000, 100_500)),
]


def rate(pair):
    return of_rate(Conversions(users=pair[0], converted=pair[1]))


def closed_form(a, b):
    """P(rate b > rate a), the series of Evan Miller, "Formulas for Bayesian A/B Testing" (2015)."""
    i = np.arange(int(b.a))
    terms = betaln(a.a + i, a.b + b.b) - np.log(b.b + i) - betaln(1 + i, b.b) - betaln(a.a, a.b)
    return math.fsum(np.exp(terms))


def draws(posteriors, count=400_000):
    rng = np.random.default_rng(7)
    columns = [
        rng.beta(one.a, one.b, count)
        if isinstance(one, BetaPosterior)
        else rng.normal(one.mean, one.deviation, count)
        for one in posteriors
    ]
    return np.column_stack(columns)


@pytest.mark.parametrize(("control", "treatment"), PAIRS)
def test_two_rates_as_the_closed_form(control, treatment):
    a, b = rate(control), rate(treatment)
    of_a, of_b = chances([a, b])
    assert of_b.best == pytest.approx(closed_form(a, b), abs=1e-8)
    assert of_a.best == pytest.approx(closed_form(b, a), abs=1e-8)


@pytest.mark.parametrize(("control", "treatment"), PAIRS)
def test_loss_of_a_rate_as_the_closed_form(control, treatment):
    """E[max(b - a, 0)] = E[b] P(b' > a) - E[a] P(b > a'), one conversion more in a' and b' (Stucchio)."""
    a, b = rate(control), rate(treatment)
    more_a, more_b = BetaPosterior(a.a + 1, a.b), BetaPosterior(b.a + 1, b.b)
    wanted = b.mean * closed_form(a, more_b) - a.mean * closed_form(more_a, b)
    assert chances([a, b])[0].expected_loss == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize(("mean", "deviation"), [(0.3, 0.5), (-4.0, 0.01), (0.0, 30.0)])
def test_two_means_as_the_closed_form(mean, deviation):
    spread = math.hypot(1, deviation)
    of_a, of_b = chances([NormalPosterior(0.0, 1.0), NormalPosterior(mean, deviation)])
    z = mean / spread
    assert of_b.best == pytest.approx(stats.norm.cdf(z), abs=1e-10)
    shared = spread * stats.norm.pdf(z)
    assert of_b.expected_loss == pytest.approx(shared - mean * stats.norm.sf(z), abs=1e-9)
    assert of_a.expected_loss == pytest.approx(shared + mean * stats.norm.cdf(z), abs=1e-9)


@pytest.mark.parametrize(
    "posteriors",
    [
        [rate((200, 20)), rate((210, 25)), rate((50, 7))],
        [rate((10, 1)), rate((1000, 180)), rate((1000, 200)), rate((3, 0))],
        [NormalPosterior(0.0, 1.0), NormalPosterior(0.3, 0.5), NormalPosterior(0.1, 2.0)],
    ],
)
def test_several_variants_as_many_draws(posteriors):
    drawn = draws(posteriors)
    found = chances(posteriors)
    best = np.bincount(drawn.argmax(axis=1), minlength=len(posteriors)) / len(drawn)
    loss = (drawn.max(axis=1)[:, None] - drawn).mean(axis=0)
    assert [one.best for one in found] == pytest.approx(list(best), abs=0.003)
    assert [one.expected_loss for one in found] == pytest.approx(list(loss), abs=0.004)
    assert sum(one.best for one in found) == pytest.approx(1, abs=1e-9)


def test_the_same_numbers_give_the_same_answer():
    posteriors = [rate((200, 20)), rate((210, 25)), rate((50, 7))]
    assert chances(posteriors) == chances(posteriors)


@pytest.mark.parametrize("posterior", [rate((40, 3)), NormalPosterior(5.0, 2.0)])
def test_where_less_is_better_the_order_turns(posterior):
    other = type(posterior)(*(2.5 * each for each in msgspec.structs.astuple(posterior)))
    plain = chances([posterior, other])
    turned = chances([where_less_is_better(posterior), where_less_is_better(other)])
    assert turned[0].best == pytest.approx(plain[1].best)
    assert turned[0].expected_loss == pytest.approx(plain[1].expected_loss)


def test_credible_interval():
    interval = credible(rate((40, 3)), alpha=0.1)
    assert (interval.low, interval.high) == pytest.approx(stats.beta.interval(0.9, 4, 38))
    interval = credible(NormalPosterior(5.0, 2.0), alpha=0.1)
    assert (interval.low, interval.high) == pytest.approx(stats.norm.interval(0.9, 5, 2))


def test_a_mean_is_believed_where_it_was_seen():
    assert of_mean(Sample(users=4, value=3.0, variance=16.0)) == NormalPosterior(3.0, 2.0)
    assert of_mean(Sample(users=4, value=3.0, variance=0.0)) is None
