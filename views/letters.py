"""What was refused -> pages of dead letters, one whole, and whether its event was accepted since."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from app.core.calendar import moment
from app.core.decode import decode_web_event
from app.errors import NotFoundError, QueryError
from app.events.dead_letter import EventName, KeptLetter, Refusal
from app.events.vocabulary import RejectReason
from app.events.wire import MAX_AGE_MS, WebEvent
from views.answers import DeadLetterDetail, DeadLetterItem, DeadLetterList, EarlierRefusal, ReasonCount
from views.params import FIRST_DAY, LAST_DAY
from views.reading import Reader, Row

#: Letters that are read at once to be sent back.
PAGE = 500

_REFUSALS = msgspec.json.Decoder(tuple[Refusal, ...])
_ID = re.compile(r"([0-9]{1,10})-([0-9]{1,10})-([0-9]{1,18})", re.ASCII)
_CURSOR = re.compile(r"([0-9]{1,10}):([0-9]{1,10})-([0-9]{1,10})-([0-9]{1,18})", re.ASCII)
_PLACE = "(toUnixTimestamp(refused_at), epoch, partition, offset)"
_BEHIND = f"{_PLACE} < ({{at:UInt32}}, {{epoch:UInt32}}, {{partition:Int32}}, {{offset:Int64}})"
_LATEST_FIRST = "ORDER BY refused_at DESC, epoch DESC, partition DESC, offset DESC"
_WITHOUT_PAYLOAD = "* EXCEPT (payload, history)"
#: The event time of what is accepted lies at most so far before its receipt; its day may be another one.
_REACH = timedelta(milliseconds=MAX_AGE_MS) + timedelta(days=1)
_AHEAD = timedelta(days=2)


class LetterFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters: of a reason, of a site (None: of any), refused at or after ``since``."""

    reason: RejectReason | None = None
    site_id: str | None = None
    since: datetime | None = None

    @property
    def bound(self) -> dict[str, Any]:
        """Parameters of the views."""
        since = self.since or datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
        return {
            "reasons": [self.reason] if self.reason else [],
            "sites": [self.site_id] if self.site_id else [],
            "since_at": since.astimezone(UTC).replace(tzinfo=None, microsecond=0),
        }


async def letter_list(
    reader: Reader, which: LetterFilter, *, limit: int, cursor: str | None
) -> DeadLetterList:
    """A page of them, latest first, and how many there are of each reason; without payloads."""
    rows = await _page(reader, which, limit=limit + 1, cursor=cursor, columns=_WITHOUT_PAYLOAD)
    reasons = await reader.rows("dead_letter_reasons", which.bound)
    return DeadLetterList(
        letters=[DeadLetterItem(**_item(row)) for row in rows[:limit]],
        by_reason=[ReasonCount(**row) for row in reasons],
        next_cursor=_cursor(rows[limit - 1]) if len(rows) > limit else None,
    )


async def letter(reader: Reader, *, letter_id: str, site_id: str | None = None) -> DeadLetterDetail:
    """One whole; NotFoundError for one that is not there, or not of the site."""
    (row,) = await _rows_named(reader, [letter_id], site_id=site_id)
    event = decode_web_event(row["payload"].encode())
    accepted = await accepted_events(reader, [event] if isinstance(event, WebEvent) else [])
    return DeadLetterDetail(
        **_item(row),
        visitor_id=row["visitor_id"],
        payload=row["payload"],
        history=[
            EarlierRefusal(**{**msgspec.structs.asdict(one), "refused_at": moment(one.refused_at)})
            for one in _history(row)
        ],
        is_accepted=bool(accepted),
    )


async def letters_named(
    reader: Reader, ids: Sequence[str], *, site_id: str | None = None
) -> list[KeptLetter]:
    """Those of the ids, latest first; raises for one that is no id, and one not there or not of the site."""
    return [_kept(row) for row in await _rows_named(reader, ids, site_id=site_id)]


