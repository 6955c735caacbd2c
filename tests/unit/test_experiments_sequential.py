"""Looking after every user: the always-valid p-value keeps its promise, the plain test does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from app.core.experiments.distributions import two_sided
from app.core.experiments.sequential import always_valid_p_value, critical_z, mixing_rate

ALPHA = 0.05
RUNS, EACH, FROM = 2_000, 2_000, 100
#: Three standard errors of a share of ALPHA over all runs.
CHANCE = 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)


def z_of_each_look(a, b):
    """z of the difference of means after each pair of users, from the first FROM pairs on; a row is a run."""
    n = np.arange(1, a.shape[1] + 1)

    def mean_and_variance(values):
        mean = values.cumsum(axis=1) / n
        return mean, ((values * values).cumsum(axis=1) - n * mean**2) / np.maximum(n - 1, 1)

    (mean_a, var_a), (mean_b, var_b) = mean_and_variance(a), mean_and_variance(b)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (mean_b - mean_a) / np.sqrt((var_a + var_b) / n)
    return np.nan_to_num(z[:, FROM - 1 :], posinf=0, neginf=0)


def rejected(z, *, planned):
    """The share of runs that were ever significant: by the sequence, and by a plain z test at each look."""
    rate = mixing_rate(planned, alpha=ALPHA)
    bounds = np.array([critical_z(users=2 * n, rate=rate, alpha=ALPHA) for n in range(FROM, EACH + 1)])
    plain = np.abs(z) > 1.959964
    return (np.abs(z) > bounds).any(axis=1).mean(), plain.any(axis=1).mean(), plain[:, -1].mean()


def draws(rng, kind, shift=0.0):
    size = (RUNS, EACH)
    if kind == "rates":
        return (rng.random(size) < 0.2 + shift).astype(float)
    return rng.exponential(1.0, size) * (rng.random(size) < 0.5) + shift


@pytest.mark.parametrize("kind", ["rates", "amounts"])
@pytest.mark.parametrize("planned", [400, 4_000, 100_000])
def test_peeking_after_every_user_keeps_false_alarms_below_alpha(kind, planned):
    rng = np.random.default_rng(11)
    always_valid, plain, once = rejected(z_of_each_look(draws(rng, kind), draws(rng, kind)), planned=planned)
    assert always_valid < ALPHA
    assert plain > 4 * ALPHA
    assert once == pytest.approx(ALPHA, abs=CHANCE)


def test_a_true_effect_is_found():
    rng = np.random.default_rng(12)
    z = z_of_each_look(draws(rng, "rates"), draws(rng, "rates", shift=0.06))
    always_valid, _, _ = rejected(z, planned=2 * EACH)
    assert always_valid > 0.95


@pytest.mark.parametrize("users", [2, 200, 10**7])
@pytest.mark.parametrize("planned", [10, 10_000])
@pytest.mark.parametrize("alpha", [0.1, 0.001])
def test_the_p_value_is_alpha_at_the_edge_of_the_sequence(users, planned, alpha):
    rate = mixing_rate(planned, alpha=alpha)
    z = critical_z(users=users, rate=rate, alpha=alpha)
    assert always_valid_p_value(z, users=users, rate=rate) == pytest.approx(alpha)
    assert always_valid_p_value(-z, users=users, rate=rate) == pytest.approx(alpha)
    assert two_sided(z) < alpha


def test_the_p_value_is_one_over_the_mixed_likelihood_ratio():
    """The normal mixture integrated numerically: differences N(d, v) with d drawn from N(0, m v)."""
    users, rate, z = 700, 0.002, 2.9
    d = np.linspace(-40, 40, 400_001)
    m = users * rate
    ratio = np.exp(d * z - d * d / 2) * np.exp(-d * d / (2 * m)) / math.sqrt(2 * math.pi * m)
    assert always_valid_p_value(z, users=users, rate=rate) == pytest.approx(1 / np.trapezoid(ratio, d))


def test_nothing_is_claimed_before_the_first_user_or_without_a_difference():
    rate = mixing_rate(10_000, alpha=ALPHA)
    assert critical_z(users=0, rate=rate, alpha=ALPHA) == math.inf
    assert always_valid_p_value(0.0, users=0, rate=rate) == 1
    assert always_valid_p_value(0.0, users=10**6, rate=rate) == 1


def test_the_sequence_is_shortest_near_the_planned_users():
    def width(planned):
        return critical_z(users=10_000, rate=mixing_rate(planned, alpha=ALPHA), alpha=ALPHA)

    assert width(10_000) < min(width(3_000), width(30_000))
    assert width(10_000) == pytest.approx(min(width(each) for each in range(5_000, 20_000, 100)), rel=1e-3)
