"""(items of one partition, states) -> new states, windows that changed, items too late. Pure.

Items are taken in order of arrival, and stream time moves on with each: so the result is the same however
they are cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from app.core.windows import Aggregate, Reach, SessionWindow, place_in_time

V = TypeVar("V")


class Item(NamedTuple):
    """A value of ``key`` that happened at ``at`` (event time, ms).

    ``offset`` is where it stands in its partition of the source topic: with it, an item that is read again is
    not folded again. None: it is folded whenever it is given.
    """

    key: bytes
    at: int
    value: Any
    offset: int | None = None


class Aggregation(msgspec.Struct, Generic[V], frozen=True, kw_only=True):
    """Kafka Streams' three functions of a session aggregation; each returns a new aggregate.

    ``initializer()`` is the aggregate of nothing, ``aggregator(key, value, aggregate)`` adds a value, and
    ``merger(key, earlier, later)`` makes the aggregates of two windows one.
    """

    initializer: Callable[[], V]
    aggregator: Callable[[bytes, Any, V], V]
    merger: Callable[[bytes, V, V], V]

    def of_windows(self, key: bytes) -> Aggregate[Item, SessionWindow[V]]:
        """The same for the windows of a key."""

        def opened(item: Item) -> SessionWindow[V]:
            return SessionWindow(item.at, item.at, self.aggregator(key, item.value, self.initializer()))

        def extended(window: SessionWindow[V], item: Item) -> SessionWindow[V]:
            value = self.aggregator(key, item.value, window.value)
            return SessionWindow(min(window.start_at, item.at), max(window.end_at, item.at), value)

        def merged(one: SessionWindow[V], other: SessionWindow[V]) -> SessionWindow[V]:
            value = self.merger(key, one.value, other.value)
            return SessionWindow(min(one.start_at, other.start_at), max(one.end_at, other.end_at), value)

        return Aggregate(opened=opened, extended=extended, merged=merged)


class KeyWindows(msgspec.Struct, Generic[V], frozen=True, array_like=True):
    """The windows of a key that are not closed yet, and the offset of the last item folded into them.

    A partition has one such entry, too, without windows: its last offset and its stream time.
    """

    windows: tuple[SessionWindow[V], ...] = ()
    last_offset: int = -1
    stream_time: int = -1


class Happening(StrEnum):
    """What is told of windows and items."""

    RETRACT = "retract"
    UPDATE = "update"
    LATE = "late"
    CLOSE = "close"


#: A happening, and what it is told with: key and window, or the item that was late.
Told = tuple[Happening, tuple[Any, ...]]


class Folded(msgspec.Struct, Generic[V], frozen=True, kw_only=True):
    """What a batch of items comes to.

    ``states`` are those of the keys that changed, ``progress`` is the entry of the partition. ``told`` says
    what each item in turn did: a window that is no more is retracted, the one that holds the item is updated.
    """

    states: Mapping[bytes, KeyWindows[V]]
    progress: KeyWindows[V]
    told: Sequence[Told]
    folded: int
    late: int
    replayed: int


def fold(
    items: Iterable[Item],
    *,
    states: Mapping[bytes, KeyWindows[V]],
    progress: KeyWindows[V],
    reach: Reach,
    aggregation: Aggregation[V],
) -> Folded[V]:
    """The items folded into the states of their keys; ``progress`` is the partition's entry before them."""
    changed: dict[bytes, KeyWindows[V]] = {}
    told: list[Told] = []
    stream_time, last_offset = progress.stream_time, progress.last_offset
    late = replayed = folded = 0
    for item in items:
        stream_time = max(stream_time, item.at)
        state = changed.get(item.key) or states.get(item.key) or KeyWindows()
        if item.offset is not None:
            if item.offset <= max(progress.last_offset, state.last_offset):
                replayed += 1
                continue
            last_offset = max(last_offset, item.offset)
        windows = place_in_time(
            state.windows,
            item,
            at=item.at,
            stream_time=stream_time,
            reach=reach,
            aggregate=aggregation.of_windows(item.key),
        )
        if windows is None:
            late += 1
            told.append((Happening.LATE, (item,)))
            continue
        folded += 1
        # TRICKY: what each item changed is told, not what the batch did. Cut elsewhere after a crash, a batch
        # would pass over a window that was told of before, and never retract it.
        told += _changes(item.key, state.windows, windows)
        offset = state.last_offset if item.offset is None else item.offset
        changed[item.key] = KeyWindows(windows=windows, last_offset=offset)
    return Folded(
        states=changed,
        progress=KeyWindows(last_offset=last_offset, stream_time=stream_time),
        told=told,
        folded=folded,
        late=late,
        replayed=replayed,
    )


def _changes(
    key: bytes, before: tuple[SessionWindow[V], ...], after: tuple[SessionWindow[V], ...]
) -> list[Told]:
    kept = {id(window) for window in before} & {id(window) for window in after}
    new = [window for window in after if id(window) not in kept]
    spans = {(window.start_at, window.end_at) for window in new}
    gone = [window for window in before if id(window) not in kept]
    return [
        *((Happening.RETRACT, (key, old)) for old in gone if (old.start_at, old.end_at) not in spans),
        *((Happening.UPDATE, (key, window)) for window in new),
    ]
