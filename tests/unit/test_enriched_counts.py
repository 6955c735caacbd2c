"""How many events are of what: on a few lines, and on the real log as docs/ENRICHMENT.md tells."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import msgspec
import pytest

from app import cli
from app.adapters.enricher import Enricher
from app.commands.enrich import examined, logged
from app.commands.enriched_counts import BREAKDOWNS, Counts, count
from tests.factories import T0, rules, wire
from tests.log_lines import log_line

ROOT = Path(__file__).parents[2]
LOG = ROOT.parent / "shared" / "data" / "apache_2015.log"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
)
PHONE = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Mobile Safari/537.36"
)
SAMPLE = [
    log_line(agent=CHROME, referrer="https://www.google.com/"),
    log_line(agent=CHROME, referrer="https://www.google.com/"),
    log_line(agent=CHROME, referrer="https://blog.example/about"),
    log_line(agent=PHONE, referrer="https://mail.google.com/"),
    log_line(agent=PHONE),
    log_line(agent="QS304 Profile/MIDP-2.0 Configuration/CLDC-1.1"),
    log_line(agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    log_line(agent="Mozilla/5.0 (compatible; Ezooms/1.0; help@moz.com)"),
    log_line(agent="-"),
    b"no line of a log\n",
]


@pytest.fixture(scope="module")
def enrich():
    return Enricher()


def counted(lines, enrich, *, site="blog.example", top=0):
    raws = logged(lines, site_id=site, at_ms=T0)
    return count(examined(raws, rules=rules(), enrich=enrich, at_ms=T0), top=top)


def test_every_line_counts_once(enrich):
    counts = counted(SAMPLE, enrich)
    assert (counts.events, counts.people, counts.programs, counts.refused) == (10, 6, 3, 1)
    assert counts.tables["channels of people"] == [
        {"channel": "Direct", "events": 3},
        {"channel": "Organic Search", "events": 2},
        {"channel": "Email", "events": 1},
    ]
    assert counts.tables["sources of people"] == [
        {"channel": "Organic Search", "source": "google", "events": 2},
        {"channel": "Email", "source": "gmail", "events": 1},
    ]
    assert counts.tables["programs"] == [
        {"kind": "other", "name": "", "events": 1},
        {"kind": "other", "name": "Ezooms", "events": 1},
        {"kind": "search_crawler", "name": "Googlebot", "events": 1},
    ]


def test_what_no_table_knows_is_told_by_user_agent(enrich):
    tables = counted(SAMPLE, enrich).tables
    assert tables["user agents of people, in part unknown"] == [
        {"user agent": "QS304 Profile/MIDP-2.0 Configuration/CLDC-1.1", "events": 1}
    ]
    assert tables["user agents of programs without a name"] == [{"user agent": "", "events": 1}]


def test_of_each_table_as_many_rows_as_were_asked_for(enrich):
    assert {len(rows) for rows in counted(SAMPLE, enrich, top=1).tables.values()} == {1}


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        ([], msgspec.json.encode(wire(referrer="https://chatgpt.com/")), '"channel":"AI Assistants"'),
        (["--format", "combined"], log_line(), '"outcome":"accepted"'),
        (["--format", "combined", "--counts"], b"".join(SAMPLE), "10 events: 6 of people, 3 of programs"),
    ],
)
def test_the_command_reads_events_and_logs(monkeypatch, capfdbinary, arguments, stdin, told):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    assert cli.main(["enrich", *arguments]) == 0
    assert told in capfdbinary.readouterr().out.decode()


def test_the_counts_as_json(monkeypatch, capfdbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"".join(SAMPLE))))
    assert cli.main(["enrich", "--format", "combined", "--counts", "--json"]) == 0
    counts = msgspec.json.decode(capfdbinary.readouterr().out, type=Counts)
    assert (counts.events, counts.tables.keys()) == (10, BREAKDOWNS.keys())


def documented():
    """The tables of docs/ENRICHMENT.md, as `wua enrich --counts` has them."""
    text = (ROOT / "docs" / "ENRICHMENT.md").read_text("utf-8")
    for name, breakdown in BREAKDOWNS.items():
        part = text.partition(f"### {name[0].upper()}{name[1:]}\n")[2].partition("\n### ")[0]
        lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in part.splitlines() if line.startswith("|")]
        cells = [[cell.strip().strip("`") for cell in line] for line in lines[2:]]
        places = len(breakdown.columns)
        yield (
            name,
            [
                {**dict(zip(breakdown.columns, row[:places], strict=True)), "events": int(row[places])}
                for row in cells
            ],
        )


def test_every_table_is_documented_and_adds_up():
    tables = dict(documented())
    assert all(tables.values())
    sums = {name: sum(row["events"] for row in rows) for name, rows in tables.items()}
    people, programs = sums["device classes of people"], sums["programs"]
    assert people + programs == 10_000
    assert (sums["browsers of people"], sums["operating systems of people"]) == (people, people)
    assert (sums["channels of people"], sums["reasons for a program"]) == (people, programs)


@pytest.mark.skipif(not LOG.is_file(), reason="needs the access log that is not part of the repository")
def test_the_reviewed_tables_are_what_the_real_log_comes_to(enrich):
    with LOG.open("rb") as lines:
        counts = counted(lines, enrich, site="semicomplete.com")
    assert (counts.events, counts.refused) == (10_000, 0)
    for name, rows in documented():
        assert rows == counts.tables[name], name
