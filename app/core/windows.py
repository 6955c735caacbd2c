"""(windows, item) -> windows: session windows over event time, for any key and any aggregate. Pure.

A window is ``[start_at, end_at]``. An item at most the inactivity gap away from a window, on either side,
belongs to it: exactly the gap still does. So a late item may extend a window backwards, or bridge two into
one. Whatever the order of the items, the windows are the same, if merging is associative and commutative.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, Protocol, TypeVar

import msgspec


class Spanning(Protocol):
    """What a window must have: its first and last event time, in ms, both included."""

    @property
    def start_at(self) -> int:
        """Time of the earliest item."""

    @property
    def end_at(self) -> int:
        """Time of the latest item."""


W = TypeVar("W", bound=Spanning)
T = TypeVar("T")
V = TypeVar("V")


class SessionWindow(msgspec.Struct, Generic[V], frozen=True, array_like=True):
    """A window and what was aggregated in it."""

    start_at: int
    end_at: int
    value: V


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far apart items of one window may lie, and how late an item may come; both in ms.

    Stream time is the latest event time seen. A window is closed once stream time has passed its end by more
    than gap and grace: no item that is at most the grace period late can belong to it any more.
    """

    gap_ms: int
    grace_ms: int

    def open_since(self, stream_time: int) -> int:
        """Windows that end before this time are closed."""
        return stream_time - self.gap_ms - self.grace_ms

    def closed_from(self, window: Spanning) -> int:
        """The first stream time at which the window is closed."""
        return window.end_at + self.gap_ms + self.grace_ms + 1


class Aggregate(msgspec.Struct, Generic[T, W], frozen=True, kw_only=True):
    """How items become windows.

    ``opened`` makes a window of one item (Kafka Streams' initializer and aggregator), ``extended`` adds one
    (its aggregator), ``merged`` makes two windows one (its session merger); the earlier comes first.
    """

    opened: Callable[[T], W]
    extended: Callable[[W, T], W]
    merged: Callable[[W, W], W]


class Placed(msgspec.Struct, Generic[W], frozen=True, gc=False):
    """The windows in order of time, the one that now holds the item, and those that it absorbed."""

    windows: tuple[W, ...]
    holder: W
    absorbed: tuple[W, ...] = ()


def place(
    windows: tuple[W, ...],
    item: T,
    *,
    at: int,
    gap_ms: int,
    aggregate: Aggregate[T, W],
    cell: Callable[[int], Hashable] | None = None,
) -> Placed[W]:
    """``windows`` with ``item``, which happened at ``at``, folded in.

    ``windows`` are in order of time. No window reaches from one ``cell`` of time into another: a cell is what
    ``cell`` gives for a time, for example its day.
    """
    near = _near(windows, at=at, gap_ms=gap_ms)
    if cell is not None and near:
        here = cell(at)
        near = [window for window in near if cell(window.start_at) == here]
    if not near:
        opened = aggregate.opened(item)
        return Placed(
            (*windows, opened) if _is_last(opened, windows) else _sorted([*windows, opened]), opened
        )
    home, *absorbed = near
    holder = aggregate.extended(home, item)
    for window in absorbed:
        holder = aggregate.merged(holder, window)
    if len(windows) == 1:
        return Placed((holder,), holder)
    others = [window for window in windows if window is not home and window not in absorbed]
    return Placed(_sorted([*others, holder]), holder, tuple(absorbed))


def place_in_time(
    windows: tuple[W, ...], item: T, *, at: int, stream_time: int, reach: Reach, aggregate: Aggregate[T, W]
) -> tuple[W, ...] | None:
    """``windows`` with ``item`` folded in; None when the item is too late.

    It is too late when the window that would hold it is closed already. A closed window takes no item.
    """
    open_since = reach.open_since(stream_time)
    closed, still_open = split_closed(windows, open_since=open_since)
    if at < open_since and not _near(still_open, at=at, gap_ms=reach.gap_ms):
        return None
    placed = place(still_open, item, at=at, gap_ms=reach.gap_ms, aggregate=aggregate)
    return (*closed, *placed.windows)


def split_closed(windows: tuple[W, ...], *, open_since: int) -> tuple[tuple[W, ...], tuple[W, ...]]:
    """The windows that end before ``open_since``, and the others."""
    closed = tuple(window for window in windows if window.end_at < open_since)
    if not closed:
        return (), windows
    return closed, tuple(window for window in windows if window.end_at >= open_since)


def chains(windows: Iterable[W], *, gap_ms: int) -> list[list[W]]:
    """The windows in runs with no pause longer than the gap between neighbours."""
    found: list[list[W]] = []
    for window in windows:
        if found and window.start_at - found[-1][-1].end_at <= gap_ms:
            found[-1].append(window)
        else:
            found.append([window])
    return found


def _near(windows: tuple[W, ...], *, at: int, gap_ms: int) -> list[W]:
    return [window for window in windows if window.start_at - gap_ms <= at <= window.end_at + gap_ms]


def _is_last(window: W, windows: tuple[W, ...]) -> bool:
    return not windows or window.start_at > windows[-1].start_at


def _sorted(windows: list[W]) -> tuple[W, ...]:
    return tuple(sorted(windows, key=_order))


def _order(window: Spanning) -> tuple[int, int]:
    return window.start_at, window.end_at
