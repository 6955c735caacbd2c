"""``wua import`` of exports of events: gold equals a recount of the rows, however often they come."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.commands import importing
from app.commands.importing import Report, Wanted, import_file
from app.embedded.stack import Feeder
from app.errors import BrokerUnavailableError
from app.events.vocabulary import Tool
from app.settings import Settings, SiteSettings
from tests.exports import ga4_line, json_lines, umami_csv, umami_row
from tests.factories import DAY, HOUR, MINUTE, T0
from tests.integration.test_replay_command import asking

KIRITIMATI = "Pacific/Kiritimati"
SETTINGS = Settings(sites={"east": SiteSettings(timezone=KIRITIMATI)})
#: Site, day -> what gold says: visitors, page views, events.
Days = dict[date, tuple[int, int, int]]


def run(file: Path, data: Path, *, tool: Tool = Tool.UMAMI, site: str = "shop") -> Report:
    wanted = Wanted(file=file, tool=tool, site_id=site, host="shop.example", zone=ZoneInfo("UTC"), data=data)
    settings = SETTINGS.model_copy(
        update={"clickhouse": SETTINGS.clickhouse.model_copy(update={"url": f"chdb://{data / 'clickhouse'}"})}
    )
    return asyncio.run(import_file(wanted, settings))


def gold(data: Path, site: str = "shop") -> Days:
    with asking(data) as ask:
        rows = ask(
            "SELECT local_date, toInt64(uniqCombined64Merge(16)(visitors)) AS visitors, "
            "toInt64(sum(page_views)) AS page_views, toInt64(sum(rows)) AS events "
            f"FROM daily_user_metrics WHERE site_id = '{site}' AND NOT is_bot GROUP BY local_date"
        )
    return {row["local_date"]: (row["visitors"], row["page_views"], row["events"]) for row in rows}


def sessions(data: Path) -> int:
    with asking(data) as ask:
        return int(ask("SELECT sum(sessions) AS all FROM session_analytics")[0]["all"])


def recount(rows: Iterable[tuple[str, datetime, bool]], *, zone: str = "UTC") -> Days:
    """Visitor, time and whether it is a page view of each row -> the same, in plain Python."""
    visitors: dict[date, set[str]] = defaultdict(set)
    views: Counter[date] = Counter()
    events: Counter[date] = Counter()
    for visitor, at, is_view in rows:
        day = at.astimezone(ZoneInfo(zone)).date()
        visitors[day].add(visitor)
        views[day] += is_view
        events[day] += 1
    return {day: (len(visitors[day]), views[day], events[day]) for day in events}


def of_umami(rows: Iterable[Mapping[str, str]]) -> list[tuple[str, datetime, bool]]:
    return [
        (
            row["session_id"],
            datetime.fromisoformat(row["created_at"]).replace(tzinfo=UTC),
            row["event_type"] == "1",
        )
        for row in rows
    ]


def history(*, rows: int = 1200) -> list[dict[str, str]]:
    """Three weeks, about nights of UTC too: forty visitors, every fifth row a custom event."""
    return [
        umami_row(
            at=T0 + (number % 21) * DAY + (number * 7) % 16 * HOUR + number % 50 * MINUTE,
            session_id=f"s{number % 40}",
            url_path=f"/p{number % 11}",
            **({"event_type": "2", "event_name": "signup"} if number % 5 == 0 else {}),
        )
        for number in range(rows)
    ]


def test_gold_is_a_recount_of_the_rows_and_the_same_file_again_changes_nothing(tmp_path):
    rows, data = history(), tmp_path / "data"
    file = tmp_path / "export.csv"
    bad = [umami_row(session_id=""), umami_row(url_path="/" + "x" * 3000), umami_row(hostname="no host")]
    file.write_bytes(umami_csv([*bad, *rows, umami_row(event_type="4")]))
    report = run(file, data)
    assert (report.lines, report.taken, report.already) == (1204, 1200, 0)
    assert report.bad_by_reason == {"missing_field": 1, "too_long": 1, "invalid_url": 1}
    assert report.skipped_by_reason == {"other_kind": 1}
    assert [line.split(":")[0] for line in report.first_bad] == [
        f"export.csv, line {line}" for line in (2, 3, 4)
    ]
    counted = recount(of_umami(rows))
    assert (report.first_date, report.last_date) == (str(min(counted)), str(max(counted)))
    assert gold(data) == counted
    found = sessions(data)
    again = run(file, data)
    assert (again.is_repeated, again.import_id, again.lines) == (True, report.import_id, 0)

    # A later export, which has grown and is in another order: only what is new is taken.
    grown = [*reversed(rows), *history(rows=30)]
    file.write_bytes(umami_csv(grown))
    later = run(file, data)
    assert (later.is_repeated, later.taken, later.already) == (False, 30, 1200)
    assert gold(data) == recount(of_umami(grown))
    assert sessions(data) >= found
    with asking(data) as ask:
        assert ask("SELECT count() AS n FROM rejected_events_bronze") == [{"n": 0}]
        (told,) = ask(
            "SELECT DISTINCT country, browser, os, device_class, origin, bot_reasons "
            "FROM user_behavior_silver"
        )
    assert list(told.values()) == ["DE", "Chrome", "Windows", "desktop", "replay", 0]


def cut_off(file: Path, data: Path, monkeypatch: pytest.MonkeyPatch, *, batches: int) -> None:
    """Import of it so many batches of 400 lines; then the broker is gone."""
    send, sent = Feeder.send, []

    async def cut(feeder: Feeder, batch: Any, **beside: Any) -> None:
        if len(sent) == batches:
            raise BrokerUnavailableError("pulled out")
        sent.append(len(batch))
        await send(feeder, batch, **beside)

    with monkeypatch.context() as patched:
        patched.setattr(importing, "BATCH_LINES", 400)
        patched.setattr(Feeder, "send", cut)
        with pytest.raises(BrokerUnavailableError, match="pulled out"):
            run(file, data)


def test_a_run_that_was_cut_off_goes_on(tmp_path, monkeypatch):
    rows, data = history(rows=2300), tmp_path / "data"
    file = tmp_path / "export.csv"
    file.write_bytes(umami_csv(rows))
    cut_off(file, data, monkeypatch, batches=3)
    assert gold(data) == recount(of_umami(rows[:1200]))
    report = run(file, data)
    assert (report.taken, report.already) == (1100, 1200)
    assert gold(data) == recount(of_umami(rows))
    with asking(data) as ask:
        # Every event has its session: the cut run wrote what was under way to its end.
        assert ask("SELECT toInt64(sum(events)) AS n FROM session_analytics") == [{"n": len(rows)}]
    assert run(file, data).is_repeated


def test_a_run_that_was_cut_off_behind_an_open_quote_goes_on_with_the_rows_behind_it(tmp_path, monkeypatch):
    rows, data = history(rows=900), tmp_path / "data"
    file = tmp_path / "export.csv"
    lines = umami_csv(rows).splitlines(keepends=True)
    # In the batch that is cut off, and so that it reads ahead beyond it.
    lines[395:395] = [lines[1].replace(b"s0,", b's0,"', 1)]
    file.write_bytes(b"".join(lines))
    cut_off(file, data, monkeypatch, batches=1)
    assert gold(data) == recount(of_umami(rows[:399]))
    report = run(file, data)
    assert (report.lines, report.taken, report.already) == (901, 501, 399)
    assert report.bad_by_reason == {"malformed_csv": 1}
    assert report.first_bad[0].startswith("export.csv, line 396: malformed_csv: ")
    assert gold(data) == recount(of_umami(rows))


def test_days_are_those_of_the_site_and_ga4_events_are_counted_as_they_are_named(tmp_path):
    data, file = tmp_path / "data", tmp_path / "ga4.json"
    names = ("page_view", "scroll", "add_to_cart", "session_start", "user_engagement", "page_view")
    lines = [
        ga4_line(at=T0 + number * 53 * MINUTE, name=names[number % 6], user_pseudo_id=f"v{number % 17}")
        for number in range(300)
    ]
    order = {"ecommerce": {"purchase_revenue": 12.5}, "params": {"currency": "EUR"}}
    lines += [ga4_line(at=T0 + step, name="purchase", user_pseudo_id="v1", **order) for step in range(2)]
    file.write_bytes(json_lines(lines) + b"{broken\n")
    report = run(file, data, tool=Tool.GA4, site="east")
    taken = [line for line in lines if line["event_name"] != "session_start"]
    assert (report.taken, report.bad_by_reason) == (len(taken), {"malformed_json": 1})
    assert report.first_bad[0].startswith("ga4.json, line 303: malformed_json: ")
    expected = [
        (
            line["user_pseudo_id"],
            datetime.fromtimestamp(int(line["event_timestamp"]) / 1e6, UTC),
            line["event_name"] == "page_view",
        )
        for line in taken
    ]
    assert gold(data, "east") == recount(expected, zone=KIRITIMATI)
    assert gold(data, "east") != recount(expected)
    with asking(data) as ask:
        revenue = ask("SELECT toFloat64(sum(revenue)) AS sum FROM daily_user_metrics")
    assert revenue == [{"sum": 25.0}]


def test_one_row_and_no_row(tmp_path):
    data, file = tmp_path / "data", tmp_path / "export.csv"
    file.write_bytes(umami_csv([]))
    empty = run(file, data)
    assert (empty.lines, empty.taken, empty.first_date) == (0, 0, "")
    row = umami_row()
    file.write_bytes(umami_csv([row]))
    assert run(file, data).taken == 1
    assert gold(data) == recount(of_umami([row]))
    with asking(data) as ask:
        assert ask("SELECT tool, file, taken FROM imports") == [
            {"tool": "umami", "file": "export.csv", "taken": 1}
        ]
