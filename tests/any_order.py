"""Made-up sites for the any-order tests: events, rules, arrival, cuts into blocks, crashes; and how they run.

A case is one site and one partition of its own, so that many can go through one engine side by side.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from hypothesis import strategies as st

from app.codecs import StructCodec
from app.core.pipeline import Folded, examine, fold
from app.core.rows import BlockId
from app.core.rules import SiteRules
from app.events.enriched import BotVerdict, Device, Enrichment, Geo, Page, Traffic
from app.events.rows import EventRow, SessionRow
from app.events.state import VisitorState
from app.events.vocabulary import BotReason
from app.events.wire import WebEvent
from tests import oracle
from tests.factories import DAY, HOUR, MINUTE, event_id, record, rules

#: Blocks of a case at most.
BLOCKS = 4
#: A Monday in New York, which crosses midnight there and elsewhere; the night its clock changes.
BEGINS = {"monday": "2026-03-02T10:00Z", "clock change": "2026-03-08T02:00Z"}

TRAFFIC = {
    "direct": oracle.Traffic("Direct"),
    "search": oracle.Traffic("Organic Search", "google", "", "", "google.test"),
    "spring": oracle.Traffic("Email", "news", "email", "spring"),
    "assistant": oracle.Traffic("AI Assistants", "chatgpt", "", "", "chatgpt.test"),
    "summer": oracle.Traffic("Paid Search", "google", "cpc", "summer"),
}
BOTS = {
    "crawler": BotVerdict(reasons=BotReason.AI_CRAWLER | BotReason.USER_AGENT, name="CCBot"),
    "fetcher": BotVerdict(reasons=BotReason.AI_FETCHER, name="Claude-User"),
    "spider": BotVerdict(reasons=BotReason.SPIDER),
}
DEVICES = {
    "desktop": oracle.Device("desktop", "Firefox", "Linux", "DE"),
    "mobile": oracle.Device("mobile", "Safari", "iOS", "FR"),
}
#: What an event of a kind reports of itself.
PROPERTIES: dict[str, dict[str, object]] = {
    "page_view": {"load_ms": 320, "ttfb_ms": 40},
    "$page_leave": {"engaged_ms": 6_000, "scroll_depth": 60},
    "$web_vitals": {"lcp_ms": 900, "cls": 0.01, "connection": "4g"},
    "$purchase": {"revenue": 0.1, "currency": "EUR"},
    "$alias": {"previous_id": "w"},
}
#: What a browser tells of itself beside that, or not.
COMPLETE = {"language": "de", "timezone": "Europe/Berlin", "screen_width": 1920}
#: What the oracle makes of them.
SAYS: dict[str, dict[str, object]] = {
    "page_view": {"timings": {"load_ms": 320, "ttfb_ms": 40}},
    "$page_leave": {"engaged_ms": 6_000, "scroll_depth": 60},
    "$web_vitals": {"timings": {"lcp_ms": 900, "cls_10000": 100}, "connection": "4g"},
    "$purchase": {"revenue": 1_000},
    "$alias": {"previous": "w"},
}
PASSIVE_OR_NAMED = ("$page_leave", "$web_vitals", "$purchase", "$identify", "$alias", "signup")
#: How long after it happened an event is received, by the grace period.
LATENESS: dict[str, Callable[[int], int]] = {
    "at once": lambda grace_ms: 0,
    "quarter": lambda grace_ms: grace_ms // 4,
    "half": lambda grace_ms: grace_ms // 2,
    "just in time": lambda grace_ms: grace_ms,
    "too late": lambda grace_ms: grace_ms + 1,
    "ahead": lambda grace_ms: -MINUTE,
    "too far ahead": lambda grace_ms: -MINUTE - 1,
}


class Event(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """One event of a case, at ``slot`` paces and ``ms`` after the case begins.

    ``late`` and ``turn`` place it in the order of arrival; ``again`` is when it is received a second time.
    """

    slot: int
    ms: int = 0
    late: str = "at once"
    turn: int = 0
    again: str = ""
    visitor: str = "a"
    kind: str = "page_view"
    path: str = "/"
    traffic: str = "direct"
    device: str = "desktop"
    user: str = ""
    bot: str = ""
    is_complete: bool = False
    skew_ms: int = 0


class Case(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """One site: its rules, its events, and after how many arrivals each block ends.

    ``replayed``: all is received at one time, of which the order of arrival is that of ``turn`` alone.
    ``remembers``: of so many event ids duplicates are known; few are only drawn for a case without any.
    """

    events: tuple[Event, ...]
    cuts: tuple[int, ...] = ()
    pace_min: int = 14
    begin: str = "monday"
    replayed: bool = False
    zone: str = "UTC"
    gap_ms: int = 30 * MINUTE
    grace_ms: int = DAY
    cap_ms: int = DAY
    split_at_midnight: bool = False
    split_at_campaign: bool = False
    bot_events_per_minute: int = 0
    bot_min_events: int = 1
    remembers: int = 4096

    @property
    def rules(self) -> oracle.SiteRules:
        """Its rules, as the oracle takes them."""
        names = oracle.SiteRules.__struct_fields__
        return oracle.SiteRules(**{name: getattr(self, name) for name in names})

    def arrivals(self) -> list[oracle.Seen]:
        """Every receipt, in order of arrival."""
        begin_ms = int(datetime.fromisoformat(BEGINS[self.begin]).timestamp() * 1000)
        placed = []
        for number, event in enumerate(self.events):
            at = begin_ms + event.slot * self.pace_min * MINUTE + event.ms
            for late in self._receipts(event):
                received_at = begin_ms + 9 * DAY if self.replayed else at + LATENESS[late](self.grace_ms)
                seen = _seen(event, number=number, at=at, received_at=received_at, replayed=self.replayed)
                placed.append(((received_at, event.turn), seen))
        return [seen for _, seen in sorted(placed, key=lambda one: one[0])]

    def blocks(self) -> list[range]:
        """The arrivals of each block, ``BLOCKS`` of them, some empty."""
        count = sum(len(self._receipts(event)) for event in self.events)
        inner = sorted(min(cut, count) for cut in self.cuts)
        edges = [0, *inner, *[count] * (BLOCKS - len(inner))]
        return [range(*pair) for pair in itertools.pairwise(edges)]

    def _receipts(self, event: Event) -> list[str]:
        """How late each of its receipts is."""
        return (
            [event.late, event.again] if event.again and self.remembers > len(self.events) else [event.late]
        )


class Crash(msgspec.Struct, frozen=True):
    """The worker dies in block ``at``, once ``done`` is done; the commit was ``back`` blocks behind."""

    at: int
    done: str
    back: int = 0


Write = Callable[[str, Sequence[EventRow | SessionRow], str], None]


class Run:
    """One case in the hands of workers: what is stored lives on as bytes from one to the next."""

    def __init__(self, case: Case, *, site: str, partition: int) -> None:
        self.case = case
        self.site = site
        self.partition = partition
        self.arrivals = case.arrivals()
        self._skews = {event_id(number + 1): event.skew_ms for number, event in enumerate(case.events)}
        self._codec = StructCodec(kind=VisitorState)
        self._stored: dict[bytes, bytes] = {}
        self._blocks = [self._block(offsets) for offsets in case.blocks()]
        names = oracle.SiteRules.__struct_fields__
        chosen = {name: getattr(case, name) for name in names if name != "zone"}
        self._rules = rules(zone=case.zone, dedup_ids=case.remembers, **chosen)

    def fold(self, number: int) -> Folded | None:
        """Block ``number`` as the worker folds it with the states stored by then; None for an empty one."""
        offsets, block = self.case.blocks()[number], self._blocks[number]
        if not offsets:
            return None
        records = [record(offset=offset, **self._message(self.arrivals[offset])) for offset in offsets]
        examined = [examine(one, rules=self._rules, enrich=self._enrich) for one in records]
        states = {key: self._codec.decode(raw) for key, raw in self._stored.items()}
        folded = fold(examined, block=block, states=states, rules=self._rules)
        assert folded.received == len(offsets)
        return folded

    def store(self, folded: Folded) -> None:
        """Keep the new states, and drop the visitors whom no event can reach, by the partition's time."""
        self._stored |= {key: self._codec.encode(state) for key, state in folded.states.items()}
        received = {key: self._codec.decode(raw).last_received_at for key, raw in self._stored.items()}
        for key, last_ms in received.items():
            if last_ms + self._rules.reach_ms <= max(received.values()):
                del self._stored[key]

    def _block(self, offsets: range) -> BlockId:
        return BlockId(
            topic="t",
            epoch=self.partition,
            partition=self.partition,
            start=offsets.start,
            end=offsets.stop - 1,
            batch_id=str(uuid.uuid4()),
        )

    def _message(self, seen: oracle.Seen) -> dict[str, object]:
        skew_ms = 0 if seen.is_replayed else self._skews[seen.id]
        is_custom = seen.kind not in oracle.TYPES
        return {
            "event_id": seen.id,
            "event_type": "custom_event" if is_custom else seen.kind,
            "name": seen.kind if is_custom else "",
            "site_id": self.site,
            "visitor_id": seen.visitor,
            "user_id": seen.user,
            "occurred_at": seen.at + skew_ms,
            "sent_at": seen.received_at + skew_ms,
            "received_at": seen.received_at,
            "origin": "replay" if seen.is_replayed else "server" if seen.kind == "$alias" else "browser",
            "properties": PROPERTIES.get(seen.kind, {}),
            **(COMPLETE if seen.is_complete else {}),
        }

    def _enrich(self, event: WebEvent, *, site: SiteRules) -> Enrichment:
        """What the case says of the event: enrichment is not what is tested."""
        seen = next(one for one in self.arrivals if one.id == event.event_id)
        device = seen.device
        return Enrichment(
            page=Page(host="shop.test", path=seen.path),
            device=Device(device_class=device.device_class, browser=device.browser, os=device.os),
            geo=Geo(country=device.country),
            traffic=Traffic(**msgspec.structs.asdict(seen.traffic)),
            bot=BOTS.get(seen.bot, BotVerdict()),
        )


