"""Any order, cuts into blocks, duplicates, crashes: the same gold and the same answers as a recount.

A run takes many sites through one engine; of one that differs the least that still does is told. How many
sites there are in all is set by ``ANY_ORDER_CASES``.
"""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, given, settings

from app.adapters.clickhouse import Sink
from tests import oracle
from tests.answering import engine, migrated
from tests.any_order import Case, Run, crashes, many_cases, run_all
from tests.integration.engines import settings_for
from tests.oracle_answers import answers
from tests.reducing import least
from tests.sql.gold_asked import GOLD, VIEWS, answers_of, gold_of

__all__ = ["engine", "migrated"]

CASES = int(os.environ.get("ANY_ORDER_CASES", "1000"))
#: What many_cases draws on average; of how many the views are asked, too, a call for each.
CASES_AT_ONCE = 25
CASES_ASKED = 4

_numbers = itertools.count(1)


class DiffersError(Exception):
    """A case whose gold or answers are not those of the recount."""

    def __init__(self, case, crashes, differences):
        super().__init__("\n".join([f"{case}", f"crashes={crashes}", *map(str, differences)]))
        self.case, self.crashes, self.differences = case, crashes, differences


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
    accepted = oracle.fates(case.arrivals(), case.rules).accepted
    gold = oracle.gold(accepted, oracle.sessions(accepted, case.rules), case.rules)
    return gold | answers(accepted, case.rules)


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
    @settings(
        max_examples=-(-CASES // CASES_AT_ONCE),
        deadline=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases=many_cases(), crashes=crashes)
    def search(cases, crashes):
        for case, differences in store.differences(cases, crashes, asked=CASES_ASKED).items():
            raise DiffersError(case, crashes, differences)

    found = None
    try:
        search()
    except DiffersError as differs:
        found = differs
    if found is not None:
        pytest.fail(told_of_the_least(found, store), pytrace=False)


def told_of_the_least(found, store):
    """What a failure says: the simplest case that differs in the same table, and every difference of it."""
    names = [found.differences[0][0]]

    def failing(cases, crashes):
        return list(store.differences(cases, crashes, asked=len(cases), names=names))

    case, kept = least(found.case, found.crashes, failing=failing)
    return str(DiffersError(case, kept, store.differences([case], kept, asked=1)[case]))
