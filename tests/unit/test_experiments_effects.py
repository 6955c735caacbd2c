"""Differences of rates, means and ratios agree with statsmodels and scipy on the users themselves."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from app.core.experiments.cuped import adjusted
from app.core.experiments.effects import (
    Bounds,
    lift_interval,
    mean_interval,
    normal_interval,
    proportions_test,
    welch_test,
    wilson,
    z_test,
)
from app.core.experiments.samples import Amounts, Conversions, Covariate, Ratios, Sample

RATES = [((1000, 100), (1000, 130)), ((12, 0), (9, 4)), ((50, 50), (40, 31)), ((123_456, 3_000), (100, 3))]


def near(interval, low, high, **tolerance):
    assert (interval.low, interval.high) == pytest.approx((low, high), **(tolerance or {"abs": 1e-10}))


def counts(pair):
    return Conversions(users=pair[0], converted=pair[1])


def amounts(y, x=None):
    covariate = None
    if x is not None:
        covariate = Covariate(total=x.sum(), squares=(x * x).sum(), products=(x * y).sum())
    return Amounts(users=len(y), total=y.sum(), squares=(y * y).sum(), covariate=covariate)


def ratios(y, x):
    return Ratios(
        users=len(y),
        numerator=y.sum(),
        numerator_squares=(y * y).sum(),
        denominator=x.sum(),
        denominator_squares=(x * x).sum(),
        products=(x * y).sum(),
    )


@pytest.fixture
def rng():
    return np.random.default_rng(20260302)


@pytest.mark.parametrize(("control", "treatment"), RATES)
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_rates(control, treatment, alpha):
    effect = proportions_test(counts(control), counts(treatment), alpha=alpha)
    converted, users = [treatment[1], control[1]], [treatment[0], control[0]]
    statistic, p_value = proportions_ztest(converted, users)
    assert effect.statistic == pytest.approx(statistic, abs=1e-10)
    assert effect.p_value == pytest.approx(p_value, abs=1e-10)
    assert effect.df is None
    assert effect.difference == pytest.approx(treatment[1] / treatment[0] - control[1] / control[0])
    near(
        effect.interval,
        *confint_proportions_2indep(
            converted[0], users[0], converted[1], users[1], method="newcomb", compare="diff", alpha=alpha
        ),
    )


@pytest.mark.parametrize("pair", [(1000, 100), (7, 0), (7, 7), (1, 1), (10**7, 12)])
def test_interval_of_a_rate(pair):
    near(wilson(counts(pair), alpha=0.05), *proportion_confint(pair[1], pair[0], method="wilson"))


def test_nobody_may_have_any_rate():
    assert wilson(Conversions(users=0, converted=0), alpha=0.05) == Bounds(0.0, 1.0)
    effect = proportions_test(counts((0, 0)), counts((10, 3)), alpha=0.05)
    assert (effect.statistic, effect.p_value, effect.lift) == (0.0, 1.0, None)


@pytest.mark.parametrize(("users", "converted"), [(3, 4), (3, -1)])
def test_more_conversions_than_users_cannot_be(users, converted):
    with pytest.raises(ValueError, match="count each user once"):
        Conversions(users=users, converted=converted)


@pytest.mark.parametrize(("n", "m", "scale"), [(40, 60, 3.0), (5, 1000, 0.2), (2, 2, 1.0), (3000, 2500, 8.0)])
def test_means(rng, n, m, scale):
    a, b = rng.gamma(1.5, 2, n), rng.gamma(1.5, scale, m)
    control, treatment = amounts(a).sample, amounts(b).sample
    effect = welch_test(control, treatment, alpha=0.05)
    known = stats.ttest_ind(b, a, equal_var=False)
    assert effect.statistic == pytest.approx(known.statistic, rel=1e-9)
    assert effect.df == pytest.approx(known.df, rel=1e-9)
    assert effect.p_value == pytest.approx(known.pvalue, rel=1e-8)
    compared = CompareMeans(DescrStatsW(b), DescrStatsW(a)).tconfint_diff(usevar="unequal")
    near(effect.interval, *compared, rel=1e-8)
    near(mean_interval(control, alpha=0.05), *DescrStatsW(a).tconfint_mean(), rel=1e-8)
    assert effect.lift == pytest.approx(b.mean() / a.mean() - 1)


def test_whole_numbers_stay_exact_however_far_from_zero():
    y = [10**12 + each for each in (1, 2, 3, 4)]
    sample = Amounts(users=4, total=sum(y), squares=sum(each * each for each in y)).sample
    assert sample.variance == pytest.approx(5 / 3)
    assert sample.value == 10**12 + 2.5


@pytest.mark.parametrize("users", [0, 1])
def test_fewer_than_two_users_do_not_scatter(users):
    sample = Amounts(users=users, total=3 * users, squares=9 * users).sample
    assert sample == Sample(users=users, value=3.0 * users, variance=0.0)
    near(mean_interval(sample, alpha=0.05), sample.value, sample.value)
    effect = welch_test(sample, sample, alpha=0.05)
    assert (effect.statistic, effect.p_value, effect.df) == (0.0, 1.0, None)


def test_ratios_scatter_as_many_repetitions_do(rng):
    """The delta method's standard error against the spread of 4,000 experiments' ratios."""
    x = 1 + rng.poisson(2, (4000, 500))
    y = rng.gamma(1 + x, 2.0)
    found = [ratios(one_y, one_x).sample for one_y, one_x in zip(y, x, strict=True)]
    wanted = y.sum(axis=1) / x.sum(axis=1)
    assert [one.value for one in found] == pytest.approx(list(wanted))
    assert np.mean([one.error for one in found]) == pytest.approx(wanted.std(ddof=1), rel=0.03)


def test_the_ratio_is_a_regression_through_zero_with_robust_errors(rng):
    """R is the slope of y on x with weights 1 / x; its delta variance is HC1's, but for n - 1 in both."""
    x = 1.0 + rng.poisson(2, 300)
    y = rng.gamma(x, 2.0)
    sample = ratios(y, x).sample
    fitted = sm.WLS(y, x, weights=1 / x).fit(cov_type="HC1")
    assert sample.value == pytest.approx(fitted.params[0])
    assert sample.error == pytest.approx(fitted.bse[0], rel=1e-9)
    near(normal_interval(sample, alpha=0.05), *fitted.conf_int(0.05)[0], rel=1e-8)


