"""A case that fails -> the least one that still does. Every simpler case of a round is tried in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from tests.any_order import Case, Crash, Event

#: Those of the cases that fail.
Failing = Callable[[Sequence[Case], Sequence[Crash]], Sequence[Case]]


def least(case: Case, crashes: Sequence[Crash], *, failing: Failing) -> tuple[Case, list[Crash]]:
    """The case without whatever it still fails without, and the fewest crashes."""
    fewer = [[], *([crash] for crash in crashes)]
    kept = next((some for some in fewer if failing([case], some)), list(crashes))
    while found := failing(list(simpler(case)), kept):
        case = found[0]
    return case, kept


def simpler(case: Case) -> Iterator[Case]:
    """The case without some of its events, then with one thing as it is by default; most gained first."""
    events, half = case.events, len(case.events) // 2
    parts = [events[:half], events[half:], *(events[:n] + events[n + 1 :] for n in range(len(events)))]
    yield from (with_(case, events=part) for part in parts if part and part != events)
    yield from (with_(case, cuts=case.cuts[:n] + case.cuts[n + 1 :]) for n in range(len(case.cuts)))
    for name in _changed(case):
        yield with_(case, **{name: _defaults(case)[name]})
    for number, event in enumerate(events):
        plain = Event(slot=event.slot)
        names = _changed(event)
        if len(names) > 1:
            yield _with_event(case, number, plain)
        for name in names:
            yield _with_event(case, number, with_(event, **{name: getattr(plain, name)}))


def with_(of: Case | Event, **changes: object) -> Case | Event:
    return msgspec.structs.replace(of, **changes)


def _with_event(case: Case, number: int, event: Event) -> Case:
    return with_(case, events=(*case.events[:number], event, *case.events[number + 1 :]))


def _defaults(of: Case | Event) -> dict[str, object]:
    fields = msgspec.structs.fields(of)
    return {field.name: field.default for field in fields if field.default is not msgspec.NODEFAULT}


def _changed(of: Case | Event) -> list[str]:
    """Fields that are not as by default, but for cuts."""
    return [name for name, usual in _defaults(of).items() if getattr(of, name) != usual and name != "cuts"]