def run_all(runs: Sequence[Run], crashes: Sequence[Crash], write: Write) -> None:
    """Take every block of the runs to its end, through the crashes.

    ``write`` gets the rows of one step of all runs, and the token of their inserts. After a crash the blocks
    from the commit on are handled again, cut at the same boundaries under the same batch ids.
    """
    due = {crash.at: crash for crash in crashes}
    number = 0
    while number < BLOCKS:
        crash = due.pop(number, None)
        _handle(runs, number, write, until=crash.done if crash else "states")
        number = max(0, number - crash.back) if crash else number + 1


def _handle(runs: Sequence[Run], number: int, write: Write, *, until: str) -> None:
    folded = [(run, outcome) for run in runs if (outcome := run.fold(number)) is not None]
    _write("events", [outcome for _, outcome in folded], write)
    if until == "events":
        return
    _write("sessions", [outcome for _, outcome in folded], write)
    if until == "sessions":
        return
    for run, outcome in folded:
        run.store(outcome)


def _write(kind: str, folded: Sequence[Folded], write: Write) -> None:
    rows = [row for outcome in folded for row in (outcome.events if kind == "events" else outcome.sessions)]
    if rows:
        tokens = " ".join(outcome.block.token(kind) for outcome in folded)
        write(kind, rows, str(uuid.uuid5(uuid.NAMESPACE_OID, tokens)))


