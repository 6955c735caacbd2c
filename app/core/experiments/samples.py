"""Counts and sums of a variant's users -> the metric's value, and how much users scatter around it.

A user is whom a variant is drawn for; all sums are over users. Sums of whole numbers (money in 1/10,000 of a
unit, page views, seconds) stay exact, as nothing is divided before the squares are taken apart.
"""

from __future__ import annotations

import math

import msgspec


class Sample(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``users`` of a variant, the ``value`` of the metric, and the ``variance`` of one user's part in it."""

    users: int
    value: float
    variance: float

    @property
    def error_squared(self) -> float:
        """The variance of ``value`` itself."""
        return self.variance / self.users if self.users else 0.0

    @property
    def error(self) -> float:
        """The standard error of ``value``."""
        return math.sqrt(self.error_squared)


class Conversions(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """How many of the ``users`` converted at least once."""

    users: int
    converted: int

    def __post_init__(self) -> None:
        """Raise ValueError for counts that cannot be."""
        if not 0 <= self.converted <= self.users:
            raise ValueError(f"{self.converted} of {self.users} users converted; count each user once")

    @property
    def sample(self) -> Sample:
        """The conversion rate; a user is 0 or 1, the variance is p (1 - p)."""
        rate = _over(self.converted, self.users)
        return Sample(users=self.users, value=rate, variance=rate * (1 - rate))


class Covariate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of the same users from before the experiment, x, beside the metric, y.

    ``total`` and ``squares`` are the sums of x and of x * x, ``products`` that of x * y.
    """

    total: float
    squares: float
    products: float


class Amounts(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An amount y of each user: ``total`` and ``squares`` are the sums of y and of y * y."""

    users: int
    total: float
    squares: float
    covariate: Covariate | None = None

    @property
    def sample(self) -> Sample:
        """The mean of y, and its sample variance."""
        variance = spread(self.users, self.total, self.total, self.squares)
        return Sample(users=self.users, value=_over(self.total, self.users), variance=max(variance, 0.0))


class Ratios(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A sum over a sum, as revenue per session: each user has a numerator y and a denominator x.

    ``products`` is the sum of x * y.
    """

    users: int
    numerator: float
    numerator_squares: float
    denominator: float
    denominator_squares: float
    products: float

    @property
    def sample(self) -> Sample:
        """R = sum of y / sum of x, and the variance of (y - R x) / mean of x over users.

        This is the delta method (Deng, Knoblich and Lu 2018, "Applying the Delta Method in Metric Analytics",
        section 3.1): users are independent of each other, the sessions of one user are not.
        """
        ratio = _over(self.numerator, self.denominator)
        of_y = spread(self.users, self.numerator, self.numerator, self.numerator_squares)
        of_x = spread(self.users, self.denominator, self.denominator, self.denominator_squares)
        of_both = spread(self.users, self.denominator, self.numerator, self.products)
        residual = of_y - 2 * ratio * of_both + ratio * ratio * of_x
        per_user = _over(self.denominator, self.users)
        return Sample(users=self.users, value=ratio, variance=max(_over(residual, per_user**2), 0.0))


Metric = Conversions | Amounts | Ratios


def spread(users: int, total_x: float, total_y: float, products: float) -> float:
    """The sample covariance of x and y from the sums of x, y and x * y; 0 of fewer than two users."""
    return (users * products - total_x * total_y) / (users * (users - 1)) if users > 1 else 0.0


def _over(above: float, below: float) -> float:
    return above / below if below else 0.0
