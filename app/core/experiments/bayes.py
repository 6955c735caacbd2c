"""What is believed of each variant's value -> how likely it is the best, and what choosing it may cost.

The integrals are taken by Gauss-Legendre quadrature, so that the same numbers give the same answer each time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Protocol

import msgspec

from app.core.experiments.distributions import (
    beta_cdf,
    beta_pdf,
    beta_ppf,
    normal_cdf,
    normal_pdf,
    normal_ppf,
)
from app.core.experiments.effects import Bounds
from app.core.experiments.samples import Conversions, Sample

#: Where panels of the quadrature end, in standard deviations from each mean; far, as a rate's tail is long.
_EDGES = (0.0, 1.0, 2.0, 3.0, 4.5, 6.0, 9.0, 14.0, 24.0, 40.0)
_NODES = 12


class Posterior(Protocol):
    """A distribution of a value, of which more is better."""

    @property
    def mean(self) -> float:
        """The expected value."""

    @property
    def deviation(self) -> float:
        """The standard deviation, above 0."""

    @property
    def support(self) -> Bounds:
        """Where it is at all."""

    def pdf(self, x: float) -> float:
        """The density at ``x``."""

    def cdf(self, x: float) -> float:
        """The probability of ``x`` or less."""

    def ppf(self, probability: float) -> float:
        """The value that is not exceeded with this probability."""


class BetaPosterior(msgspec.Struct, frozen=True, gc=False):
    """Beta(a, b), a and b at least 1."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        """The expected rate."""
        return self.a / (self.a + self.b)

    @property
    def deviation(self) -> float:
        """The standard deviation of the rate."""
        return math.sqrt(self.mean * (1 - self.mean) / (self.a + self.b + 1))

    @property
    def support(self) -> Bounds:
        """Rates are from 0 to 1."""
        return Bounds(0.0, 1.0)

    def pdf(self, x: float) -> float:
        """The density at ``x``."""
        return beta_pdf(x, self.a, self.b)

    def cdf(self, x: float) -> float:
        """The probability of ``x`` or less."""
        return beta_cdf(x, self.a, self.b)

    def ppf(self, probability: float) -> float:
        """The rate that is not exceeded with this probability."""
        return beta_ppf(probability, self.a, self.b)


class NormalPosterior(msgspec.Struct, frozen=True, gc=False):
    """A normal distribution."""

    mean: float
    deviation: float

    @property
    def support(self) -> Bounds:
        """Any value."""
        return Bounds(-math.inf, math.inf)

    def pdf(self, x: float) -> float:
        """The density at ``x``."""
        return normal_pdf((x - self.mean) / self.deviation) / self.deviation

    def cdf(self, x: float) -> float:
        """The probability of ``x`` or less."""
        return normal_cdf((x - self.mean) / self.deviation)

    def ppf(self, probability: float) -> float:
        """The value that is not exceeded with this probability."""
        return self.mean + self.deviation * normal_ppf(probability)


class Chance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``best``: the probability to be the best. ``expected_loss``: by how much the best is better, expected.

    The loss is in the unit of the metric; where the variant is the best itself, it is 0.
    """

    best: float
    expected_loss: float


def of_rate(counts: Conversions) -> BetaPosterior:
    """The conversion rate after a uniform prior: Beta(1 + converted, 1 + not converted)."""
    return BetaPosterior(1.0 + counts.converted, 1.0 + counts.users - counts.converted)


def of_mean(sample: Sample) -> NormalPosterior | None:
    """A mean or a ratio of many users after a flat prior: normal around it; None where nothing scatters."""
    return NormalPosterior(sample.value, sample.error) if sample.error > 0 else None


def where_less_is_better(posterior: BetaPosterior | NormalPosterior) -> BetaPosterior | NormalPosterior:
    """The mirror image, of which more is better."""
    if isinstance(posterior, BetaPosterior):
        return BetaPosterior(posterior.b, posterior.a)
    return NormalPosterior(-posterior.mean, posterior.deviation)


def credible(posterior: Posterior, *, alpha: float) -> Bounds:
    """The middle 1 - alpha of what is believed."""
    return Bounds(posterior.ppf(alpha / 2), posterior.ppf(1 - alpha / 2))


def chances(posteriors: Sequence[Posterior]) -> list[Chance]:
    """For each its chance among all of them, which are independent of each other.

    P(k is best) is the integral of f_k(x) times all other F_j(x); the expected loss is that of
    F_k(x) (1 - all other F_j(x)), as E[max(Y - X, 0)] is the integral of P(X < x < Y). Stucchio 2015,
    "Bayesian A/B Testing at VWO", decides by this loss.
    """
    best, loss = [0.0] * len(posteriors), [0.0] * len(posteriors)
    for x, weight in _nodes(posteriors):
        below = [each.cdf(x) for each in posteriors]
        for k, each in enumerate(posteriors):
            others = math.prod(below[:k] + below[k + 1 :])
            best[k] += weight * each.pdf(x) * others
            loss[k] += weight * below[k] * (1 - others)
    return [Chance(best=min(p, 1.0), expected_loss=cost) for p, cost in zip(best, loss, strict=True)]


def _nodes(posteriors: Sequence[Posterior]) -> list[tuple[float, float]]:
    """Points and weights that integrate over all that one of them does not rule out."""
    edges = sorted(edge for each in posteriors for edge in _edges(each))
    close = min(each.deviation for each in posteriors) / 2
    kept = edges[:1]
    for edge in edges:
        if edge - kept[-1] > close:
            kept.append(edge)
    kept[-1] = edges[-1]
    return [
        ((low + high) / 2 + (high - low) / 2 * node, (high - low) / 2 * weight)
        for low, high in pairwise(kept)
        for node, weight in _gauss_legendre(_NODES)
    ]


def _edges(posterior: Posterior) -> list[float]:
    """Where panels end; none reaches over an end of the support, where the density may break off."""
    low, high = posterior.support.low, posterior.support.high
    wanted = (posterior.mean + sign * edge * posterior.deviation for edge in _EDGES for sign in (-1, 1))
    return [min(max(edge, low), high) for edge in wanted]


@cache
def _gauss_legendre(count: int) -> tuple[tuple[float, float], ...]:
    """Nodes and weights over -1 to 1: Newton's method for the zeros of P_n, Abramowitz and Stegun 25.4.29."""
    found = []
    for index in range(count):
        x = math.cos(math.pi * (index + 0.75) / (count + 0.5))
        for _ in range(10):
            before, value = 1.0, x
            for n in range(2, count + 1):
                before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
            slope = count * (x * value - before) / (x * x - 1)
            x -= value / slope
        found.append((x, 2 / ((1 - x * x) * slope * slope)))
    return tuple(found)
