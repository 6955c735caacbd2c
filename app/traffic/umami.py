"""Rows of Umami's export (``website_event.csv``) -> events.

An Umami session is its visitor: a hash of address, browser and month that sessions of ours are then made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from app.core.csv_records import Damaged, Record, csv_records
from app.core.ids import derived_uuid
from app.errors import ImportFileError
from app.events.vocabulary import EventType, Origin, RejectReason, ReservedName
from app.events.wire import WebEvent
from app.traffic.exports import Asked, cells_of, exported, text_lines, time_ms
from app.traffic.lines import BadLine, LineFault, Skipped, SkipReason, Told

#: The member of the zip that Umami makes.
MEMBER = "website_event.csv"
NEEDED = ("event_id", "session_id", "created_at", "url_path", "event_type")

_PAGE_VIEW, _CUSTOM, _LINK, _PIXEL, _PERFORMANCE = "12345"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SCREEN = re.compile(r"(\d{1,5})x(\d{1,5})", re.ASCII)
#: TRICKY: Umami writes ' before what a spreadsheet would take for a formula.
_GUARDED = ("'=", "'+", "'-", "'@", "'\t", "'\r")
_VITALS = {"lcp": "lcp_ms", "inp": "inp_ms", "cls": "cls", "fcp": "fcp_ms", "ttfb": "ttfb_ms"}

Row = Mapping[str, str]


def read_umami(file: Iterable[bytes], *, asked: Asked, name: str) -> Iterator[Told | BadLine | Skipped]:
    """An answer for each row; ImportFileError where the header is not that of such an export."""
    records = csv_records(text_lines(file, name=name))
    header = _header(next(records, None), name=name)
    for record in records:
        cells = cells_of(record, width=len(header))
        if isinstance(cells, BadLine):
            yield cells
        elif cells:
            row = {column: _cell(cell) for column, cell in zip(header, cells, strict=True)}
            yield _read(row, line=record.line, asked=asked)


def _header(first: Record | Damaged | None, *, name: str) -> list[str]:
    if isinstance(first, Damaged):
        raise ImportFileError(f"{name}, line 1: {first.detail}; expected a CSV file with {_listed(NEEDED)}")
    header = [cell.strip() for cell in first.cells] if first else []
    if missing := [column for column in NEEDED if column not in header]:
        raise ImportFileError(
            f"{name}, line 1: no column {_listed(missing)}; expected the header of Umami's {MEMBER}, "
            f"with {_listed(NEEDED)} at least"
        )
    return header


def _read(row: Row, *, line: int, asked: Asked) -> Told | BadLine | Skipped:
    if missing := [column for column in NEEDED if not row[column]]:
        return BadLine(line, RejectReason.MISSING_FIELD, f"{_listed(missing)} is empty")
    kind = row["event_type"]
    if kind in {_LINK, _PIXEL}:
        return Skipped(line, SkipReason.OTHER_KIND)
    if kind not in {_PAGE_VIEW, _CUSTOM, _PERFORMANCE}:
        return BadLine(line, RejectReason.UNKNOWN_EVENT_TYPE, f"event_type = {kind[:40]!r}: expected 1 to 5")
    at = time_ms(row["created_at"], zone=asked.zone)
    if at is None:
        return BadLine(line, LineFault.BAD_TIME, f"created_at = {row['created_at'][:40]!r}: no time")
    return Told(line, _event(row, kind, at=at, asked=asked))


def _event(row: Row, kind: str, *, at: int, asked: Asked) -> WebEvent:
    width, height = _screen(row.get("screen", ""))
    return WebEvent(
        event_id=_event_id(row["event_id"]),
        event_type=EventType.PAGE_VIEW if kind == _PAGE_VIEW else EventType.CUSTOM_EVENT,
        name={_CUSTOM: row.get("event_name", ""), _PERFORMANCE: str(ReservedName.WEB_VITALS)}.get(kind, ""),
        site_id=asked.site_id,
        visitor_id=row["session_id"],
        user_id=row.get("distinct_id", ""),
        occurred_at=at,
        sent_at=at,
        received_at=asked.now_ms,
        url=_url(row.get("hostname") or asked.host, row["url_path"], row.get("url_query", "")),
        referrer=_referrer(row),
        title=row.get("page_title", ""),
        language=row.get("language", ""),
        screen_width=width,
        screen_height=height,
        origin=Origin.REPLAY,
        exported=exported(
            device=row.get("device", ""),
            browser=row.get("browser", ""),
            os=row.get("os", ""),
            country=row.get("country", ""),
            region=row.get("region") or row.get("subdivision1", ""),
            city=row.get("city", ""),
        ),
        properties=_vitals(row) if kind == _PERFORMANCE else _tag(row),
    )


def _event_id(text: str) -> str:
    """Umami's own id, for an export of another month may hold the event again."""
    return text if _UUID.fullmatch(text) else derived_uuid(b"umami\n" + text.encode())


def _url(host: str, path: str, query: str) -> str:
    target = path if path.startswith("/") else f"/{path}"
    return f"https://{host}{target}?{query.removeprefix('?')}" if query else f"https://{host}{target}"


def _referrer(row: Row) -> str:
    host = row.get("referrer_domain", "")
    return _url(host, row.get("referrer_path", ""), row.get("referrer_query", "")) if host else ""


def _screen(text: str) -> tuple[int, int]:
    found = _SCREEN.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _vitals(row: Row) -> msgspec.Raw:
    told = {ours: row.get(theirs, "") for theirs, ours in _VITALS.items()}
    return msgspec.Raw(msgspec.json.encode({name: _number(text) for name, text in told.items() if text}))


def _number(text: str) -> float | str:
    """The number, or the text itself, which the pipeline then refuses by its name."""
    try:
        return float(text)
    except ValueError:
        return text


def _tag(row: Row) -> msgspec.Raw:
    tag = row.get("tag", "")
    return msgspec.Raw(msgspec.json.encode({"tag": tag}) if tag else b"{}")


def _cell(text: str) -> str:
    bare = text[1:] if text.startswith(_GUARDED) else text
    return "" if bare == r"\N" else bare


def _listed(columns: list[str] | tuple[str, ...]) -> str:
    return ", ".join(columns)
