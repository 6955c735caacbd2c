"""What stands in the dead letter topic about a refused message."""

from __future__ import annotations

import msgspec

from app.events.vocabulary import RejectReason, Step


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A refused message: where it stood, why it was refused, and its body less IP addresses."""

    topic: str
    partition: int
    offset: int
    received_at: int
    reason: RejectReason
    step: Step
    field: str = ""
    detail: str = ""
    payload: str = ""

    @property
    def key(self) -> bytes:
        """Names the refused message, so that the same letter written twice can be told."""
        return f"{self.topic}:{self.partition}:{self.offset}".encode()
