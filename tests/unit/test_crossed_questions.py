"""What of a filter is asked of events, what of sessions, and which rows a breakdown across both needs."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.errors import QueryError
from tests.answering import scope
from views.matching import is_path
from views.stats.crossed import Split
from views.stats.filters import MAX_PARTS, Places
from views.stats.model import And, Asked, Filter, Is, Not, Or
from views.stats.planner import plan

PATH, NAME = Is(field="path", value="/"), Is(field="property.plan", value="pro")
CHANNEL, USER = Is(field="channel", value="Email"), Is(field="user.plan", value="pro")


@pytest.mark.parametrize(
    ("asked", "split"),
    [
        (None, Split(None, None, None)),
        (PATH, Split(And(filters=[PATH]), None, None)),
        (CHANNEL, Split(None, And(filters=[CHANNEL]), None)),
        (And(filters=[CHANNEL, PATH]), Split(And(filters=[PATH]), And(filters=[CHANNEL]), None)),
        (
            And(filters=[PATH, And(filters=[USER, NAME])]),
            Split(And(filters=[PATH, NAME]), And(filters=[USER]), None),
        ),
        (Not(filter=PATH), Split(And(filters=[Not(filter=PATH)]), None, None)),
        (Or(filters=[PATH, CHANNEL]), Split(None, None, And(filters=[Or(filters=[PATH, CHANNEL])]))),
        # Nothing passes, whatever it is asked of.
        (Or(filters=[]), Split(None, And(filters=[Or(filters=[])]), None)),
    ],
)
def test_each_part_of_a_filter_is_asked_of_what_tells_it(asked: Filter | None, split: Split) -> None:
    assert Split.of(asked) == split


def test_a_filter_in_parts_has_the_same_bound() -> None:
    with pytest.raises(QueryError, match="more than 200 parts"):
        Split.of(And(filters=[PATH] * MAX_PARTS))


@pytest.mark.parametrize(
    ("asked", "joins", "gathers"),
    [
        # Who saw a page: sessions are only looked up.
        ({"dimensions": ["channel"]}, False, False),
        ({"metrics": ["visitors", "bounce_rate", "median_session_duration_s"]}, False, False),
        ({"metrics": ["events"], "dimensions": ["channel"]}, True, False),
        ({"dimensions": ["channel", "path"]}, True, True),
    ],
)
def test_events_meet_their_sessions_only_where_both_are_told(
    asked: dict[str, Any], joins: bool, gathers: bool
) -> None:
    question = msgspec.convert(
        {"metrics": ["sessions"], "filter": {"op": "is", "field": "path", "value": "/"}, **asked}, Asked
    )
    sql = plan(question, scope(), database="wua", reach=scope().period.until).sql
    assert ("INNER JOIN" in sql) is joins
    assert ("arrayEnumerateUniq" in sql) is gathers


@pytest.mark.parametrize(
    ("page", "condition", "bound"),
    [
        ("/a", "path_hash = cityHash64({p0:String})", "/a"),
        ("/a*", "startsWith(path, {p0:String})", "/a"),
        ("*", "startsWith(path, {p0:String})", ""),
        ("/a*b", "match(path, {p0:String})", "^/a.*b$"),
        ("/a**", "match(path, {p0:String})", "^/a.*.*$"),
    ],
)
def test_a_page_is_matched_as_cheaply_as_it_can_be(page: str, condition: str, bound: str) -> None:
    places = Places()
    assert is_path(page, places) == condition
    assert places.bound == {"p0": bound}