def _seen(event: Event, *, number: int, at: int, received_at: int, replayed: bool) -> oracle.Seen:
    return oracle.Seen(
        id=event_id(number + 1),
        visitor=event.visitor,
        at=at,
        received_at=received_at,
        kind=event.kind,
        path=event.path,
        traffic=TRAFFIC[event.traffic],
        device=DEVICES[event.device],
        user=event.user,
        bot=event.bot,
        is_complete=event.is_complete,
        is_replayed=replayed,
        **SAYS.get(event.kind, {}),
    )


def _named(event: Event) -> Event:
    """An alias is one of a user."""
    is_nobodys = event.kind == "$alias" and not event.user
    return msgspec.structs.replace(event, user="u") if is_nobodys else event


# What hypothesis draws; the first of each choice is what it shrinks to

_kinds = st.sampled_from(("page_view", "page_view", "click", "scroll", *PASSIVE_OR_NAMED))
_lateness = st.sampled_from(("at once", "at once", *list(LATENESS)[1:]))
events = st.builds(
    Event,
    slot=st.integers(0, 40),
    ms=st.sampled_from((0, 0, 1)),
    late=_lateness,
    turn=st.integers(0, 7),
    again=st.sampled_from(("", "", "", *LATENESS)),
    visitor=st.sampled_from("aab"),
    kind=_kinds,
    path=st.sampled_from(("/", "/cart")),
    traffic=st.sampled_from(("direct", "direct", "direct", "search", "spring", "summer", "assistant")),
    device=st.sampled_from(tuple(DEVICES)),
    user=st.sampled_from(("", "", "u", "w", "x")),
    bot=st.sampled_from(("", "", "", "", "", "", *BOTS)),
    is_complete=st.booleans(),
    skew_ms=st.sampled_from((0, 0, -7 * HOUR)),
).map(_named)
_cuts = st.lists(st.integers(0, 24), max_size=BLOCKS - 1).map(tuple)
_mixed = st.builds(
    Case,
    events=st.lists(events, min_size=1, max_size=20).map(tuple),
    cuts=_cuts,
    pace_min=st.sampled_from((14, 7, 29, 45)),
    begin=st.sampled_from(tuple(BEGINS)),
    replayed=st.booleans(),
    zone=st.sampled_from(("UTC", "Asia/Kathmandu", "America/New_York")),
    gap_ms=st.sampled_from((30 * MINUTE, 14 * MINUTE, 2 * HOUR)),
    grace_ms=st.sampled_from((DAY, 20 * MINUTE, 2 * HOUR)),
    cap_ms=st.sampled_from((DAY, HOUR, 0)),
    split_at_midnight=st.booleans(),
    split_at_campaign=st.booleans(),
    bot_events_per_minute=st.sampled_from((0, 1, 2)),
    bot_min_events=st.sampled_from((2, 3)),
    remembers=st.sampled_from((4096, 1)),
)
#: Visits longer than the cap whose begin is out of reach, and forgotten, before they end.
_long = st.builds(
    Case,
    events=st.lists(
        st.builds(
            Event,
            slot=st.integers(0, 40),
            late=st.sampled_from(("at once", "half", "just in time")),
            traffic=st.sampled_from(("direct", "direct", "spring")),
        ),
        min_size=6,
        max_size=20,
    ).map(tuple),
    cuts=_cuts,
    pace_min=st.just(9),
    grace_ms=st.just(20 * MINUTE),
    cap_ms=st.just(HOUR),
    split_at_campaign=st.booleans(),
    remembers=st.sampled_from((4096, 1)),
)
cases = st.one_of(_mixed, _mixed, _long)
crashes = st.lists(
    st.builds(
        Crash,
        st.integers(0, BLOCKS - 1),
        st.sampled_from(("states", "sessions", "events")),
        st.integers(0, 2),
    ),
    max_size=2,
)
