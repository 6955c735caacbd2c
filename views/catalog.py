"""The views there are and their parameters; what may be asked, ordered and filtered by. Closed lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files

import msgspec

_BY_DAY = {"site": "String", "since": "Date", "until": "Date", "bots": "Array(UInt8)"}
_BY_TIME = {
    "site": "String",
    "since_at": "DateTime('UTC')",
    "until_at": "DateTime('UTC')",
    "bots": "Array(UInt8)",
}
_PERSON = {
    **_BY_DAY,
    "users": "Array(String)",
    "visitors": "Array(String)",
    "spans": "Array(Array(Tuple(Int64, Int64)))",
}
_BOTS = {"site": "String", "since": "Date", "until": "Date"}
_LETTERS = {"reasons": "Array(String)", "sites": "Array(String)", "since_at": "DateTime('UTC')"}
_DEFINITIONS = {"site": "String", "kind": "String", "id": "String"}
_EPOCHS = {"epochs": "Array(UInt32)"}
_CALL = re.compile(r"\{db\}\.(?P<view>\w+)\((?P<bound>(?:\s*\w+ = \{\w+:[^}]+\},?\s*)+)\)")
_BOUND = re.compile(r"(\w+) = \{(\w+):")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A parameterized view: its name and the type of each parameter."""

    name: str
    parameters: dict[str, str]

    def call(self, database: str, **bound_as: str) -> str:
        """The view as a table expression with places for its parameters, named like them or as given."""
        places = ", ".join(
            f"{name} = {{{bound_as.get(name, name)}:{kind}}}" for name, kind in self.parameters.items()
        )
        return f"{database}.{self.name}({places})"

    def inlined(self, database: str, **bound_as: str) -> str:
        """The same as ``call``, with the view's SELECT in its place.

        The engine takes twice as long to begin where it has to look a view up and put the values into it.
        """
        return _bound(_select(self.name), bound_as).replace("{db}", database)