async def letter_pages(
    reader: Reader, which: LetterFilter, *, limit: int | None
) -> AsyncIterator[list[KeptLetter]]:
    """Every one of them, ``limit`` at most, latest first, a page at a time.

    What is refused meanwhile comes before the first of them, so that it is not met.
    """
    cursor, left = None, limit
    while left is None or left > 0:
        rows = await _page(reader, which, limit=PAGE if left is None else min(PAGE, left), cursor=cursor)
        if not rows:
            return
        yield [_kept(row) for row in rows]
        cursor = _cursor(rows[-1])
        left = None if left is None else left - len(rows)


async def accepted_events(reader: Reader, events: Sequence[WebEvent]) -> set[EventName]:
    """Which of the events were accepted, whenever and however they came."""
    if not events:
        return set()
    times = [at for event in events for at in (event.received_at, event.occurred_at)]
    rows = await reader.rows(
        "accepted_events",
        {
            "sites": sorted({event.site_id for event in events}),
            "visitors": sorted({event.visitor_id for event in events}),
            "events": [event.event_id for event in events],
            "since": max(FIRST_DAY, (moment(min(times)) - _REACH).date()),
            "until": min(LAST_DAY, (moment(max(times)) + _AHEAD).date()),
        },
    )
    return {(row["site_id"], row["visitor_id"], row["event"]) for row in rows}


async def _page(
    reader: Reader, which: LetterFilter, *, limit: int, cursor: str | None, columns: str = "*"
) -> list[Row]:
    bound: dict[str, Any] = {**which.bound, "at_most": limit}
    if cursor is not None:
        bound |= _parse_cursor(cursor)
    where = "" if cursor is None else f"WHERE {_BEHIND}"
    rest = f"{where} {_LATEST_FIRST} LIMIT {{at_most:UInt32}}"
    return await reader.select("dead_letters", bound, columns=columns, rest=rest)


async def _rows_named(reader: Reader, ids: Sequence[str], *, site_id: str | None) -> list[Row]:
    for letter_id in ids:
        if _ID.fullmatch(letter_id) is None:
            raise QueryError(f"id = {letter_id[:64]!r}: expected epoch-partition-offset, such as 0-3-1742")
    bound = {**LetterFilter(site_id=site_id).bound, "ids": list(ids)}
    rest = f"WHERE id IN {{ids:Array(String)}} {_LATEST_FIRST} LIMIT 1 BY id"
    rows = await reader.select("dead_letters", bound, rest=rest)
    if missing := sorted(set(ids) - {row["id"] for row in rows}):
        raise NotFoundError(
            f"no dead letter {', '.join(missing[:10])}; `wua dead-letters list` shows those that are kept"
        )
    return rows


def _cursor(row: Row) -> str:
    """Says behind which letter the next page begins."""
    return f"{int(row['refused_at'].timestamp())}:{row['id']}"


def _parse_cursor(text: str) -> dict[str, int]:
    found = _CURSOR.fullmatch(text)
    if found is None:
        raise QueryError(f"cursor = {text[:64]!r}: expected what an earlier answer gave as next_cursor")
    return dict(zip(("at", "epoch", "partition", "offset"), map(int, found.groups()), strict=True))


def _item(row: Row) -> dict[str, Any]:
    """What a list shows of a letter."""
    shown = {name: row[name] for name in DeadLetterItem.__struct_fields__ if name in row}
    return {**shown, "is_superseded": bool(row["superseded"])}


def _kept(row: Row) -> KeptLetter:
    shown = {name: row[name] for name in KeptLetter.__struct_fields__ if name in row}
    times = {name: round(row[name].timestamp() * 1000) for name in ("refused_at", "received_at")}
    return KeptLetter(
        **{**shown, **times, "history": _history(row), "is_superseded": bool(row["superseded"])}
    )


def _history(row: Row) -> tuple[Refusal, ...]:
    return _REFUSALS.decode(row["history"]) if row["history"] else ()
