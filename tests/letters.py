"""Dead letters for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from app.events.dead_letter import KeptLetter
from tests.factories import HOUR, T0, wire

#: Fields of a letter that are none of its event.
OWN = ("id", "refused_at", "reason", "step", "field", "detail", "replays", "history", "is_superseded")


def letter(payload: str | None = None, **fields: Any) -> KeptLetter:
    """A letter that holds that payload, or an event of those fields that are none of the letter's own."""
    own = {name: fields.pop(name) for name in OWN if name in fields}
    text = msgspec.json.encode(wire(**fields)).decode() if payload is None else payload
    given = {"id": "0-3-17", "refused_at": T0 + 5, "received_at": T0, "reason": "late", "step": "time"}
    return KeptLetter(**{**given, "payload": text, **own})


def late(**fields: Any) -> KeptLetter:
    """A letter whose event is 30 hours late."""
    return letter(occurred_at=T0 - 30 * HOUR, **fields)
