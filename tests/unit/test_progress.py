"""How far a command has come: for a terminal, for a file, for a program."""

from __future__ import annotations

import io
import json
import time

import pytest

from app.commands.progress import BYTES, shown


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


def told(clock, work, *, as_json=False, stream=None):
    """The lines of some work."""
    stream = stream or io.StringIO()
    with shown(as_json=as_json, stream=stream, clock=clock) as progress:
        work(progress)
    return stream.getvalue().splitlines()


def days(clock):
    """Work of two days and 1,500 rows, at 100 rows a second, then of one partition."""

    def work(progress):
        progress.begin("compare", parts=2, rows=1_500)
        for count in (500, 500):
            clock.now_s += 5
            progress.advance(count)
        progress.part("shop 2026-03-01")
        clock.now_s += 5
        progress.advance(500)
        progress.part("shop 2026-03-02")
        progress.begin("write silver", parts=1)
        progress.part("202603")

    return work


def test_elsewhere_a_line_comes_every_few_seconds_and_one_at_the_end_of_a_phase(clock):
    assert told(clock, days(clock)) == [
        "compare: 500 of 1,500 rows, 100/s; 10 s left",
        "compare: 1,000 of 1,500 rows, 100/s; 5 s left",
        "compare: shop 2026-03-01, 1 of 2; 1,500 rows, 100/s",
        "compare: shop 2026-03-02, 2 of 2; 1,500 rows, 100/s",
        "write silver: 202603, 1 of 1",
    ]


def test_what_comes_between_is_not_told(clock):
    def work(progress):
        progress.begin("events", rows=1_000, unit="events")
        for _ in range(1_000):
            clock.now_s += 0.01
            progress.advance(1)

    assert [line.partition(";")[0] for line in told(clock, work)] == [
        "events: 500 of 1,000 events, 100/s",
        "events: 1,000 events, 100/s",
    ]


def test_for_a_program_each_line_is_json(clock):
    lines = [json.loads(line) for line in told(clock, days(clock), as_json=True)]
    assert lines[1]["phase"] == "compare"
    keys = ("done", "total", "unit", "rate", "remaining_s")
    assert [[line[key] for key in keys] for line in lines] == [
        [500, 1_500, "rows", 100.0, 10.0],
        [1_000, 1_500, "rows", 100.0, 5.0],
        [1_500, 1_500, "rows", 100.0, 0.0],
        [1_500, 1_500, "rows", 100.0, 0.0],
        [1, 1, "parts", 0.0, 0.0],
    ]


def test_of_an_unknown_total_nobody_says_what_is_left(clock):
    def work(progress):
        progress.begin("dead letters", unit="letters")
        clock.now_s += 10
        progress.advance(50)

    assert told(clock, work) == ["dead letters: 50 letters, 5/s"]
    assert json.loads(told(clock, work, as_json=True)[-1])["remaining_s"] is None


def test_of_a_file_the_bytes_are_counted_and_the_lines_told(clock):
    def work(progress):
        progress.begin("access.log", unit=BYTES, rows=4_000)
        clock.now_s += 8
        progress.reach(1_000, lines=16)
        clock.now_s += 1
        progress.reach(4_000, lines=90)

    assert told(clock, work) == [
        "access.log: 25 %, 16 lines, 2/s; 24 s left",
        "access.log: 100 %, 90 lines, 10/s",
    ]
    assert json.loads(told(clock, work, as_json=True)[0])["rate"] == 125.0


def test_an_error_leaves_no_last_line(clock):
    stream = io.StringIO()

    def work(progress):
        progress.begin("compare", parts=2)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        told(clock, work, stream=stream)
    assert stream.getvalue() == ""


def test_a_terminal_shows_a_bar_with_rate_and_what_is_left(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()

    def work(progress):
        progress.begin("compare", rows=1_500)
        clock.now_s += 10
        progress.advance(1_000)
        # Bars are drawn in a thread of their own, ten times a second.
        end = time.monotonic() + 30
        while "rows" not in screen.getvalue() and time.monotonic() < end:
            time.sleep(0.01)
        progress.advance(500)

    text = "\n".join(told(clock, work, stream=screen))
    assert "━" in text
    assert "1,000 of 1,500 rows, 100/s; 5 s left" in text
    assert "1,500 rows, 150/s" in text


def test_a_terminal_gets_json_where_json_was_asked_for(clock):
    lines = told(clock, days(clock), as_json=True, stream=Terminal())
    assert all(json.loads(line)["phase"] for line in lines)
