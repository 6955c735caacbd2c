"""Two samples -> their difference, with its interval and p-value."""

from __future__ import annotations

import math

import msgspec

from app.core.experiments.distributions import normal_ppf, t_ppf, two_sided
from app.core.experiments.samples import Conversions, Sample


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """From ``low`` to ``high``, both included."""

    low: float
    high: float


class Effect(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Treatment less control. ``df`` are the degrees of freedom of ``statistic``, None of a z statistic.

    ``lift`` is the difference in parts of the control's value: 0.1 is ten per cent more. None where the
    control's value is not positive.
    """

    difference: float
    interval: Bounds
    statistic: float
    df: float | None = None
    p_value: float
    lift: float | None
    lift_interval: Bounds | None


def wilson(counts: Conversions, *, alpha: float) -> Bounds:
    """The score interval of a conversion rate (Wilson 1927), within 0 and 1; both for nobody."""
    if not counts.users:
        return Bounds(0.0, 1.0)
    n, z, rate = counts.users, normal_ppf(1 - alpha / 2), counts.converted / counts.users
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Bounds(max(middle - half, 0.0), min(middle + half, 1.0))


def mean_interval(sample: Sample, *, alpha: float) -> Bounds:
    """Student's interval of a mean; a point where fewer than two users are."""
    half = t_ppf(1 - alpha / 2, sample.users - 1) * sample.error if sample.users > 1 else 0.0
    return Bounds(sample.value - half, sample.value + half)


def normal_interval(sample: Sample, *, alpha: float) -> Bounds:
    """The interval of a value that is normal for many users."""
    half = normal_ppf(1 - alpha / 2) * sample.error
    return Bounds(sample.value - half, sample.value + half)


def proportions_test(control: Conversions, treatment: Conversions, *, alpha: float) -> Effect:
    """The z test of two conversion rates with the pooled rate's variance, as nobody differs if it is right.

    The interval is Newcombe's (1998, "Interval estimation for the difference between independent
    proportions", method 10), made of the Wilson intervals. Near the limit it may disagree with the test.
    """
    a, b = control.sample, treatment.sample
    users = a.users + b.users
    pooled = (control.converted + treatment.converted) / users if users else 0.0
    each = (1 / a.users + 1 / b.users) if a.users and b.users else 0.0
    statistic = _over(b.value - a.value, math.sqrt(pooled * (1 - pooled) * each))
    of_a, of_b = wilson(control, alpha=alpha), wilson(treatment, alpha=alpha)
    difference = b.value - a.value
    return Effect(
        difference=difference,
        interval=Bounds(
            difference - math.hypot(b.value - of_b.low, of_a.high - a.value),
            difference + math.hypot(of_b.high - b.value, a.value - of_a.low),
        ),
        statistic=statistic,
        p_value=two_sided(statistic),
        lift=lift(a, b),
        lift_interval=lift_interval(a, b, quantile=normal_ppf(1 - alpha / 2)),
    )


def welch_test(control: Sample, treatment: Sample, *, alpha: float) -> Effect:
    """The t test of two means that may scatter differently (Welch 1947; df of Satterthwaite 1946)."""
    a, b = control.error_squared, treatment.error_squared
    below = sum(error**2 / (each.users - 1) for error, each in ((a, control), (b, treatment)) if error)
    return _tested(control, treatment, df=(a + b) ** 2 / below if below else math.inf, alpha=alpha)


def z_test(control: Sample, treatment: Sample, *, alpha: float) -> Effect:
    """The test of two values that are normal for many users, as ratios are by the delta method."""
    return _tested(control, treatment, df=math.inf, alpha=alpha)


def _tested(control: Sample, treatment: Sample, *, df: float, alpha: float) -> Effect:
    difference = treatment.value - control.value
    error = math.sqrt(control.error_squared + treatment.error_squared)
    statistic, quantile = _over(difference, error), t_ppf(1 - alpha / 2, df)
    return Effect(
        difference=difference,
        interval=Bounds(difference - quantile * error, difference + quantile * error),
        statistic=statistic,
        df=None if math.isinf(df) else df,
        p_value=two_sided(statistic, df),
        lift=lift(control, treatment),
        lift_interval=lift_interval(control, treatment, quantile=quantile),
    )


def lift(control: Sample, treatment: Sample) -> float | None:
    """Treatment / control - 1; None where the control's value is not positive."""
    return treatment.value / control.value - 1 if control.value > 0 else None


def lift_interval(control: Sample, treatment: Sample, *, quantile: float) -> Bounds | None:
    """The interval of the lift by the delta method (Deng, Knoblich and Lu 2018, section 2.1), or None.

    var(b / a) = var(b) / a^2 + b^2 var(a) / a^4 of independent a and b.
    """
    middle, a, b = lift(control, treatment), control.value, treatment.value
    if middle is None:
        return None
    half = quantile * math.sqrt(treatment.error_squared / a**2 + b**2 * control.error_squared / a**4)
    return Bounds(middle - half, middle + half)


def _over(difference: float, error: float) -> float:
    """The statistic; 0 where nothing scatters, so that nothing is claimed."""
    return difference / error if error > 0 else 0.0
