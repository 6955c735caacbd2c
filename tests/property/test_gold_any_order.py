"""Any order, cuts into blocks, duplicates, crashes: the same gold and the same answers as a recount.

A run takes many sites through one engine; of one that differs the least that still does is told. How many
sites there are in all is set by ``ANY_ORDER_CASES``.
"""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from app.adapters.clickhouse import Sink
from tests import oracle, oracle_gold
from tests.answering import engine, migrated
from tests.any_order import Case, Run, cases, crashes, run_all
from tests.integration.engines import settings_for
from tests.oracle_answers import answers
from tests.oracle_people import aliases
from tests.oracle_receipts import local_hour, quality
from tests.reducing import least
from tests.sql.gold_asked import GOLD, VIEWS, answers_of, gold_of

__all__ = ["engine", "migrated"]

CASES = int(os.environ.get("ANY_ORDER_CASES", "1000"))
#: An insert costs the same for one as for many; the views are asked about some, a call for each.
CASES_AT_ONCE = 25
CASES_ASKED = 4

QUARTER_MS = 15 * oracle.MINUTE

_numbers = itertools.count(1)


class Recounted:
    """A store, and the cases that went through it, one after the other."""

    def __init__(self, store, write):
        self._store = store
        self._write = write

    def differences(self, cases, crashes, *, asked, names=(*GOLD, *VIEWS)):
        """Case -> (table, key, figure, told, expected), for the cases that have any; ``asked``: of so many
        of them the views, too."""
        runs = {f"site{number}": case for case, number in zip(cases, _numbers, strict=False)}
        run_all(
            [Run(one, site=site, partition=int(site[4:])) for site, one in runs.items()], crashes, self._write
        )
        zones = {site: case.zone for site, case in itertools.islice(runs.items(), asked)}
        gold = gold_of(self._store, list(runs), [name for name in names if name in GOLD])
        views = answers_of(self._store, zones, [name for name in names if name in VIEWS])
        found = {}
        for site, case in runs.items():
            told = gold[site] | views.get(site, {})
            if differences := list(compared(told, recounted(case))):
                found[case] = differences
        return found


def recounted(case: Case):
    """Every gold table and every view, by the oracle."""
    fates = oracle.fates(case.arrivals(), case.rules)
    accepted = fates.accepted
    gold = oracle_gold.gold(accepted, oracle.sessions(accepted, case.rules), case.rules)
    receipts = {
        "data_quality": quality(fates.outcomes, by=lambda at: at // QUARTER_MS * QUARTER_MS // 1000),
        "quality_series": quality(fates.outcomes, by=lambda at: local_hour(at, case.rules)),
    }
    return gold | receipts | aliases(accepted, case.rules) | answers(accepted, case.rules)


def compared(told, expected):
    """What differs; a row that is not there has no figures."""
    for table, rows in told.items():
        for key in sorted(rows.keys() | expected[table].keys()):
            of, should = rows.get(key, {}), expected[table].get(key, {})
            for name in sorted(of.keys() | should.keys()):
                if of.get(name) != should.get(name):
                    yield table, key, name, of.get(name), should.get(name)


@pytest.fixture(scope="module")
def store(engine, migrated):
    """The schema, and the worker's own sink."""
    sink = Sink(settings_for(engine.url, migrated.database))
    with asyncio.Runner() as runner:

        def write(kind, rows, token):
            insert = sink.insert_events if kind == "events" else sink.insert_sessions
            runner.run(insert(rows, token=token))

        yield Recounted(migrated, write)
        runner.run(sink.close())


def test_any_order_blocks_duplicates_and_crashes_give_the_recounted_gold(store):
    sites = drawn(cases, CASES)
    starts = range(0, len(sites), CASES_AT_ONCE)
    for start, crashed in zip(starts, itertools.cycle(drawn(crashes, len(starts))), strict=False):
        found = store.differences(sites[start : start + CASES_AT_ONCE], crashed, asked=CASES_ASKED)
        for case, differences in found.items():
            pytest.fail(told_of_the_least(store, case, crashed, table=differences[0][0]), pytrace=False)


def drawn(strategy, count):
    """So many different examples. A list of cases would be drawn as a whole, and vary less."""
    found = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(one):
        found.append(one)

    draw()
    return found


def told_of_the_least(store, case, crashes, *, table):
    """What a failure says: the simplest case that differs in the same table, and every difference of it."""

    def failing(cases, crashes):
        return list(store.differences(cases, crashes, asked=len(cases), names=[table]))

    case, kept = least(case, crashes, failing=failing)
    differences = store.differences([case], kept, asked=1)[case]
    return "\n".join([f"{case}", f"crashes={kept}", *map(str, differences)])
