"""Ten thousand real requests, counted from the log's text and asked of the views about pages and crawlers."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.integration.test_replay_command import asking, replay
from tests.real_log import REAL_LOG, with_real_log

_REQUEST = re.compile(r'"\w+ (?P<path>[^ ?"]+)\S* HTTP/[\d.]+" (?P<status>\d{3}) .*"(?P<agent>[^"]+)"?$')
MAY = "site = 'semicomplete', since = '2015-05-01', until = '2015-06-01'"


@with_real_log
def test_pages_and_crawlers_of_a_real_log_are_those_of_its_text(tmp_path: Path) -> None:
    lines = [_REQUEST.search(line) for line in REAL_LOG.read_text("latin-1").splitlines()]
    found = [line for line in lines if line is not None]
    assert len(found) > 9_900
    pages = Counter(line["path"] for line in found)
    googles = [line for line in found if "Googlebot" in line["agent"]]
    fetched = Counter(line["path"] for line in googles)
    missing = Counter(line["path"] for line in googles if line["status"] in ("404", "410"))
    assert missing

    options = ("--format", "combined", "--site", "semicomplete", "--visitor", "ip", "--pages", "all")
    replay(REAL_LOG, *options, "--data", tmp_path)
    with asking(tmp_path) as ask:
        rows = ask(f"SELECT * FROM page_sums({MAY}, bots = [0, 1])")
        crawled = ask(f"SELECT * FROM crawled_pages({MAY}, limit = 100000) WHERE name = 'Googlebot'")
        gone = ask(
            f"SELECT * FROM not_found_pages({MAY}, bots = [0, 1], reach = '2015-06-02', limit = 100000)"
        )
    assert sum(row["page_views"] for row in rows) == 10_000
    assert sum(row["entries"] for row in rows) == sum(row["exits"] for row in rows) == 3_052
    views = {row["path"]: row["page_views"] for row in rows}
    assert {path: views.get(path) for path in pages} == pages
    assert {row["path"]: row["fetches"] for row in crawled} == fetched
    assert {row["path"]: row["not_found"] for row in crawled if row["not_found"]} == missing
    fetches = {row["path"]: row["fetches"] for row in gone}
    assert {path: fetches.get(path) for path in missing} == missing
