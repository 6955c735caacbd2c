"""What programs did, and what AI took from pages and gave them, against a recount of the same rows."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from app.events.vocabulary import BotReason
from tests.answering import Asked, asked, engine, local_day, migrated, ms, scope
from tests.sql.store import block, retracted, some_uuid

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

#: Kind and name; the first is a person.
SENDERS = (
    ("", ""),
    ("ai_crawler", "GPTBot"),
    ("ai_crawler", "ClaudeBot"),
    ("ai_fetcher", "Claude-User"),
    ("search_crawler", "Googlebot"),
    ("other", ""),
)
REASONS = (BotReason.USER_AGENT, BotReason.USER_AGENT | BotReason.SPIDER, BotReason.SPAM_REFERRER)
PATHS = ("/", "/a", "/b", "/only-clicks")


def some_events(dice: random.Random, *, site: str, count: int) -> list[dict[str, Any]]:
    """Events around a month's borders, of people and programs."""
    made = []
    for _ in range(count):
        kind, name = dice.choice(SENDERS)
        path = dice.choice(PATHS)
        made.append(
            {
                "site_id": site,
                "at": ms("2026-02-27T00:00Z") + dice.randrange(36 * 86_400_000),
                "event_type": "click" if path == "/only-clicks" else dice.choice(["page_view", "click"]),
                "path": path,
                "is_bot": int(bool(kind)),
                "bot_kind": kind,
                "bot_name": name,
                "bot_reasons": dice.choice(REASONS) if kind else 0,
            }
        )
    return made


def some_sessions(dice: random.Random, *, site: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "site_id": site,
            "at": ms("2026-02-27T00:00Z") + dice.randrange(36 * 86_400_000),
            "session_id": some_uuid(),
            "channel": dice.choice(["AI Assistants", "Direct"]),
            "entry_path": dice.choice(PATHS[:3]),
            "page_views": dice.choice([0, 1, 2]),
            "is_bot": dice.choice([0, 0, 1]),
        }
        for _ in range(count)
    ]


def in_march(rows: list[dict[str, Any]], site: str) -> list[dict[str, Any]]:
    return [
        row for row in rows if row["site_id"] == site and local_day(row["at"], site).startswith("2026-03-")
    ]


@pytest.mark.parametrize("merged", [False, True])
async def test_every_figure_is_that_of_a_recount(asked: Asked, merged: bool) -> None:
    dice = random.Random(7)
    events, sessions = [], []
    for site in ("shop", "saas"):
        events += some_events(dice, site=site, count=500)
        sessions += some_sessions(dice, site=site, count=200)
    asked.events(*events)
    taken_back = asked.sessions(*sessions)[::3]
    asked.insert([retracted(row, block()) for row in taken_back])
    if merged:
        asked.store.merge()
    kept = [row for number, row in enumerate(sessions) if number % 3]
    for site in ("shop", "saas"):
        found = await asked.queries.bots(scope(site), limit=10)
        sent = [row for row in in_march(events, site) if row["is_bot"]]
        by_bot = Counter((row["bot_kind"], row["bot_name"]) for row in sent)
        views = [row for row in sent if row["event_type"] == "page_view"]
        viewed_by = Counter((row["bot_kind"], row["bot_name"]) for row in views)
        assert {(row.kind, row.name): (row.events, row.page_views) for row in found.bots} == {
            bot: (count, viewed_by[bot]) for bot, count in by_bot.items()
        }
        assert [row.events for row in found.bots] == sorted(by_bot.values(), reverse=True)
        assert (found.events, found.page_views) == (len(sent), len(views))
        by_reason = Counter(label for row in sent for label in BotReason(row["bot_reasons"]).labels)
        assert {row.reason: row.events for row in found.reasons} == by_reason
        assert [row.events for row in found.reasons] == sorted(by_reason.values(), reverse=True)
        by_ai = Counter((row["path"], row["bot_kind"]) for row in views)
        referred = Counter(
            row["entry_path"]
            for row in in_march(kept, site)
            if row["channel"] == "AI Assistants" and row["page_views"] and not row["is_bot"]
        )
        assert {row.path: (row.crawled, row.fetched, row.referred) for row in found.ai_pages} == {
            path: (by_ai[path, "ai_crawler"], by_ai[path, "ai_fetcher"], referred[path]) for path in PATHS[:3]
        }


async def test_a_page_that_ai_only_sent_people_to_is_told_too(asked: Asked) -> None:
    gptbot = {"is_bot": 1, "bot_kind": "ai_crawler", "bot_name": "GPTBot"}
    asked.events({"path": "/crawled", **gptbot}, {"path": "/crawled", **gptbot}, {"path": "/seen"})
    asked.sessions({"channel": "AI Assistants", "entry_path": "/given"})
    found = await asked.queries.bots(scope(), limit=10)
    pages = [(row.path, row.crawled, row.fetched, row.referred) for row in found.ai_pages]
    assert pages == [("/crawled", 2, 0, 0), ("/given", 0, 0, 1)]
    assert [row.path for row in (await asked.queries.bots(scope(), limit=1)).ai_pages] == ["/crawled"]


async def test_an_event_of_a_worker_that_knew_no_kinds_is_of_another_kind(asked: Asked) -> None:
    asked.events(
        {"is_bot": 1, "bot_name": "GPTBot"}, {"is_bot": 1, "bot_kind": "other", "bot_name": "GPTBot"}
    )
    found = await asked.queries.bots(scope(), limit=1)
    assert [(row.kind, row.name, row.events) for row in found.bots] == [("other", "GPTBot", 2)]


async def test_a_site_without_bots_has_none(asked: Asked) -> None:
    asked.events({})
    asked.sessions({})
    found = await asked.queries.bots(scope(), limit=1)
    assert (found.events, found.page_views, found.bots) == (0, 0, [])
    assert (found.reasons, found.ai_pages) == ([], [])
