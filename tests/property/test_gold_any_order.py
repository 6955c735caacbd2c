"""Any order, cuts into blocks, duplicates, crashes: the same gold and the same answers as a recount.

A run takes many sites through one engine; what fails shrinks to the one site that differs. The number of
sites in all is that of ``ANY_ORDER_CASES``.
"""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from app.adapters.clickhouse import Sink
from tests import oracle
from tests.answering import engine, migrated
from tests.any_order import Run, crashes, many_cases, run_all
from tests.integration.engines import settings_for
from tests.oracle_answers import answers
from tests.sql.gold_asked import answers_of, gold_of

__all__ = ["engine", "migrated"]

CASES = int(os.environ.get("ANY_ORDER_CASES", "1000"))
#: What many_cases draws on average; of how many the views are asked, too, a call for each.
CASES_AT_ONCE = 25
CASES_ASKED = 4

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def write(engine, migrated):
    """Inserts rows as the worker does, by its sink."""
    sink = Sink(settings_for(engine.url, migrated.database))
    with asyncio.Runner() as runner:

        def write(kind, rows, token):
            insert = sink.insert_events if kind == "events" else sink.insert_sessions
            runner.run(insert(rows, token=token))

        yield write
        runner.run(sink.close())


@settings(
    max_examples=-(-CASES // CASES_AT_ONCE),
    deadline=None,
    # It would repeat a failure once more to explain it; a run is dear.
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=list(HealthCheck),
)
@given(cases=many_cases(), crashes=crashes)
def test_any_order_blocks_duplicates_and_crashes_give_the_recounted_gold(cases, crashes, migrated, write):
    """Shrinks to one site with the fewest events, and the fewest crashes."""
    runs = {f"site{number}": case for case, number in zip(cases, _numbers, strict=False)}

    run_all([Run(case, site=site, partition=int(site[4:])) for site, case in runs.items()], crashes, write)

    gold = gold_of(migrated, list(runs))
    asked = dict(itertools.islice(runs.items(), CASES_ASKED))
    views = answers_of(migrated, {site: case.zone for site, case in asked.items()})
    for site, case in runs.items():
        accepted = oracle.fates(case.arrivals(), case.rules).accepted
        recounted = oracle.gold(accepted, oracle.sessions(accepted, case.rules), case.rules)
        assert differences(gold[site], recounted) == [], case
        if site in asked:
            assert differences(views[site], answers(accepted, case.rules)) == [], case


def differences(told, expected):
    """(table, key, figure, told, expected) of whatever differs; a row that is not there has no figures."""
    return [
        (table, key, name, of.get(name), should.get(name))
        for table, rows in told.items()
        for key in sorted(rows.keys() | expected[table].keys())
        for of, should in [(rows.get(key, {}), expected[table].get(key, {}))]
        for name in sorted(of.keys() | should.keys())
        if of.get(name) != should.get(name)
    ]
