"""(windows before, windows after) -> what must be said about sessions, as signed statements. Pure.

What was published is never edited: a change is a retraction of the published version and a new version.
Events are written under the id of their window; where that is not the session's, the merges lead to it.
"""

from __future__ import annotations

from datetime import tzinfo

import msgspec

from app.core.rules import SessionRules
from app.core.sessions import is_too_fast, sessions_of, whole
from app.events.state import Merged, Window


class Statement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row to be written about a session: +1 states ``window``, -1 takes it back, 0 only names its heir."""

    sign: int
    version: int
    window: Window
    merged_into: str = ""


def statements(
    before: tuple[Window, ...], after: tuple[Window, ...], *, rules: SessionRules, zone: tzinfo
) -> tuple[list[Statement], tuple[Window, ...]]:
    """What turns the sessions published of ``before`` into those of ``after``; ``after`` with versions."""
    published = {group[0].session_id: whole(group) for group in sessions_of(before, rules=rules, zone=zone)}
    said: list[Statement] = []
    windows: list[Window] = []
    stated: list[list[Window]] = []
    for group in sessions_of(after, rules=rules, zone=zone):
        session, was = whole(group), published.get(group[0].session_id)
        if was is not None and _facts(session) == _facts(was):
            published.pop(was.session_id)
            windows += group
        else:
            stated.append(group)
    retracted = {session_id: window.version for session_id, window in published.items()}
    heirs = {
        known: group[0].session_id
        for group in stated
        for window in group
        for known in (window.session_id, *(dead.session_id for dead in window.merged))
    }
    for session_id, window in published.items():
        heir = heirs.get(session_id, "")
        said.append(
            Statement(
                sign=-1,
                version=window.version,
                window=window,
                merged_into="" if heir == session_id else heir,
            )
        )
    for group in stated:
        windows += _state(group, rules=rules, retracted=retracted, said=said)
    return said, tuple(sorted(windows, key=lambda window: (window.start_at, window.first_id)))


def _state(
    group: list[Window], *, rules: SessionRules, retracted: dict[str, int], said: list[Statement]
) -> list[Window]:
    """State a session; its windows with the versions and heirs that have now been said."""
    first, *others = group
    session = whole(group)
    is_fast = is_too_fast(session, rules=rules)
    if is_fast != session.is_fast:
        session = msgspec.structs.replace(session, is_fast=is_fast)
    heir = session.session_id
    version = max(first.version, retracted.get(heir, 0)) + 1
    # An id that had been given to another session is its own again: the merges must say so, too.
    returns = heir if first.heir not in {"", heir} else ""
    said.append(Statement(sign=1, version=version, window=session, merged_into=returns))
    current = [msgspec.structs.replace(first, version=version, heir=heir, is_fast=is_fast)]
    for window in others:
        at = _hand_over(window.session_id, window.version, window.heir, session, retracted, said)
        current.append(msgspec.structs.replace(window, version=at, heir=heir))
    return [
        msgspec.structs.replace(
            window,
            merged=tuple(
                Merged(
                    dead.session_id,
                    _hand_over(dead.session_id, dead.version, dead.heir, session, retracted, said),
                    heir,
                )
                for dead in window.merged
            ),
        )
        if window.merged
        else window
        for window in current
    ]


def _hand_over(
    session_id: str,
    version: int,
    named: str,
    heir: Window,
    retracted: dict[str, int],
    said: list[Statement],
) -> int:
    """Say that ``session_id`` lives on in ``heir``, unless that was said; version of the last statement."""
    if session_id in retracted:
        return retracted[session_id]
    if named == heir.session_id:
        return version
    said.append(
        Statement(
            sign=0,
            version=version + 1,
            window=msgspec.structs.replace(heir, session_id=session_id),
            merged_into=heir.session_id,
        )
    )
    return version + 1


def _facts(window: Window) -> Window:
    """What a session says, without the bookkeeping of what was said about it."""
    return msgspec.structs.replace(window, version=0, merged=(), heir="", received_at=0, goes_on=None)
