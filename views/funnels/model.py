"""What a funnel is, what can be asked of it, and the answer. docs/FUNNELS.md has each definition."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

import msgspec

from app.funnel_settings import FunnelSettings
from views import matching
from views.answers import Answer
from views.definitions import Kind
from views.matching import EventPattern, Title
from views.stats.filters import Places
from views.stats.model import FieldName, Filter, Step

#: Longer than any period: about 139 years.
LONGEST_MS = (1 << 42) - 1
MAX_STEPS = 20
MAX_EXCLUSIONS = 10
MAX_PARTS = 1000
DEFAULT_PARTS = 10

_WINDOW = re.compile(r"([0-9]+)(ms|s|m|h|d|w)")
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

Window = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,17}(ms|s|m|h|d|w)$(?!\n)")]


class Mode(StrEnum):
    """How steps follow: others may come between, none may, or in any order."""

    ORDERED = "ordered"
    STRICT = "strict"
    UNORDERED = "unordered"


class Per(StrEnum):
    """Who walks: a visitor over all sessions, or each session by itself."""

    VISITOR = "visitor"
    SESSION = "session"


class FunnelStep(EventPattern, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step: the events that take it."""

    title: Title


class Exclusion(EventPattern, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Events that end a walk which has taken step ``after`` and not yet step ``before`` (1 is the first).

    Without them: between any two steps.
    """

    after: Annotated[int, msgspec.Meta(ge=1, le=MAX_STEPS)] | None = None
    before: Annotated[int, msgspec.Meta(ge=1, le=MAX_STEPS)] | None = None


class FunnelDefinition(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Steps, how they follow, within what time of the first, and who counts.

    ``window``: a number and a unit: ms, s, m, h, d (24 h), w. ``filter``: sessions that pass, or visitors, by
    fields of sessions and ``user.<name>``; the events of others are not seen.
    """

    title: Title
    steps: Annotated[list[FunnelStep], msgspec.Meta(min_length=2, max_length=MAX_STEPS)]
    mode: Mode = Mode.ORDERED
    per: Per = Per.VISITOR
    window: Window = "1d"
    exclusions: Annotated[list[Exclusion], msgspec.Meta(max_length=MAX_EXCLUSIONS)] = []
    filter: Filter | None = None

    def __post_init__(self) -> None:
        last = len(self.steps)
        for one in self.exclusions:
            if self.mode is Mode.UNORDERED and (one.after or one.before):
                raise ValueError(
                    "steps in any order have no `after` and `before`: leave them out of exclusions"
                )
            if not (one.after or 1) < (one.before or last) <= last:
                raise ValueError(f"an exclusion is after a step and before a later one, of 1 to {last}")

    @property
    def window_ms(self) -> int:
        """The window in milliseconds; what is longer than any period counts as that."""
        match = _WINDOW.fullmatch(self.window)
        assert match
        return min(int(match[1]) * _UNITS_MS[match[2]], LONGEST_MS)


def of_settings(funnel: FunnelSettings) -> FunnelDefinition:
    """A funnel of faust.yml as a definition."""
    return FunnelDefinition(
        title=funnel.title,
        steps=[FunnelStep(title=step.title, page=step.page, event=step.event) for step in funnel.steps],
        window=f"{min(funnel.window_ms, LONGEST_MS)}ms",
    )


class FunnelAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked beside the steps: who counts, the values of a field apart, intervals apart."""

    filter: Filter | None = None
    breakdown: FieldName | None = None
    interval: Step | None = None
    limit: int = DEFAULT_PARTS


ALL_WALKS = FunnelAsked()


class FunnelStepRow(msgspec.Struct, frozen=True, kw_only=True):
    """A step: who reached it, as a share of the step before (``conversion``), of the first (``overall``).

    In any order: ``visitors`` took so many steps at least; ``taken`` took this one. Times are in seconds,
    None where nobody came so far. ``revenue``: of events from this step on, within the window of the first.
    """

    title: str
    visitors: int
    conversion: float
    overall: float
    drop_off: int
    taken: int
    median_s: float | None
    mean_s: float | None
    median_from_first_s: float | None
    mean_from_first_s: float | None
    revenue: float


class FunnelPart(msgspec.Struct, frozen=True, kw_only=True):
    """The walks whose first step has this value, or was taken in this interval."""

    value: str
    conversion: float
    median_time_to_convert_s: float | None
    mean_time_to_convert_s: float | None
    steps: list[FunnelStepRow]


class FunnelConversion(Answer, frozen=True, kw_only=True):
    """A funnel; times to convert are from first step to last, None where nobody converted.

    ``revenue`` is in ``currency``; that in ``currencies_left_out`` has no rate and is not in it.
    """

    funnel_id: str
    title: str
    mode: Mode
    per: Per
    window_ms: int
    conversion: float
    median_time_to_convert_s: float | None
    mean_time_to_convert_s: float | None
    currency: str
    currencies_left_out: list[str]
    steps: list[FunnelStepRow]
    breakdown: list[FunnelPart]
    trend: list[FunnelPart]


def check(definition: FunnelDefinition) -> list[str]:
    """Its regular expressions; QueryError for a funnel that can never be answered."""
    for one in (*definition.steps, *definition.exclusions):
        matching.condition(one, Places(), database="")
    matching.of_sessions(definition.filter)
    return matching.expressions(*definition.steps, *definition.exclusions, definition.filter)


FUNNEL = Kind(name="funnel", body=FunnelDefinition, check=check)
