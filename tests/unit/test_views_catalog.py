"""The catalog and the .sql files say the same, and each ratio is computed as its name says."""

from __future__ import annotations

import re
from itertools import zip_longest

import pytest

from migrations.runner import load_views
from migrations.statements import Target, statements
from views.answers import Quantiles
from views.catalog import VIEWS, Interval
from views.figures import median_of, page_pattern, quantiles, ratio

FILES = dict(load_views())
_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")


def test_every_view_has_a_file_of_its_name_and_every_file_is_in_the_catalog():
    assert {f"{name}.sql" for name in VIEWS} == FILES.keys()


@pytest.mark.parametrize("name", VIEWS)
def test_a_views_parameters_are_those_of_its_sql(name):
    (sql,) = statements(FILES[f"{name}.sql"], target=Target(database="db"), file=name)
    assert sql.startswith(f"CREATE OR REPLACE VIEW db.{name} ")
    assert dict(_PARAMETER.findall(sql)) == VIEWS[name].parameters


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_inlined_as_its_sql_selects(name):
    assert VIEWS[name].inlined("db")[1:-1].split() == " ".join(selected(name)).split()


def selected(name: str) -> list[str]:
    """What a view selects, in parts: those of the views that it reads are in the places of their calls."""
    (sql,) = statements(FILES[f"{name}.sql"], target=Target(database="db"), file=name)
    parts = re.split(r"(db\.\w+\((?=\s*\w+ = ).*?\}\s*\))", sql.partition(" AS\n")[2], flags=re.DOTALL)
    assert parts[0]
    inner = [("(", *selected(part.split(".")[1].split("(")[0]), ")") for part in parts[1::2]]
    return [word for own, of in zip_longest(parts[::2], inner, fillvalue=()) for word in (own, *of)]


def test_a_view_within_a_view_is_bound_under_the_names_given():
    inlined = VIEWS["channel_visitors"].inlined("db", since="first")
    assert "FROM db.sessions_silver" in inlined
    assert "{first:Date}" in inlined
    assert "{since:Date}" not in inlined


def test_an_inlined_view_is_bound_under_the_names_given():
    inlined = VIEWS["replayed_days"].inlined("db", site="site0")
    assert "{site0:String}" in inlined
    assert "{site:String}" not in inlined


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_says_what_it_tells(name):
    assert FILES[f"{name}.sql"].startswith("-- ")


def test_each_interval_has_a_view():
    assert {interval.view for interval in Interval} <= VIEWS.keys()


def test_a_call_has_a_place_for_each_parameter():
    assert VIEWS["block_totals"].call("db") == "db.block_totals(epochs = {epochs:Array(UInt32)})"


@pytest.mark.parametrize(("part", "whole", "share"), [(1, 2, 0.5), (0, 3, 0.0), (0, 0, 0.0), (5, 0, 0.0)])
def test_a_share_of_nothing_is_nothing(part, whole, share):
    assert ratio(part, whole) == share


@pytest.mark.parametrize(
    ("durations", "median_ms"),
    [
        ({}, 0.0),
        ({0: 3}, 0.0),
        ({9: 0}, 0.0),
        ({0: 1, 81: 1}, 0.0),
        ({0: 1, 81: 2}, 2 ** (80.5 / 8)),
        ({81: 1, 0: 0, 97: 5}, 2 ** (96.5 / 8)),
        ({255: 1}, 2 ** (254.5 / 8)),
    ],
)
def test_the_median_is_the_middle_of_its_bucket(durations, median_ms):
    assert median_of(durations) == median_ms


def test_what_was_not_measured_has_no_quantiles():
    nan = float("nan")
    assert quantiles([nan] * 5) == Quantiles(p50=None, p75=None, p90=None, p95=None, p99=None)
    assert quantiles([0.0, 1000, 1000, 2500, 2500], divisor=10_000).p95 == 0.25


@pytest.mark.parametrize(
    ("page", "pattern"),
    [("/cart", "^/cart$"), ("/p/*", "^/p/.*$"), ("/a.b", r"^/a\.b$"), ("*", "^.*$"), ("/a|b", r"^/a\|b$")],
)
def test_a_page_pattern_is_anchored_and_literal_but_for_stars(page, pattern):
    assert page_pattern(page) == pattern
