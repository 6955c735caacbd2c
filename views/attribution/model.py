"""What is asked of attribution, and the answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from app.core.attribution.markov import MOST_KEYS
from app.core.attribution.models import Model
from views.answers import Answer
from views.counted_events import Goal
from views.stats.model import Filter

DAY_MS = 86_400_000
DEFAULT_LOOK_BACK_DAYS = 30
DEFAULT_HALF_LIFE_DAYS = 7
MOST_DAYS = 365
DEFAULT_KEYS = 100
#: One is left for ``(other)``.
MOST_NAMED = MOST_KEYS - 1
#: The key of touchpoints whose own key is too rare to be named.
OTHER = "(other)"


class TouchedBy(StrEnum):
    """What touchpoints are told apart by: an attribute of a session."""

    CHANNEL = "channel"
    SOURCE = "source"
    MEDIUM = "medium"
    CAMPAIGN = "campaign"
    REFERRER_HOST = "referrer_host"


class AttributionAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question, apart from site, period and bots.

    ``filter``: on fields of sessions; only conversions that were made in a session that passes count.
    ``keys``: how many are named, those of the most journeys; the others are ``(other)``.
    """

    models: tuple[Model, ...] = tuple(Model)
    by: TouchedBy = TouchedBy.CHANNEL
    look_back_days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] = DEFAULT_LOOK_BACK_DAYS
    half_life_days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] = DEFAULT_HALF_LIFE_DAYS
    goal: Goal = Goal()
    filter: Filter | None = None
    keys: Annotated[int, msgspec.Meta(ge=1, le=MOST_NAMED)] = DEFAULT_KEYS


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a model gives to a key; ``share``: of all conversions, 0 to 1."""

    conversions: float
    revenue: float
    share: float


class AttributionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key, and what it is given by model.

    ``removal_effect``: the part of conversions lost without it, 0 to 1; None unless ``data_driven`` is asked.
    """

    key: str
    models: dict[str, Given]
    removal_effect: float | None


class Attribution(Answer, frozen=True, kw_only=True):
    """Conversions that happened in the period, and what led to them; the most of the first model first.

    ``conversions`` and ``revenue`` are the events' own: each model's add up to them. ``lost_journeys`` are
    those of visitors who did not convert in the period (0 unless ``data_driven`` is asked).
    """

    by: TouchedBy
    look_back_days: int
    half_life_days: int
    conversions: int
    revenue: float
    lost_journeys: int
    rows: list[AttributionRow]
