"""Enriched events -> how many are of each device, browser, channel, source, program; and what is unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from app.commands.letters_shown import print_table
from app.core.pipeline import Refused
from app.core.rows import Accepted
from app.events.vocabulary import Channel, DeviceClass


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """A table of counts: its columns, and the row that an event counts in; None: in none."""

    columns: tuple[str, ...]
    row: Callable[[Accepted], tuple[str, ...] | None]


def _of_people(row: Callable[[Accepted], tuple[str, ...] | None]) -> Callable[[Accepted], Any]:
    return lambda item: None if item.enriched.bot.is_bot else row(item)


def _of_bots(row: Callable[[Accepted], tuple[str, ...] | None]) -> Callable[[Accepted], Any]:
    return lambda item: row(item) if item.enriched.bot.is_bot else None


def _unknown_device(item: Accepted) -> tuple[str, ...] | None:
    device = item.enriched.device
    is_known = device.browser and device.os and device.device_class is not DeviceClass.UNKNOWN
    return None if is_known else (item.event.user_agent,)


def _source(item: Accepted) -> tuple[str, ...] | None:
    traffic = item.enriched.traffic
    return None if traffic.channel is Channel.DIRECT else (traffic.channel, traffic.source)


#: What is counted, in the order of printing.
BREAKDOWNS = {
    "device classes of people": Breakdown(
        columns=("device class",), row=_of_people(lambda item: (item.enriched.device.device_class,))
    ),
    "browsers of people": Breakdown(
        columns=("browser",), row=_of_people(lambda item: (item.enriched.device.browser,))
    ),
    "operating systems of people": Breakdown(
        columns=("os",), row=_of_people(lambda item: (item.enriched.device.os,))
    ),
    "channels of people": Breakdown(
        columns=("channel",), row=_of_people(lambda item: (item.enriched.traffic.channel,))
    ),
    "sources of people": Breakdown(columns=("channel", "source"), row=_of_people(_source)),
    "programs": Breakdown(
        columns=("kind", "name"),
        row=_of_bots(lambda item: (str(item.enriched.bot.kind), item.enriched.bot.name)),
    ),
    "reasons for a program": Breakdown(
        columns=("reasons",), row=_of_bots(lambda item: (", ".join(item.enriched.bot.reasons.labels),))
    ),
    "user agents of people, in part unknown": Breakdown(
        columns=("user agent",), row=_of_people(_unknown_device)
    ),
    "user agents of programs without a name": Breakdown(
        columns=("user agent",),
        row=_of_bots(lambda item: None if item.enriched.bot.name else (item.event.user_agent,)),
    ),
}


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What ``--counts`` prints: ``events = people + programs + refused``, and a table for each breakdown."""

    events: int
    people: int
    programs: int
    refused: int
    tables: dict[str, list[dict[str, str | int]]]


def count(items: Iterable[Accepted | Refused], *, top: int = 0) -> Counts:
    """The counts; of each table the ``top`` largest rows, 0: all."""
    of_all: Counter[str] = Counter()
    rows: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in BREAKDOWNS}
    for item in items:
        if isinstance(item, Refused):
            of_all["refused"] += 1
            continue
        of_all["programs" if item.enriched.bot.is_bot else "people"] += 1
        for name, breakdown in BREAKDOWNS.items():
            if (row := breakdown.row(item)) is not None:
                rows[name][row] += 1
    return Counts(
        events=of_all.total(),
        people=of_all["people"],
        programs=of_all["programs"],
        refused=of_all["refused"],
        tables={name: _largest(found, BREAKDOWNS[name].columns, top) for name, found in rows.items()},
    )


def show(counts: Counts) -> None:
    """The counts for people."""
    print(
        f"{counts.events:,} events: {counts.people:,} of people, {counts.programs:,} of programs, "
        f"{counts.refused:,} refused"
    )
    for name, rows in counts.tables.items():
        if rows:
            print_table(rows[0], ([str(cell) for cell in row.values()] for row in rows), title=name)


def _largest(
    found: Counter[tuple[str, ...]], columns: tuple[str, ...], top: int
) -> list[dict[str, str | int]]:
    """Rows as they are printed: the largest first, those of one size by their names."""
    ordered = sorted(found.items(), key=lambda row: (-row[1], row[0]))[: top or None]
    return [{**dict(zip(columns, row, strict=True)), "events": number} for row, number in ordered]
