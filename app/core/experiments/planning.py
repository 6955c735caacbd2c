"""What is to be seen -> how many users it takes; how many users there are -> what can be seen."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from app.core.experiments.distributions import normal_cdf, normal_ppf


class Plan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A two-sided test at ``alpha`` that is to find the change with probability ``power``, above alpha.

    ``comparisons``: treatments that are compared with the control; alpha is divided among them (Bonferroni),
    which is a little more careful than Holm's correction.
    """

    alpha: float = 0.05
    power: float = 0.8
    comparisons: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for a plan that asks for nothing."""
        if not 0 < self.alpha < self.power < 1 or self.comparisons < 1:
            raise ValueError(
                f"alpha {self.alpha}, power {self.power}, comparisons {self.comparisons}; "
                "expected 0 < alpha < power < 1 and at least one comparison"
            )

    @property
    def quantile(self) -> float:
        """The z above which a difference is significant."""
        return normal_ppf(1 - self.alpha / self.comparisons / 2)


def users_for_rates(baseline: float, *, change: float, plan: Plan) -> int:
    """Users for each variant, to tell ``baseline`` from ``baseline + change`` (not relative; not 0).

    Fleiss, Levin and Paik 2003, "Statistical Methods for Rates and Proportions": the pooled variance if
    nothing differs, the variants' own if something does; significant the wrong way counts as not found.
    Raises ValueError for what are no two rates.
    """
    changed = baseline + change
    if not (0 <= baseline <= 1 and 0 <= changed <= 1) or change == 0:
        raise ValueError(f"from rate {baseline} to {changed}; expected two different rates from 0 to 1")
    return math.ceil(_users_for_rates(baseline, change, plan))


def users_for_means(variance: float, *, change: float, plan: Plan) -> int:
    """Users for each variant, to see means ``change`` (not 0) apart; ``variance`` is that of one user.

    n = 2 variance (d / change)^2, with d the standard errors that it takes; at least 2. For a ratio, or
    with CUPED, take the variance of its sample. Raises ValueError without a change.
    """
    if change == 0:
        raise ValueError("the change is 0; expected what is to be seen, in the unit of the metric")
    return max(math.ceil(2 * variance * (_errors_apart(plan) / change) ** 2), 2)


def least_change_of_rates(baseline: float, *, users: int, plan: Plan) -> float | None:
    """The smallest rise of a rate that ``users`` in each variant show; None where no rise is."""
    room = 1 - baseline
    if users < 1 or room <= 0 or _users_for_rates(baseline, room, plan) > users:
        return None
    return _first(lambda change: _users_for_rates(baseline, change, plan) <= users, below=room)


def least_change_of_means(variance: float, *, users: int, plan: Plan) -> float:
    """The smallest difference of means, either way, that ``users`` (at least 1) in each variant show."""
    return _errors_apart(plan) * math.sqrt(2 * variance / users)


def _users_for_rates(baseline: float, change: float, plan: Plan) -> float:
    changed, pooled = baseline + change, baseline + change / 2
    if_same = math.sqrt(2 * pooled * (1 - pooled))
    if_changed = math.sqrt(baseline * (1 - baseline) + max(changed * (1 - changed), 0.0))
    return ((plan.quantile * if_same + normal_ppf(plan.power) * if_changed) / change) ** 2


def _errors_apart(plan: Plan) -> float:
    """The difference in standard errors that is significant, on either side, with the wanted probability."""
    z = plan.quantile
    return _first(lambda d: normal_cdf(d - z) + normal_cdf(-d - z) >= plan.power, below=z + 10)


def _first(holds: Callable[[float], bool], *, below: float) -> float:
    """The least value above 0 from which on a condition holds, found by halving."""
    low, high = 0.0, below
    for _ in range(100):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
