"""What is asked of an experiment, and the answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec

from app.core.experiments.contracts import Design, Evaluation, Wanted
from app.core.experiments.samples import Amounts, Conversions, Ratios
from views.answers import Answer
from views.counted_events import Goal

#: Each is compared with the control, and all with each other.
MOST_VARIANTS = 20
MOST_EXPERIMENTS = 1000
MOST_CUPED_DAYS = 90
DEFAULT_CUPED_DAYS = 7
#: The control unless another is named.
CONTROL = "control"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Weight = Annotated[float, msgspec.Meta(ge=0.0001, le=10_000)]


class Amount(StrEnum):
    """What can be summed up of the events of a visitor; money in the unit it was given in."""

    REVENUE = "revenue"
    EVENTS = "events"
    PAGE_VIEWS = "page_views"
    CONVERSIONS = "conversions"
    ENGAGED_S = "engaged_s"
    SESSIONS = "sessions"


class _Metric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What is compared; ``kind`` says how. ``goal``: the events that count."""

    goal: Goal = Goal()


class ConversionRate(_Metric, frozen=True, tag="conversion"):
    """The part of the visitors with an event that counts: any conversion, unless ``goal`` says which."""


class Mean(_Metric, frozen=True, tag="mean"):
    """An amount per visitor, of the events that count: all, unless ``goal`` says which."""

    of: Amount = Amount.REVENUE


class Ratio(_Metric, frozen=True, tag="ratio"):
    """An amount over another: the first of the events that count, the second of all."""

    of: Amount = Amount.REVENUE
    per: Amount = Amount.SESSIONS


MetricAsked: TypeAlias = ConversionRate | Mean | Ratio


class ResultsAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question of an experiment's results, apart from site, period and bots.

    ``control``: the variant called so, unless another is named. ``weights``: the variants that are compared,
    and each one's share of the visitors; all that were seen, alike, unless told. ``cuped_days``: how long
    before the exposure the same metric explains a mean; 0 for not at all. ``planned_users``: about how many
    there will be in two variants together.
    """

    experiment: Name
    metric: MetricAsked = ConversionRate()
    control: Name | None = None
    weights: Annotated[dict[Name, Weight], msgspec.Meta(max_length=MOST_VARIANTS)] = {}
    wanted: Wanted = Wanted.MORE
    design: Design = Design.SEQUENTIAL
    alpha: Annotated[float, msgspec.Meta(ge=0.0001, le=0.5)] = 0.05
    planned_users: Annotated[int, msgspec.Meta(ge=2, le=1_000_000_000)] = 10_000
    least_users: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)] = 100
    cuped_days: Annotated[int, msgspec.Meta(ge=0, le=MOST_CUPED_DAYS)] = DEFAULT_CUPED_DAYS


class ExperimentResults(Answer, frozen=True, kw_only=True):
    """How the variants did, of visitors who were first exposed in the period, from then to its end.

    ``mixed_users`` saw several variants, ``other_users`` one that is not compared; both are left out.
    ``observed``: by variant, the counts and sums that the evaluation is made of.
    """

    experiment: str
    control: str
    metric: MetricAsked
    design: Design
    mixed_users: int
    other_users: int
    observed: dict[str, Conversions | Amounts | Ratios]
    evaluation: Evaluation


class VariantSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A variant, and the visitors who saw it and no other."""

    variant: str
    visitors: int


class ExperimentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment; the exposures' times are UTC. ``mixed_visitors`` saw several variants."""

    experiment: str
    variants: list[VariantSeen]
    visitors: int
    mixed_visitors: int
    exposures: int
    first_exposed_at: str
    last_exposed_at: str


class ExperimentList(Answer, frozen=True, kw_only=True):
    """The experiments of a period, the one exposed last first; at most 1,000."""

    experiments: list[ExperimentSeen]
