"""Plans agree with statsmodels, Holm and sample ratios with statsmodels and scipy."""

from __future__ import annotations

import math

import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep, samplesize_proportions_2indep_onetail

from app.core.experiments.multiple import holm, sample_ratio
from app.core.experiments.planning import (
    Plan,
    least_change_of_means,
    least_change_of_rates,
    users_for_means,
    users_for_rates,
)

PLANS = [Plan(), Plan(alpha=0.01, power=0.9), Plan(alpha=0.1, power=0.5)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize(("baseline", "change"), [(0.1, 0.02), (0.1, -0.02), (0.003, 0.0005), (0.5, 0.3)])
def test_users_for_rates(baseline, change, plan):
    wanted = samplesize_proportions_2indep_onetail(change, baseline, plan.power, alpha=plan.alpha)
    assert users_for_rates(baseline, change=change, plan=plan) == math.ceil(wanted)


@pytest.mark.parametrize("plan", PLANS[:2])
@pytest.mark.parametrize(("baseline", "users"), [(0.1, 4000), (0.003, 200_000), (0.5, 60)])
def test_the_least_change_of_rates_is_seen_with_the_wanted_power(baseline, users, plan):
    change = least_change_of_rates(baseline, users=users, plan=plan)
    power = power_proportions_2indep(change, baseline, users, alpha=plan.alpha, return_results=False)
    assert power == pytest.approx(plan.power, abs=1e-4)
    assert users_for_rates(baseline, change=change * 1.000001, plan=plan) == users


def test_some_rates_cannot_be_told_apart_by_so_few():
    assert least_change_of_rates(0.5, users=3, plan=Plan()) is None
    assert least_change_of_rates(0.5, users=0, plan=Plan()) is None
    assert least_change_of_rates(1.0, users=10**6, plan=Plan()) is None


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize(("variance", "change"), [(1.0, 0.1), (400.0, -3.0), (2.5, 1.5)])
def test_users_for_means(variance, change, plan):
    effect = abs(change) / math.sqrt(variance)
    wanted = NormalIndPower().solve_power(effect, alpha=plan.alpha, power=plan.power)
    students = TTestIndPower().solve_power(effect, alpha=plan.alpha, power=plan.power)
    found = users_for_means(variance, change=change, plan=plan)
    assert found == math.ceil(wanted)
    assert 0 <= students - found + 1 <= 3.5


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("users", [20, 5000])
def test_least_change_of_means(users, plan):
    effect = least_change_of_means(9.0, users=users, plan=plan) / 3
    assert NormalIndPower().power(effect, nobs1=users, alpha=plan.alpha) == pytest.approx(
        plan.power, abs=1e-9
    )


def test_several_comparisons_share_alpha():
    several, strict = Plan(comparisons=4), Plan(alpha=0.05 / 4)
    assert users_for_rates(0.1, change=0.02, plan=several) == users_for_rates(0.1, change=0.02, plan=strict)
    assert users_for_means(1.0, change=0.1, plan=several) == users_for_means(1.0, change=0.1, plan=strict)
    assert users_for_means(1.0, change=0.1, plan=several) > users_for_means(1.0, change=0.1, plan=Plan())


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0}, {"power": 1.0}, {"alpha": 0.5, "power": 0.4}, {"comparisons": 0}]
)
def test_a_plan_that_asks_for_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="expected 0 < alpha < power < 1"):
        Plan(**wrong)


@pytest.mark.parametrize(("baseline", "change"), [(0.1, 0.0), (0.1, -0.2), (0.9, 0.2), (-0.1, 0.2)])
def test_rates_that_are_none_are_refused(baseline, change):
    with pytest.raises(ValueError, match="expected two different rates"):
        users_for_rates(baseline, change=change, plan=Plan())


def test_no_change_is_never_seen():
    with pytest.raises(ValueError, match="the change is 0"):
        users_for_means(1.0, change=0, plan=Plan())
    assert users_for_means(1e-9, change=5, plan=Plan()) == 2


@pytest.mark.parametrize(
    "p_values", [[0.01], [0.04, 0.01, 0.03], [0.5, 0.02, 0.02, 0.9], [0.2, 0.3, 1.0], [0.0, 0.0], []]
)
def test_holm(p_values):
    wanted = multipletests(p_values, method="holm")[1] if p_values else []
    assert holm(p_values) == pytest.approx(list(wanted))


@pytest.mark.parametrize(
    ("users", "weights"),
    [([5000, 5000], [1, 1]), ([5000, 5400], [1, 1]), ([900, 4000, 5100], [0.1, 0.4, 0.5]), ([3, 0], [2, 1])],
)
def test_sample_ratio(users, weights):
    expected = [sum(users) * weight / sum(weights) for weight in weights]
    wanted = stats.chisquare(users, expected)
    found = sample_ratio(users, weights)
    assert (found.statistic, found.p_value) == pytest.approx((wanted.statistic, wanted.pvalue))
    assert found.is_mismatch == (wanted.pvalue < 0.001)


def test_a_sample_ratio_far_off_is_told():
    assert sample_ratio([5000, 5400], [1, 1]).is_mismatch
    assert not sample_ratio([5000, 5200], [1, 1]).is_mismatch
    assert not sample_ratio([0, 0], [1, 1]).is_mismatch
