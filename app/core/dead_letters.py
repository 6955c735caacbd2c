"""A dead letter -> the message that sends it back, or why that is no use; and what such a message carries.

A message that is sent back is the refused one again: the same payload, and with it the same event id, times
and visitor. What it adds is a header that tells of the refusals before.
"""

from __future__ import annotations

import msgspec

from app.core.decode import decode_web_event
from app.core.pages import read_page
from app.core.pipeline import RETURNED_HEADER, LooseRecord, Refused, examine
from app.core.rules import Rules, SiteRules
from app.events.dead_letter import Fate, KeptLetter, Refusal, Returned, Unsent
from app.events.enriched import BotVerdict, Device, Enrichment, Geo, Traffic
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason
from app.events.wire import WebEvent

#: Refusals that a message tells of: the first and the latest ones.
MAX_REFUSALS = 10
MAX_DETAIL = 300

_ENCODER = msgspec.json.Encoder()
_MEND = (
    "mend the payload that `wua dead-letters show {id}` prints and feed it with `wua replay --format jsonl`"
)
_CHANGE = "run the version, or set the setting, that takes it, or mend its payload; force sends it as it is"
_GRACE = "raise sessions.grace_ms, of this site or of all, and restart the workers; or leave it"

Header = tuple[str, bytes]


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """A message that sends a dead letter back: under the key of its visitor, as it came.

    ``refused_again``: the rules here would refuse it once more, and why.
    """

    letter: KeptLetter
    event: WebEvent
    value: bytes
    headers: tuple[Header, ...]
    refused_again: Unsent | None

    def unsent(self, fate: Fate, detail: str) -> Unsent:
        """That it is not sent, which asks nothing of anybody."""
        return Unsent(id=self.letter.id, fate=fate, reason=self.letter.reason, detail=detail)


def sending(letter: KeptLetter, *, rules: Rules) -> Sending | Unsent:
    """The message that sends the letter back, or why there is none.

    The key is made from the event, so that one that came under a wrong key goes where it belongs.
    """
    value = letter.payload.encode()
    event = decode_web_event(value)
    if letter.reason == RejectReason.INVALID_UTF8:
        return _unreadable(letter, r"its bytes are no text and are kept as \xNN only")
    if isinstance(event, Reject):
        return _unreadable(letter, event.detail)
    if letter.is_superseded:
        detail = "it was sent back before and refused again: the later letter stands for it"
        return Unsent(id=letter.id, fate=Fate.SUPERSEDED, reason=letter.reason, detail=detail)
    reject = refusal(event, value, rules=rules)
    returned = Returned(replays=letter.replays + 1, refusals=_told(letter))
    return Sending(
        letter=letter,
        event=event,
        value=value,
        headers=((RETURNED_HEADER, _ENCODER.encode(returned)),),
        refused_again=None if reject is None else _refused_again(letter, reject),
    )


def refusal(event: WebEvent, value: bytes, *, rules: Rules) -> Reject | None:
    """Why the pipeline would refuse the event that ``value`` holds; None where it would not."""
    examined = examine(LooseRecord(value=value, key=event.key), rules=rules, enrich=_look_at_url)
    return examined.reject if isinstance(examined, Refused) else None


def _told(letter: KeptLetter) -> tuple[Refusal, ...]:
    """The refusals so far, that of the letter last."""
    last = Refusal(
        id=letter.id,
        refused_at=letter.refused_at,
        reason=letter.reason,
        step=letter.step,
        field=letter.field,
        detail=letter.detail[:MAX_DETAIL],
    )
    told = (*letter.history, last)
    return told if len(told) <= MAX_REFUSALS else (told[0], *told[1 - MAX_REFUSALS :])


def _look_at_url(event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
    """As much of the enrichment as can refuse an event."""
    page = read_page(event.url, allow=site.query_allow_list)
    if isinstance(page, Reject):
        return page
    return Enrichment(page=page, device=Device(), geo=Geo(), traffic=Traffic(), bot=BotVerdict())


def _unreadable(letter: KeptLetter, detail: str) -> Unsent:
    return Unsent(
        id=letter.id,
        fate=Fate.UNREADABLE,
        reason=letter.reason,
        detail=detail,
        to_do=_MEND.format(id=letter.id),
    )


def _refused_again(letter: KeptLetter, reject: Reject) -> Unsent:
    return Unsent(
        id=letter.id,
        fate=Fate.REFUSED_AGAIN,
        reason=reject.reason,
        detail=reject.detail,
        to_do=_GRACE if reject.reason is RejectReason.LATE else _CHANGE,
    )
