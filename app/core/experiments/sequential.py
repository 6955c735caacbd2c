"""A z statistic that is looked at again and again -> a p-value and an interval that hold at every look.

The mixture sequential probability ratio test with a normal mixing distribution: Robbins 1970; Johari, Koomen,
Pekelis and Walsh 2022, "Always Valid Inference". With the variance estimated, it is the asymptotic confidence
sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, "Time-uniform central limit theory and
asymptotic confidence sequences": it holds from some hundreds of users on.

With m = users x rate, and z the difference in standard errors: the likelihood ratio is
exp(z^2 m / (2 (1 + m))) / sqrt(1 + m). Without a difference, it ever reaches 1 / alpha with a probability of
at most alpha (Ville's inequality).
"""

from __future__ import annotations

import math


def mixing_rate(planned_users: int, *, alpha: float) -> float:
    """The rate that makes intervals shortest about when ``planned_users`` have come, both variants together.

    The rho^2 of Waudby-Smith et al.: (-2 ln alpha + ln(-2 ln alpha + 1)) / n. It has to be chosen before the
    experiment; the promise does not hang on it, only how soon an effect is seen.
    """
    doubled = -2 * math.log(alpha)
    return (doubled + math.log(doubled + 1)) / planned_users


def always_valid_p_value(z: float, *, users: int, rate: float) -> float:
    """1 / the likelihood ratio, at most 1. The least of all looks is a p-value, too."""
    m = users * rate
    return min(1.0, math.exp(math.log1p(m) / 2 - z * z * m / (2 * (1 + m))))


def critical_z(*, users: int, rate: float, alpha: float) -> float:
    """The z at which the p-value is ``alpha``: that many standard errors is half the confidence sequence.

    Infinite before the first user.
    """
    m = users * rate
    return math.sqrt((1 + m) / m * (math.log1p(m) - 2 * math.log(alpha))) if m else math.inf
