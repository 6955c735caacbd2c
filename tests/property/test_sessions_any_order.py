"""Any order, cuts into blocks, duplicates, crashes: the same sessions as a recount of the sorted events."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from hypothesis import example, given, settings

from app.events.rows import EventRow, SessionRow
from tests import oracle
from tests.any_order import Case, Crash, Event, Run, cases, crashes, run_all
from tests.factories import HOUR, MINUTE


class Landed:
    """What the rows of a run come to when each token counts once, as ClickHouse has it."""

    def __init__(self) -> None:
        self.events: list[EventRow] = []
        self.sessions: list[SessionRow] = []
        self._tokens: set[str] = set()

    def write(self, kind, rows, token):
        if token not in self._tokens:
            self._tokens.add(token)
            (self.events if kind == "events" else self.sessions).extend(rows)

    def living(self):
        """Sessions by id whose statements do not cancel; a -1 must take back just what a +1 has stated."""
        left = Counter()
        for row in self.sessions:
            if row.sign:
                left[row.session_id, row.version, facts(row)] += row.sign
        assert set(left.values()) <= {0, 1}
        alive = {session: said for (session, _, said), count in left.items() if count}
        assert len(alive) == sum(left.values())
        return alive

    def outcomes(self):
        return Counter(row.reason or row.outcome for row in self.events)


def landed(case: Case, crashes: list[Crash]) -> Landed:
    """The rows of the case after all its blocks."""
    found = Landed()
    run_all([Run(case, site="shop", partition=0)], crashes, found.write)
    return found


def facts(row):
    """What a session row says."""
    return (
        row.visitor_id, row.user_id, row.started_at, row.ended_at, row.duration_ms, row.local_date,
        row.events, row.page_views, row.interactions, row.conversions, round(row.revenue * 10_000),
        row.engaged_ms, bool(row.is_bounce), bool(row.is_bot), row.entry_path, row.exit_path,
        row.channel, row.campaign, row.device_class,
    )  # fmt: skip


def expected(one: oracle.Session):
    """The same of a recounted one."""
    return (
        one.visitor, one.user, one.started_at, one.ended_at, one.duration_ms, one.local_date,
        one.events, one.page_views, one.interactions, one.conversions, one.revenue,
        one.engaged_ms, one.is_bounce, one.is_bot, one.entry_path, one.exit_path,
        one.traffic.channel, one.traffic.campaign, one.device.device_class,
    )  # fmt: skip


#: A visit of 126 minutes under a cap of one hour: its first hour is out of reach before it ends.
LONG_VISIT = Case(
    events=tuple(Event(slot=slot) for slot in (0, 0, 0, 2, 5, 8, 11, 14)),
    cuts=(7,),
    pace_min=9,
    grace_ms=20 * MINUTE,
    cap_ms=HOUR,
)


@settings(max_examples=1000, deadline=None)
@example(case=LONG_VISIT, crashes=[])
@given(case=cases, crashes=crashes)
def test_any_order_blocks_duplicates_and_crashes_give_the_recounted_sessions(case, crashes):
    """Shrinks to the site with the fewest events that differs."""
    fates = oracle.fates(case.arrivals(), case.rules)

    found = landed(case, crashes)

    recounted = oracle.sessions(fates.accepted, case.rules)
    assert sorted(found.living().values()) == sorted(map(expected, recounted))
    told = {"accepted": len(fates.accepted), "duplicate": fates.duplicates, **fates.rejected}
    assert found.outcomes() == {name: count for name, count in told.items() if count}


@settings(max_examples=300, deadline=None)
@given(case=cases, crashes=crashes)
def test_event_rows_resolve_to_a_living_session_through_the_merges(case, crashes):
    """Whatever id an event was written under, the merges lead to the session that holds it in the end."""
    found = landed(case, crashes)

    heirs = {
        row.session_id: row.merged_into
        for row in sorted(found.sessions, key=lambda row: row.version)
        if row.merged_into
    }
    living = found.living()
    told = sorted(
        (row.event_id, living[heirs.get(row.session_id, row.session_id)])
        for row in found.events
        if row.outcome == "accepted"
    )
    recounted = oracle.sessions(oracle.fates(case.arrivals(), case.rules).accepted, case.rules)
    assert told == sorted((event, expected(one)) for one in recounted for event in one.ids)


def test_the_oracle_shares_no_code_with_the_product():
    program = "import sys, tests.oracle; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "msgspec" in loaded.stdout.split()
    product = {"app", "agents", "tables", "views", "web", "migrations"}
    assert not product & set(loaded.stdout.split())