def test_two_ratios(rng):
    x, z = 1.0 + rng.poisson(2, 300), 1.0 + rng.poisson(3, 200)
    a, b = ratios(rng.gamma(x, 2.0), x).sample, ratios(rng.gamma(z, 2.2), z).sample
    effect = z_test(a, b, alpha=0.1)
    z_known = (b.value - a.value) / np.hypot(a.error, b.error)
    assert effect.statistic == pytest.approx(z_known)
    assert effect.p_value == pytest.approx(2 * stats.norm.sf(abs(z_known)))
    half = stats.norm.ppf(0.95) * np.hypot(a.error, b.error)
    near(effect.interval, effect.difference - half, effect.difference + half)


def test_a_ratio_without_a_denominator_is_zero_and_does_not_scatter():
    sample = ratios(np.zeros(5), np.zeros(5)).sample
    assert sample == Sample(users=5, value=0.0, variance=0.0)


def test_interval_of_the_lift_holds_the_true_lift_as_often_as_it_says(rng):
    a, b = rng.normal(10, 4, (1500, 300)), rng.normal(12, 4, (1500, 300))
    hits = 0
    for one, other in zip(a, b, strict=True):
        interval = welch_test(amounts(one).sample, amounts(other).sample, alpha=0.05).lift_interval
        hits += interval.low <= 0.2 <= interval.high
    assert hits / 1500 == pytest.approx(0.95, abs=0.017)


@pytest.mark.parametrize("value", [0.0, -3.0])
def test_no_lift_over_a_control_that_is_not_positive(value):
    a, b = (Sample(users=9, value=each, variance=1.0) for each in (value, 2.0))
    assert welch_test(a, b, alpha=0.05).lift is None
    assert lift_interval(a, b, quantile=2.0) is None


def test_cuped_is_the_regression_on_variant_and_covariate(rng):
    sizes = (400, 300, 500)
    x = [rng.gamma(2, 3, size) for size in sizes]
    y = [0.7 * one + rng.normal(index, 2, len(one)) for index, one in enumerate(x)]
    found = adjusted([amounts(one, other) for one, other in zip(y, x, strict=True)])
    group = np.repeat([0, 1, 2], sizes)
    columns = np.column_stack([np.ones(sum(sizes)), group == 1, group == 2, np.concatenate(x)])
    fitted = sm.OLS(np.concatenate(y), columns.astype(float)).fit()
    assert found.theta == pytest.approx(fitted.params[3])
    for index in (1, 2):
        difference = found.samples[index].value - found.samples[0].value
        assert difference == pytest.approx(fitted.params[index])
    for sample, one, other in zip(found.samples, y, x, strict=True):
        left = one - found.theta * (other - np.concatenate(x).mean())
        assert sample.value == pytest.approx(left.mean())
        assert sample.variance == pytest.approx(left.var(ddof=1))


def test_cuped_takes_away_the_square_of_the_correlation(rng):
    x = rng.normal(0, 1, 5000)
    y = 3 * x + rng.normal(0, 2, 5000)
    found = adjusted([amounts(y, x)])
    assert found.variance_reduction == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    assert found.samples[0].variance == pytest.approx(y.var(ddof=1) * (1 - found.variance_reduction))


def test_cuped_changes_nothing_by_what_is_the_same_for_all():
    y = np.array([1.0, 2.0, 5.0])
    found = adjusted([amounts(y, np.full(3, 7.0))])
    assert (found.theta, found.variance_reduction) == (0.0, 0.0)
    assert found.samples[0] == amounts(y).sample


def test_no_cuped_without_what_was_before():
    y = np.array([1.0, 2.0, 5.0])
    assert adjusted([]) is None
    assert adjusted([amounts(y, y), amounts(y)]) is None
