"""Dead letters -> web_events again: each event once, with its refusals so far, or why it is not sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from app.adapters.producer import Headers, Message
from app.core.dead_letters import Sending, sending
from app.core.rules import Rules
from app.events.dead_letter import EventName, Fate, KeptLetter, Unsent
from app.events.wire import WebEvent

#: Letters that were not sent and are told of one by one; all are counted.
TOLD = 100

#: Says which of some events were accepted meanwhile.
Accepted = Callable[[Sequence[WebEvent]], Awaitable[set[EventName]]]


class Send(Protocol):
    """Sends messages to the events topic, each with the headers that stand at its place."""

    async def __call__(self, batch: Sequence[Message], *, headers: Sequence[Headers] = ()) -> Any:
        """Return once all are acknowledged, or raise BrokerUnavailableError."""


class Returns:
    """One run of sending letters back; ``fates`` counts what became of them, ``unsent`` tells of the first.

    What was accepted meanwhile is not sent: the workers' memory for duplicates is shorter than ClickHouse's.
    What was not, but is on its way, they know by its id.
    """

    def __init__(self, *, rules: Rules, accepted: Accepted, send: Send | None, force: bool) -> None:
        self._rules = rules
        self._accepted = accepted
        self._send = send
        self._force = force
        self._names: set[EventName] = set()
        self.fates: Counter[Fate] = Counter()
        self.unsent: list[Unsent] = []

    async def take(self, letters: Sequence[KeptLetter]) -> None:
        """Send those back that can be, the earliest first; without ``send``, only say what would be.

        Raises BrokerUnavailableError when not all are acknowledged. They are not counted then; to run again
        is safe.
        """
        # Letters come latest first.
        found = [sending(letter, rules=self._rules) for letter in reversed(letters)]
        readable = [one for one in found if isinstance(one, Sending)]
        accepted = await self._accepted([one.event for one in readable])
        judged = [self._judge(one, accepted) if isinstance(one, Sending) else one for one in found]
        sent = [one for one in judged if isinstance(one, Sending)]
        if self._send is not None and sent:
            await self._send(
                [(one.event.key, one.value) for one in sent], headers=[one.headers for one in sent]
            )
        self.fates[Fate.SENT] += len(sent)
        for one in judged:
            if isinstance(one, Unsent):
                self._tell(one)

    def _judge(self, one: Sending, accepted: set[EventName]) -> Sending | Unsent:
        name = (one.event.site_id, one.event.visitor_id, one.event.event_id.lower())
        if name in accepted:
            return one.unsent(Fate.ALREADY_ACCEPTED, "the same event was accepted meanwhile")
        if name in self._names:
            return one.unsent(Fate.REPEATED, "the same event was sent back from another letter of this run")
        if one.refused_again is not None and not self._force:
            return one.refused_again
        self._names.add(name)
        return one

    def _tell(self, unsent: Unsent) -> None:
        self.fates[unsent.fate] += 1
        if unsent.fate.is_open and len(self.unsent) < TOLD:
            self.unsent.append(unsent)