@cache
def _select(name: str) -> str:
    """The SELECT of a view's file, with those of the views that it reads in their places."""
    text = (files("views") / f"{name}.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    made = "\n".join(lines).partition(" AS\n")[2].strip().removesuffix(";")
    return _CALL.sub(lambda call: _bound(_select(call["view"]), dict(_BOUND.findall(call["bound"]))), made)


def _bound(select: str, bound_as: Mapping[str, str]) -> str:
    """The SELECT as a table expression whose parameters are bound under these names."""
    places = re.compile(r"\{(\w+):")
    return f"(\n{places.sub(lambda place: f'{{{bound_as.get(place[1], place[1])}:', select)}\n)"


VIEWS = {
    view.name: view
    for view in (
        View(name="site_totals", parameters=_BY_DAY),
        View(name="session_totals", parameters=_BY_TIME),
        View(name="traffic_sources", parameters=_BY_DAY),
        View(name="channel_visitors", parameters=_BY_DAY),
        View(name="devices", parameters=_BY_DAY),
        View(name="attribute_sums", parameters={**_BY_DAY, "attributes": "Array(String)"}),
        View(name="device_class_visitors", parameters=_BY_DAY),
        View(name="daily_series", parameters=_BY_DAY),
        View(name="hour_series", parameters={**_BY_TIME, "zone": "String"}),
        View(name="full_hour_series", parameters=_BY_TIME),
        View(name="minute_series", parameters=_BY_TIME),
        View(name="page_metrics", parameters={**_BY_DAY, "path": "String"}),
        View(name="page_sessions", parameters={**_BY_DAY, "path": "String"}),
        View(name="page_sums", parameters=_BY_DAY),
        View(name="vitals", parameters=_BY_DAY),
        View(name="clicks", parameters={**_BY_DAY, "path": "String", "reach": "Date"}),
        View(name="viewed_depths", parameters={**_BY_DAY, "path": "String", "reach": "Date"}),
        View(name="top_pages", parameters={**_BY_DAY, "limit": "UInt32"}),
        View(name="definition_versions", parameters=_DEFINITIONS),
        View(name="latest_definitions", parameters=_DEFINITIONS),
        View(name="living_sessions", parameters=_BY_DAY),
        View(name="standing_sessions", parameters=_BY_DAY),
        View(name="session_events", parameters={**_BY_DAY, "reach": "Date"}),
        View(
            name="session_timeline",
            parameters={
                "site": "String",
                "session": "UUID",
                "visitor": "String",
                "since": "Date",
                "until": "Date",
            },
        ),
        View(
            name="freshness",
            parameters={
                "site": "String",
                "since_at": "DateTime('UTC')",
                "until_at": "DateTime('UTC')",
            },
        ),
        View(name="person_users", parameters={"site": "String", "person": "String"}),
        View(name="person_visitors", parameters={"site": "String", "users": "Array(String)"}),
        View(name="person_ids", parameters={"site": "String"}),
        View(name="visitor_marks", parameters={"site": "String"}),
        View(name="person_behavior", parameters=_PERSON),
        View(name="person_events", parameters=_PERSON),
        View(name="person_pages", parameters=_PERSON),
        View(name="person_sessions", parameters=_PERSON),
        View(name="person_totals", parameters=_PERSON),
        View(name="visitors_of_user", parameters={"site": "String", "users": "Array(String)"}),
        View(name="dead_letters", parameters=_LETTERS),
        View(name="dead_letter_reasons", parameters=_LETTERS),
        View(
            name="accepted_events",
            parameters={
                "sites": "Array(String)",
                "since": "Date",
                "until": "Date",
                "visitors": "Array(String)",
                "events": "Array(UUID)",
            },
        ),
        View(name="seo_landing_pages", parameters={**_BY_DAY, "before": "Date"}),
        View(name="search_console_rows", parameters=_BOTS),
        View(name="crawled_pages", parameters={**_BOTS, "limit": "UInt32"}),
        View(name="not_found_pages", parameters={**_BY_DAY, "reach": "Date", "limit": "UInt32"}),
        View(name="bot_traffic", parameters=_BOTS),
        View(name="bot_reasons", parameters=_BOTS),
        View(name="ai_pages", parameters={**_BOTS, "limit": "UInt32"}),
        View(
            name="quality_series",
            parameters={
                "site": "String",
                "since_at": "DateTime('UTC')",
                "until_at": "DateTime('UTC')",
                "zone": "String",
            },
        ),
        View(name="replayed_days", parameters={"site": "String"}),
        View(name="imports_made", parameters={"sites": "Array(String)"}),
        View(
            name="imported_days",
            parameters={"site": "String", "since": "Date", "until": "Date", "dimension": "String"},
        ),
        View(name="block_totals", parameters=_EPOCHS),
        View(name="reject_reasons", parameters=_EPOCHS),
        View(name="bot_events", parameters=_EPOCHS),
        View(name="report_job_states", parameters={"jobs": "Array(String)", "sites": "Array(String)"}),
        View(name="report_file_contents", parameters={"jobs": "Array(String)"}),
        View(name="report_schedule_list", parameters={"sites": "Array(String)"}),
    )
}


class Interval(StrEnum):
    """Length of a series' intervals: minutes are kept for 7 days, hours for 2 years, days for good."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def view(self) -> str:
        """The view that has the series."""
        return {"minute": "minute_series", "hour": "hour_series", "day": "daily_series"}[self]


class SessionField(StrEnum):
    """What sessions can be filtered by, and the column of it; by a user id, those of that person."""

    VISITOR_ID = "visitor_id"
    USER_ID = "user_id"
    ENTRY_PATH = "entry_path"
    EXIT_PATH = "exit_path"
    REFERRER_HOST = "referrer_host"
    CHANNEL = "channel"
    SOURCE = "source"
    MEDIUM = "medium"
    CAMPAIGN = "campaign"
    COUNTRY = "country"
    DEVICE_CLASS = "device_class"
    BROWSER = "browser"
    OS = "os"


class SessionFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A session's ``field`` is ``value``."""

    field: SessionField
    value: str


class SessionOrder(StrEnum):
    """How a list of sessions is ordered."""

    LATEST = "latest"
    OLDEST = "oldest"
    LONGEST = "longest"
    MOST_PAGE_VIEWS = "most_page_views"

    @property
    def key(self) -> str:
        """What is ordered by: an expression whose value is a whole number."""
        return {
            "latest": "toUnixTimestamp64Milli(started_at)",
            "oldest": "toUnixTimestamp64Milli(started_at)",
            "longest": "duration_ms",
            "most_page_views": "toInt64(page_views)",
        }[self]

    @property
    def is_descending(self) -> bool:
        """Whether the greatest comes first."""
        return self is not SessionOrder.OLDEST
