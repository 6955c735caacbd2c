"""A refused event as a value."""

from __future__ import annotations

import msgspec

from app.events.vocabulary import RejectReason, Step


class Reject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why an event was refused, by which step, and which field was at fault (empty: the whole event)."""

    reason: RejectReason
    step: Step
    field: str = ""
    detail: str = ""
