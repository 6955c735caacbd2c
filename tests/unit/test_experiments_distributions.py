"""Distributions agree with scipy's, in the middle and far out."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from app.core.experiments import distributions as own

DFS = (1, 2.5, 7.3, 30, 412.75, 1e4, 1e6)
SHAPES = ((1, 1), (1, 5000), (3, 7), (250, 1.5), (1e4, 2e4), (1e5, 1e6))


@pytest.mark.parametrize("z", [-30, -8, -1.96, -0.1, 0, 0.5, 3, 9])
def test_normal(z):
    assert own.normal_cdf(z) == pytest.approx(stats.norm.cdf(z), rel=1e-12)
    assert own.normal_pdf(z) == pytest.approx(stats.norm.pdf(z), rel=1e-12)


@pytest.mark.parametrize("p", [1e-9, 0.025, 0.5, 0.8, 0.999999])
def test_normal_quantile(p):
    assert own.normal_ppf(p) == pytest.approx(stats.norm.ppf(p), abs=1e-9)


@pytest.mark.parametrize("df", DFS)
@pytest.mark.parametrize("t", [-40, -2.2, -0.3, 0, 0.01, 1.96, 12])
def test_student_with_any_degrees_of_freedom(t, df):
    assert own.t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), rel=1e-8, abs=1e-300)
    assert own.two_sided(t, df) == pytest.approx(2 * stats.t.sf(abs(t), df), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("df", DFS)
@pytest.mark.parametrize("p", [1e-7, 0.005, 0.025, 0.49, 0.5, 0.7, 0.975, 0.9999])
def test_student_quantile(p, df):
    assert own.t_ppf(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-7, abs=1e-9)


def test_student_with_endless_degrees_of_freedom_is_normal():
    assert own.t_cdf(-1.3, math.inf) == own.normal_cdf(-1.3)
    assert own.t_ppf(0.9, math.inf) == pytest.approx(own.normal_ppf(0.9))
    assert own.two_sided(1.959963985) == pytest.approx(0.05)


@pytest.mark.parametrize(("a", "b"), SHAPES)
@pytest.mark.parametrize("errors", [-6, -2, -0.5, 0, 0.5, 2, 6])
def test_beta_around_its_mean(a, b, errors):
    mean, deviation = stats.beta.stats(a, b, moments="mv")
    x = mean + errors * math.sqrt(deviation)
    assert own.beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-8)
    if 0 < x < 1:
        assert own.beta_pdf(x, a, b) == pytest.approx(stats.beta.pdf(x, a, b), rel=1e-7)


@pytest.mark.parametrize(("a", "b"), SHAPES)
@pytest.mark.parametrize("p", [0, 1e-6, 0.025, 0.5, 0.99, 1])
def test_beta_quantile(p, a, b):
    assert own.beta_ppf(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-9)
    assert own.beta_cdf(own.beta_ppf(p, a, b), a, b) == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (1, 4), (4, 1), (2, 3)])
@pytest.mark.parametrize("x", [-0.5, 0, 1, 1.5])
def test_beta_at_and_beyond_its_ends(x, a, b):
    assert own.beta_pdf(x, a, b) == pytest.approx(stats.beta.pdf(x, a, b))
    assert own.beta_cdf(x, a, b) == stats.beta.cdf(x, a, b)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 9, 30])
@pytest.mark.parametrize("statistic", [0, 0.02, 1, 3.84, 25, 200])
def test_chi_square(statistic, df):
    assert own.chi_square_sf(statistic, df) == pytest.approx(stats.chi2.sf(statistic, df), rel=1e-9)
