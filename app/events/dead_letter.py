"""What is known about a refused message: as it stands in the dead letter topic, and as it is sent back."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.events.vocabulary import RejectReason, Step

#: Site, visitor and event id (in lower case): what makes two messages the same event.
EventName = tuple[str, str, str]


class Refusal(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One refusal of an event: where the message stood, when (ms) it was refused, and why.

    ``id`` is ``epoch-partition-offset`` of the message in the events topic. The words are text: an earlier
    version may have had others.
    """

    id: str
    refused_at: int
    reason: str
    step: str
    field: str = ""
    detail: str = ""


class Returned(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a message says of itself that was sent back after a refusal: how often, and what had been said.

    ``refusals`` are in order of time; of many, the first and the latest.
    """

    replays: int
    refusals: tuple[Refusal, ...] = ()


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A refused message: where it stood, why it was refused, and its body less IP addresses.

    ``replays`` counts how often it had been sent back before, ``history`` is what had been said of it then.
    """

    topic: str
    partition: int
    offset: int
    received_at: int
    reason: RejectReason
    step: Step
    field: str = ""
    detail: str = ""
    payload: str = ""
    replays: int = 0
    history: tuple[Refusal, ...] = ()

    @property
    def key(self) -> bytes:
        """Names the refused message, so that the same letter written twice can be told."""
        return f"{self.topic}:{self.partition}:{self.offset}".encode()


class KeptLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as ClickHouse keeps it; ids are empty where the payload could not be read."""

    id: str
    refused_at: int
    received_at: int
    reason: str
    step: str
    field: str = ""
    detail: str = ""
    event_id: str = ""
    event_type: str = ""
    name: str = ""
    site_id: str = ""
    visitor_id: str = ""
    payload: str = ""
    replays: int = 0
    history: tuple[Refusal, ...] = ()
    is_superseded: bool = False


class Fate(StrEnum):
    """What became of a dead letter that was to be sent back."""

    SENT = "sent"
    ALREADY_ACCEPTED = "already_accepted"
    SUPERSEDED = "superseded"
    REPEATED = "repeated"
    REFUSED_AGAIN = "refused_again"
    UNREADABLE = "unreadable"

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self in {Fate.REFUSED_AGAIN, Fate.UNREADABLE}


class Unsent(msgspec.Struct, frozen=True, kw_only=True):
    """Why a dead letter was not sent back, and what to do now (empty: nothing)."""

    id: str
    fate: Fate
    reason: str
    detail: str
    to_do: str = ""
