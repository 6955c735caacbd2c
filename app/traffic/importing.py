"""Events of another tool's export -> web_events: those that can be taken, and are not there yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import date

import msgspec

from app.adapters.producer import Message
from app.core.calendar import local_date
from app.core.dead_letters import refusal
from app.core.rules import Rules
from app.events.dead_letter import EventName
from app.events.wire import WebEvent
from app.traffic.lines import BadLine, Skipped, Told

#: Bad lines that are told of one by one; all are counted.
TOLD_BAD = 10

Line = Told | BadLine | Skipped
Accepted = Callable[[Sequence[WebEvent]], Awaitable[set[EventName]]]
Send = Callable[[list[Message]], Awaitable[None]]


class Tally(msgspec.Struct, kw_only=True):
    """What the lines read so far came to; ``first_bad`` tells of the first, each with its file.

    ``already``: events that are there since an earlier import. ``first`` and ``last``: the days of the others
    and of these, by the site's calendar.
    """

    lines: int = 0
    sent: int = 0
    already: int = 0
    bad: Counter[str] = msgspec.field(default_factory=Counter)
    skipped: Counter[str] = msgspec.field(default_factory=Counter)
    first_bad: list[str] = msgspec.field(default_factory=list)
    first: date | None = None
    last: date | None = None

    def add_bad(self, line: BadLine, *, file: str) -> None:
        """Count a bad line."""
        self.bad[line.reason] += 1
        if len(self.first_bad) < TOLD_BAD:
            self.first_bad.append(f"{file}, line {line.line}: {line.reason}: {line.detail}")

    def add_day(self, day: date) -> None:
        """Note that there is something of the day."""
        self.first = min(self.first or day, day)
        self.last = max(self.last or day, day)


class Importing:
    """One run over one file.

    Which events are there already ClickHouse says: the workers' memory for duplicates is shorter. It is asked
    of the days ``asked``, those that had events before the run. What is on its way the workers know by its
    id. An event that the pipeline would refuse is a bad line, and is not sent.
    """

    def __init__(
        self, *, rules: Rules, asked: AbstractSet[date], accepted: Accepted, send: Send, file: str
    ) -> None:
        self._rules = rules
        self._asked = asked
        self._accepted = accepted
        self._send = send
        self._file = file
        self._encoder = msgspec.json.Encoder()
        self.tally = Tally()

    async def take(self, lines: Sequence[Line]) -> None:
        """Send what is new; raises BrokerUnavailableError when not all is acknowledged."""
        events: dict[EventName, tuple[WebEvent, bytes]] = {}
        for line in lines:
            match line:
                case Told():
                    self._judge(line, events)
                case BadLine():
                    self.tally.add_bad(line, file=self._file)
                case Skipped():
                    self.tally.skipped[line.reason] += 1
        self.tally.lines += len(lines)
        doubted = [_as_of_its_day(event) for event, _ in events.values() if self._day(event) in self._asked]
        there = await self._accepted(doubted) if doubted else set()
        new: list[Message] = [
            (event.key, value) for name, (event, value) in events.items() if name not in there
        ]
        if new:
            await self._send(new)
        self.tally.sent += len(new)
        self.tally.already += len(events) - len(new)

    def _judge(self, line: Told, events: dict[EventName, tuple[WebEvent, bytes]]) -> None:
        event = line.event
        value = self._encoder.encode(event)
        if reject := refusal(event, value, rules=self._rules):
            self.tally.add_bad(BadLine(line.line, reject.reason, reject.detail), file=self._file)
            return
        self.tally.add_day(self._day(event))
        name = (event.site_id, event.visitor_id, event.event_id.lower())
        if name in events:
            self.tally.already += 1
        else:
            events[name] = (event, value)

    def _day(self, event: WebEvent) -> date:
        zone = self._rules.site(event.site_id).zone
        return date.fromisoformat(local_date(event.occurred_at, zone=zone))


def _as_of_its_day(event: WebEvent) -> WebEvent:
    """The event as if it had just been received: a replay's day is its own, however late it is read."""
    return msgspec.structs.replace(event, received_at=event.occurred_at)
