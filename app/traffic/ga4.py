"""Lines of GA4's BigQuery export, one JSON object for each event -> events.

Numbers may be texts: BigQuery writes its 64-bit integers so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from app.core.decode import explain
from app.core.ids import derived_uuid
from app.events.vocabulary import EventType, Origin, RejectReason, ReservedName, Step
from app.events.wire import MAX_TIME_MS, WebEvent
from app.traffic.exports import Asked, exported
from app.traffic.lines import BadLine, LineFault, Skipped, SkipReason, Told, numbered

#: What GA4 counts by itself, of which an event of the same moment tells already.
AUTOMATIC = frozenset({"first_visit", "session_start"})

_TYPES = {
    "page_view": EventType.PAGE_VIEW,
    "click": EventType.CLICK,
    "scroll": EventType.SCROLL,
    "form_submit": EventType.FORM_SUBMIT,
    "video_start": EventType.VIDEO_PLAY,
}
_NAMES = {"purchase": ReservedName.PURCHASE, "user_engagement": ReservedName.PAGE_LEAVE}
#: Parameters that have a field of their own, or tell of GA4's own counting.
_OWN = frozenset(
    {"page_location", "page_referrer", "page_title", "engagement_time_msec", "ga_session_id"}
    | {"ga_session_number", "session_engaged", "engaged_session_event", "entrances"}
    | {"batch_ordering_id", "batch_page_id"}
)
_CURRENCY = re.compile(r"[A-Z]{3}")


class _Value(msgspec.Struct, frozen=True):
    string_value: str | None = None
    int_value: int | None = None
    float_value: float | None = None
    double_value: float | None = None

    @property
    def known(self) -> str | int | float | None:
        values = (self.string_value, self.int_value, self.double_value, self.float_value)
        return next((value for value in values if value is not None), None)


class _Parameter(msgspec.Struct, frozen=True):
    key: str
    value: _Value = _Value()


class _WebInfo(msgspec.Struct, frozen=True):
    browser: str | None = None
    browser_version: str | None = None
    hostname: str | None = None


class _Device(msgspec.Struct, frozen=True):
    category: str | None = None
    operating_system: str | None = None
    operating_system_version: str | None = None
    browser: str | None = None
    browser_version: str | None = None
    language: str | None = None
    web_info: _WebInfo | None = None


class _Geo(msgspec.Struct, frozen=True):
    country: str | None = None
    region: str | None = None
    city: str | None = None


class _Ecommerce(msgspec.Struct, frozen=True):
    purchase_revenue: float | None = None
    transaction_id: str | None = None


class _Line(msgspec.Struct, frozen=True):
    event_name: str
    event_timestamp: int
    user_pseudo_id: str | None = None
    user_id: str | None = None
    event_params: list[_Parameter] | None = None
    device: _Device | None = None
    geo: _Geo | None = None
    ecommerce: _Ecommerce | None = None
    event_bundle_sequence_id: int | None = None
    batch_page_id: int | None = None
    batch_ordering_id: int | None = None
    batch_event_index: int | None = None


def read_ga4(file: Iterable[bytes], *, asked: Asked) -> Iterator[Told | BadLine | Skipped]:
    """An answer for each line."""
    for number, line in numbered(file):
        if line.strip():
            yield _read(line, number=number, asked=asked)


def _read(raw: bytes, *, number: int, asked: Asked) -> Told | BadLine | Skipped:
    try:
        line = msgspec.convert(msgspec.json.decode(raw), _Line, strict=False)
    except msgspec.ValidationError as error:
        reject = explain(error, step=Step.DECODE)
        return BadLine(number, reject.reason, reject.detail)
    except UnicodeDecodeError as error:
        return BadLine(number, RejectReason.INVALID_UTF8, str(error))
    except (msgspec.DecodeError, RecursionError) as error:
        return BadLine(number, RejectReason.MALFORMED_JSON, str(error))
    if line.event_name in AUTOMATIC:
        return Skipped(number, SkipReason.AUTOMATIC)
    if not line.user_pseudo_id:
        detail = "user_pseudo_id is empty: the visitor had not consented, and nobody can tell who it was"
        return BadLine(number, RejectReason.MISSING_FIELD, detail)
    at = line.event_timestamp // 1000
    if not 0 <= at <= MAX_TIME_MS:
        detail = f"event_timestamp = {line.event_timestamp}: expected microseconds since 1970"
        return BadLine(number, LineFault.BAD_TIME, detail)
    told = {one.key: one.value.known for one in line.event_params or ()}
    url = str(told.get("page_location") or "")
    if not url:
        return BadLine(number, RejectReason.MISSING_FIELD, "event_params has no page_location")
    return Told(number, _event(line, told, at=at, url=url, asked=asked))


def _event(line: _Line, told: dict[str, Any], *, at: int, url: str, asked: Asked) -> WebEvent:
    kind = _TYPES.get(line.event_name, EventType.CUSTOM_EVENT)
    custom = kind is EventType.CUSTOM_EVENT
    device, geo = line.device or _Device(), line.geo or _Geo()
    web = device.web_info or _WebInfo()
    return WebEvent(
        event_id=_event_id(line, told),
        event_type=kind,
        name=str(_NAMES.get(line.event_name, line.event_name)) if custom else "",
        site_id=asked.site_id,
        visitor_id=line.user_pseudo_id or "",
        user_id=line.user_id or "",
        occurred_at=at,
        sent_at=at,
        received_at=asked.now_ms,
        url=url,
        referrer=str(told.get("page_referrer") or ""),
        title=str(told.get("page_title") or ""),
        language=device.language or "",
        origin=Origin.REPLAY,
        exported=exported(
            device=device.category or "",
            browser=web.browser or device.browser or "",
            version=web.browser_version or device.browser_version or "",
            os=_system(device),
            country=geo.country or "",
            region=geo.region or "",
            city=geo.city or "",
        ),
        properties=msgspec.Raw(msgspec.json.encode(_properties(line, told, kind))),
    )


def _event_id(line: _Line, told: dict[str, Any]) -> str:
    """Of what GA4 never changes of an event: who, when, what, and its place in the request that brought it.

    An export of the same day that was made later holds the event again, in another line.
    """
    seed = (
        line.user_pseudo_id,
        line.event_timestamp,
        line.event_name,
        line.event_bundle_sequence_id,
        line.batch_page_id,
        line.batch_ordering_id,
        line.batch_event_index,
        sorted(told.items()),
    )
    return derived_uuid(b"ga4\n" + msgspec.json.encode(seed))


def _system(device: _Device) -> str:
    """Name and version as one text; versions of computers' systems (``Windows 10``) hold the name already."""
    name, version = device.operating_system or "", device.operating_system_version or ""
    if not version or version.startswith("(") or version.lower() == "web":
        return name
    return f"{name} {version.rpartition(' ')[2]}"


def _properties(line: _Line, told: dict[str, Any], kind: EventType) -> dict[str, Any]:
    """What of the parameters is kept, under the names that we give a meaning to."""
    if kind is EventType.PAGE_VIEW:
        return {}
    if line.event_name == "user_engagement":
        return {"engaged_ms": told.get("engagement_time_msec") or 0}
    kept = {name: value for name, value in told.items() if name not in _OWN and value is not None}
    if kind is EventType.SCROLL:
        return {"scroll_depth": kept.get("percent_scrolled", 90)}
    if kind is EventType.CLICK:
        return {**kept, "element": str(kept.get("link_id", "")), "text": str(kept.get("link_text", ""))[:512]}
    if line.event_name == "purchase":
        return {**kept, **_order(line.ecommerce or _Ecommerce(), kept)}
    return kept


def _order(ecommerce: _Ecommerce, told: dict[str, Any]) -> dict[str, Any]:
    currency = str(told.get("currency", ""))
    revenue = ecommerce.purchase_revenue
    return {
        "revenue": (told.get("value") or 0) if revenue is None else revenue,
        "currency": currency if _CURRENCY.fullmatch(currency) else "",
        "order_id": str(ecommerce.transaction_id or told.get("transaction_id") or ""),
    }
