"""Amounts with what is known of the same users from before -> means that scatter less (CUPED).

Deng, Xu, Kohavi and Walker 2013, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
Pre-Experiment Data".
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.core.experiments.samples import Amounts, Covariate, Sample, spread


class Adjusted(msgspec.Struct, frozen=True, kw_only=True):
    """A sample for each variant, ``theta``, and by what part the variance of one user went down (0 to 1)."""

    samples: tuple[Sample, ...]
    theta: float
    variance_reduction: float


def adjusted(variants: Sequence[Amounts]) -> Adjusted | None:
    """The variants' means as if all had had the same x before; None unless all have a covariate.

    theta = cov(x, y) / var(x) within variants, all taken together, so that an effect on y does not enter; the
    difference of two variants is then that of a regression of y on variant and x. A mean becomes
    mean(y) - theta (mean(x) - mean(x) of all), its variance var(y) - 2 theta cov(x, y) + theta^2 var(x).
    """
    known = [(one, one.covariate) for one in variants if one.covariate is not None]
    if not known or len(known) < len(variants):
        return None
    of_x = sum(_within(one, x.total, x.total, x.squares) for one, x in known)
    of_both = sum(_within(one, x.total, one.total, x.products) for one, x in known)
    of_y = sum(_within(one, one.total, one.total, one.squares) for one, _ in known)
    theta = of_both / of_x if of_x > 0 else 0.0
    users = sum(one.users for one, _ in known)
    everyone = sum(x.total for _, x in known) / users if users else 0.0
    return Adjusted(
        samples=tuple(_without(one, x, theta=theta, everyone=everyone) for one, x in known),
        theta=theta,
        variance_reduction=theta * of_both / of_y if of_y > 0 else 0.0,
    )


def _within(one: Amounts, total_x: float, total_y: float, products: float) -> float:
    """The sum of products of the deviations from the variant's own means."""
    return spread(one.users, total_x, total_y, products) * (one.users - 1)


def _without(one: Amounts, x: Covariate, *, theta: float, everyone: float) -> Sample:
    """What is left of a variant's sample when what x explains is taken out."""
    sample = one.sample
    of_x = spread(one.users, x.total, x.total, x.squares)
    of_both = spread(one.users, x.total, one.total, x.products)
    return Sample(
        users=one.users,
        value=sample.value - theta * (x.total / one.users - everyone) if one.users else 0.0,
        variance=max(sample.variance - 2 * theta * of_both + theta**2 * of_x, 0.0),
    )
