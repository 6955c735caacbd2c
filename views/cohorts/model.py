"""What is asked of cohorts, the lifecycle and adoption, and the answers."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from views.cohorts.calendar import MAX_INTERVALS, Cadence
from views.happenings import Happening

MAX_GROUPS, DEFAULT_GROUPS = 100, 10


class By(StrEnum):
    """Who is counted: visitors, or persons as docs/COLLECTING.md says who is who."""

    VISITOR = "visitor"
    PERSON = "person"


class Measure(StrEnum):
    """Back in the n-th interval itself, or in it or any later one."""

    EXACT = "exact"
    ROLLING = "rolling"


class RetentionAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cohorts by the first ``start`` that is stored, and who did ``comes_back`` (by default anything) later.

    ``dimension``: a field of sessions to compare cohorts by. ``intervals``: how many after the first are
    told.
    """

    interval: Cadence = Cadence.WEEK
    by: By = By.VISITOR
    start: Happening = Happening()
    comes_back: Happening = msgspec.field(default=Happening(), name="return")
    measure: Measure = Measure.EXACT
    dimension: Annotated[str, msgspec.Meta(max_length=160)] | None = None
    intervals: Annotated[int, msgspec.Meta(ge=1, le=MAX_INTERVALS)] = MAX_INTERVALS
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_GROUPS)] = DEFAULT_GROUPS


class CohortRow(msgspec.Struct, frozen=True, kw_only=True):
    """Visitors whose first was in the interval that begins ``at``; how many of them were back, by interval.

    ``returned[0]`` is of the interval itself. ``shares`` are of ``size``.
    """

    at: str
    size: int
    returned: list[int]
    shares: list[float]


class CohortGroup(msgspec.Struct, frozen=True, kw_only=True):
    """All cohorts together, or their visitors with one value of the dimension; ``value``: None for the rest.

    ``eligible[n]``: of the cohorts whose n-th interval is in the answer. ``shares`` are of that.
    """

    value: str | None
    size: int
    eligible: list[int]
    returned: list[int]
    shares: list[float]


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """A grid of cohorts. ``since`` and ``until`` are those of whole intervals."""

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    interval: Cadence
    measure: Measure
    total: CohortGroup
    cohorts: list[CohortRow]
    groups: list[CohortGroup]


class LifecycleRow(msgspec.Struct, frozen=True, kw_only=True):
    """Visitors of an interval: active = new + returning + resurrected; dormant: active before, not now.

    ``newly_dormant``: those of the dormant who were active in the interval before.
    """

    at: str
    active: int
    new: int
    returning: int
    resurrected: int
    dormant: int
    newly_dormant: int


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """The lifecycle of visitors. ``since`` and ``until`` are those of whole intervals."""

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    interval: Cadence
    rows: list[LifecycleRow]


class AdoptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """Of the visitors who were active those who used the feature, and how often."""

    active: int
    users: int
    uses: int
    share: float
    at: str | None = None


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Quantiles, interpolated between values; None where there is no value."""

    p25: float | None
    p50: float | None
    p75: float | None
    p90: float | None


class DepthRow(msgspec.Struct, frozen=True, kw_only=True):
    """Users who used it ``uses`` times or more, but less than the next row says."""

    uses: int
    users: int


class StickinessRow(msgspec.Struct, frozen=True, kw_only=True):
    """Users of a day, of the 7 days and of the 30 days that end with it."""

    at: str
    dau: int
    wau: int
    mau: int


class Adoption(msgspec.Struct, frozen=True, kw_only=True):
    """How a page or event was taken up. ``since`` and ``until`` are those of whole intervals.

    ``adopters``: whose first use ever is in them; ``days_to_first_use``: theirs, from their first visit on.
    ``dau_wau``, ``dau_mau``: sum of the days' figures over sum, so the mean weighted by users.
    """

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    interval: Cadence
    total: AdoptionRow
    rows: list[AdoptionRow]
    adopters: int
    days_to_first_use: Spread
    uses_per_user: float
    uses: Spread
    depth: list[DepthRow]
    dau_wau: float
    dau_mau: float
    stickiness: list[StickinessRow]
