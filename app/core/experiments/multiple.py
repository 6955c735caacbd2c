"""Several p-values -> Holm's correction; users of the variants -> whether their ratio is as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import msgspec

from app.core.experiments.distributions import chi_square_sf

#: Rare enough by chance to be looked at on each day of an experiment (Fabijan et al. 2019, "Diagnosing Sample
#: Ratio Mismatch in Online Controlled Experiments").
MISMATCH_BELOW = 0.001


class Mismatch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far the users of the variants are from the weights; ``is_mismatch``: by more than chance."""

    statistic: float
    p_value: float
    is_mismatch: bool


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values, adjusted so that all claims below alpha are right together (Holm 1979); order kept.

    The smallest is multiplied by their number, the next by one less, and none is below the one before it.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    scaled = (min(1.0, (len(order) - rank) * p_values[index]) for rank, index in enumerate(order))
    grown = dict(zip(order, accumulate(scaled, max), strict=True))
    return [grown[index] for index in range(len(p_values))]


def sample_ratio(users: Sequence[int], weights: Sequence[float]) -> Mismatch:
    """Pearson's chi-square of the variants' users against their weights, of any sum; each weight positive."""
    everyone, whole = sum(users), sum(weights)
    expected = [everyone * weight / whole for weight in weights]
    parts = ((found - wanted) ** 2 / wanted for found, wanted in zip(users, expected, strict=True) if wanted)
    statistic = sum(parts)
    p_value = chi_square_sf(statistic, len(users) - 1)
    return Mismatch(statistic=statistic, p_value=p_value, is_mismatch=p_value < MISMATCH_BELOW)
