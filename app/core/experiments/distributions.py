"""Normal, Student t, beta and chi-square distributions with nothing but ``math`` and ``statistics``."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300
_PRECISION = 1e-15
_MOST_STEPS = 100_000


def normal_cdf(z: float) -> float:
    """P(Z <= z) of the standard normal; by ``erfc``, so that far tails keep their digits."""
    return math.erfc(-z / math.sqrt(2)) / 2


def normal_pdf(z: float) -> float:
    """The density of the standard normal."""
    return _NORMAL.pdf(z)


def normal_ppf(probability: float) -> float:
    """The z below which the standard normal lies with a probability strictly between 0 and 1."""
    return _NORMAL.inv_cdf(probability)


def log_beta(a: float, b: float) -> float:
    """ln B(a, b)."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def beta_pdf(x: float, a: float, b: float) -> float:
    """The density of Beta(a, b), a and b at least 1, at x from 0 to 1."""
    if not 0 < x < 1:
        return (b if x == 0 and a == 1 else 0.0) + (a if x == 1 and b == 1 else 0.0)
    return math.exp((a - 1) * math.log(x) + (b - 1) * math.log1p(-x) - log_beta(a, b))


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), that is P(X <= x) of Beta(a, b).

    The continued fraction of DLMF 8.17.22 where it is fast, else that of the other tail (8.17.4).
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = math.exp(a * math.log(x) + b * math.log1p(-x) - log_beta(a, b))
    if x < (a + 1) / (a + b + 2):
        return min(front * _beta_fraction(x, a, b) / a, 1.0)
    return max(1 - front * _beta_fraction(1 - x, b, a) / b, 0.0)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction by Lentz' method (Thompson and Barnett 1986); some sqrt(max(a, b)) steps."""
    c, d = 1.0, 1 / _kept_off_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _kept_off_zero(1 + term * d)
            c = _kept_off_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return value


def _kept_off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_ppf(probability: float, a: float, b: float) -> float:
    """The x below which Beta(a, b), a and b at least 1, lies with a probability from 0 to 1.

    Newton's method, kept within a bracket that halves where it would leave it.
    """
    if not 0 < probability < 1:
        return float(probability >= 1)
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        over = beta_cdf(x, a, b) - probability
        low, high = (low, x) if over > 0 else (x, high)
        density = beta_pdf(x, a, b)
        step = over / density if density > 0 else math.inf
        nearer = x - step if low < x - step < high else (low + high) / 2
        if abs(nearer - x) <= 1e-14 * nearer:
            break
        x = nearer
    return nearer


def t_cdf(t: float, df: float) -> float:
    """P(T <= t) of Student's t with ``df`` > 0 degrees of freedom, whole or not; infinite: the normal.

    From the incomplete beta function: DLMF 8.17 with x = df / (df + t^2), Abramowitz and Stegun 26.7.1.
    """
    if math.isinf(df):
        return normal_cdf(t)
    tail = beta_cdf(df / (df + t * t), df / 2, 0.5) / 2
    return tail if t < 0 else 1 - tail


def t_ppf(probability: float, df: float) -> float:
    """The t below which Student's t lies with a probability strictly between 0 and 1.

    Newton's method from the normal quantile, which is nearer to the middle: as the distribution function
    bends only one way from there on, no step goes too far.
    """
    if probability == 0.5:
        return 0.0
    tail = min(probability, 1 - probability)
    t = normal_ppf(tail)
    if not math.isinf(df):
        log_front = log_beta(df / 2, 0.5) + math.log(df) / 2
        for _ in range(200):
            step = (t_cdf(t, df) - tail) * math.exp(log_front + (df + 1) / 2 * math.log1p(t * t / df))
            t -= step
            if abs(step) <= 1e-13 * abs(t):
                break
    return t if probability < 0.5 else -t


def two_sided(statistic: float, df: float = math.inf) -> float:
    """The p-value of a t (or, without ``df``, z) statistic against "no difference", either way."""
    return 2 * t_cdf(-abs(statistic), df)


def chi_square_sf(statistic: float, df: int) -> float:
    """P(X >= statistic) of chi-square with a whole number of degrees of freedom.

    The finite sums of Abramowitz and Stegun 26.4.4 and 26.4.5.
    """
    half = statistic / 2
    if half <= 0:
        return 1.0
    shape, tail = (0.5, math.erfc(math.sqrt(half))) if df % 2 else (1.0, math.exp(-half))
    while shape < df / 2:
        tail += math.exp(shape * math.log(half) - half - math.lgamma(shape + 1))
        shape += 1
    return tail
