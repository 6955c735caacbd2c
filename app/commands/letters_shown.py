"""Dead letters for people. Whatever came from a browser is written so that a terminal does not act on it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.events.dead_letter import Fate
from views.answers import DeadLetterDetail, DeadLetterList
from web.api.dead_letters import ReplayAnswer

#: Where the output is no terminal.
WIDTH = 200
MEANINGS = {
    Fate.SENT: "sent back",
    Fate.ALREADY_ACCEPTED: "not sent: the same event was accepted meanwhile",
    Fate.SUPERSEDED: "not sent: was sent before and refused again; the later letter stands for it",
    Fate.REPEATED: "not sent: the same event as another of this run",
    Fate.REFUSED_AGAIN: "not sent: would be refused again as things are",
    Fate.UNREADABLE: "not sent: no event can be read from it",
}


def plain(text: str) -> Text:
    """The text with every character that a terminal would act upon written as an escape; no markup."""
    return Text("".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text))


def print_list(found: DeadLetterList) -> None:
    """The latest letters, then how many there are by reason."""
    rows = (
        (
            one.id,
            _time(one.refused_at),
            one.reason,
            one.step,
            one.field,
            one.site_id or "?",
            one.name or one.event_type or "?",
            f"{one.replays}{' (superseded)' if one.is_superseded else ''}",
        )
        for one in found.letters
    )
    names = ("id", "refused at, UTC", "reason", "step", "field", "site", "event", "sent back")
    print_table(names, rows, title="Latest first; `wua dead-letters show ID` prints one whole")
    reasons = ((one.reason, str(one.letters), _time(one.last_at)) for one in found.by_reason)
    print_table(("reason", "letters", "last at, UTC"), reasons, title="By reason")


def print_letter(found: DeadLetterDetail) -> None:
    """One letter: facts, the refusals before, the payload."""
    facts = {
        "id": f"{found.id} (epoch-partition-offset in the events topic)",
        "refused at": f"{_time(found.refused_at)} UTC",
        "received at": f"{_time(found.received_at)} UTC",
        "reason": found.reason,
        "step, field": f"{found.step}, {found.field or '-'}",
        "detail": found.detail,
        "site, visitor": f"{found.site_id or '?'}, {found.visitor_id or '?'}",
        "event": f"{found.event_id or '?'} {found.event_type} {found.name}".rstrip(),
        "sent back before": f"{found.replays} times",
        "now": _now(found),
    }
    print_table(("", "dead letter"), facts.items())
    if found.history:
        told = ((_time(one.refused_at), one.id, one.reason, one.step, one.detail) for one in found.history)
        print_table(("refused at, UTC", "id", "reason", "step", "detail"), told, title="Refusals before")
    _console().print(plain(found.payload), soft_wrap=True)


def print_fates(done: ReplayAnswer) -> None:
    """What became of the letters, and what to do about those that did not go."""
    title = "What would become of them" if done.is_dry_run else "What became of them"
    counts = ((fate, str(getattr(done, fate)), MEANINGS[fate]) for fate in Fate)
    print_table(("fate", "letters", "meaning"), counts, title=title)
    if done.unsent:
        told = ((one.id, one.fate, one.reason, one.detail, one.to_do) for one in done.unsent)
        print_table(("id", "fate", "reason", "detail", "to do"), told, title="To be done")


def print_table(names: Iterable[str], rows: Iterable[Iterable[str]], *, title: str = "") -> None:
    """A table of texts."""
    table = Table(*names, title=title or None, title_justify="left")
    for row in rows:
        table.add_row(*map(plain, row))
    _console().print(table)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH)


def _now(found: DeadLetterDetail) -> str:
    if found.is_accepted:
        return "the event is accepted"
    return "sent back and refused again: see the later letter" if found.is_superseded else "still refused"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
