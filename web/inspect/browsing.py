"""A partition of a state table -> its keys, a page at a time in order of key."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from web.inspect.refusals import RefusalError
from web.inspect.tables_shown import InspectedStore
from web.inspect.windows_shown import KeyRow, key_row, text_of

PAGE_KEYS = 50
MAX_PAGE_KEYS = 500


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page lies: begins at ``start`` or behind ``after``, or ends ahead of ``before``."""

    start: str = ""
    after: str = ""
    before: str = ""
    limit: int = PAGE_KEYS


class KeysView(msgspec.Struct, frozen=True, kw_only=True):
    """A page of keys. ``before`` and ``after`` are those of the pages beside it; None: there is none."""

    table: str
    partition: int
    worker: str
    keys: list[KeyRow]
    limit: int
    before: str | None
    after: str | None


def place_of(query: Mapping[str, str]) -> Place:
    """The place that a query string asks for; RefusalError where it asks for none that there can be."""
    given = query.get("limit") or str(PAGE_KEYS)
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= MAX_PAGE_KEYS:
        raise RefusalError(
            HTTPStatus.BAD_REQUEST, f"`limit` is {given!r}: expected a whole number from 1 to {MAX_PAGE_KEYS}"
        )
    return Place(
        start=query.get("from", ""),
        after=query.get("after", ""),
        before=query.get("before", ""),
        limit=int(given),
    )


def keys_at(store: InspectedStore, partition: int, place: Place, *, worker: str) -> KeysView:
    """The page of a partition that is open here."""
    backwards = bool(place.before)
    beside = (place.before or place.after).encode()
    start = beside or place.start.encode()
    # One more, for the key that the page lies beside is no part of it.
    found = store.page(partition, start=start or None, backwards=backwards, limit=place.limit + 1)
    page = [(key, state) for key, state in found if key != beside][: place.limit]
    if backwards:
        page.reverse()

    def goes_on(key: bytes, *, backwards: bool) -> bool:
        return len(store.page(partition, start=key, backwards=backwards, limit=2)) > 1

    first, last = (page[0][0], page[-1][0]) if page else (b"", b"")
    return KeysView(
        table=store.table.name,
        partition=partition,
        worker=worker,
        keys=[key_row(key, state) for key, state in page],
        limit=place.limit,
        before=text_of(first) if page and goes_on(first, backwards=True) else None,
        after=text_of(last) if page and goes_on(last, backwards=False) else None,
    )
