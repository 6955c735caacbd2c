"""What is asked of journeys, and the answers."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from views.happenings import Target
from views.stats.model import Filter

LEAST_DEPTH, MOST_DEPTH, DEFAULT_DEPTH = 2, 10, 5
MAX_PATHS, DEFAULT_PATHS = 1000, 50
MAX_NODES, DEFAULT_NODES = 50, 10

Depth = Annotated[int, msgspec.Meta(ge=LEAST_DEPTH, le=MOST_DEPTH)]


class Of(StrEnum):
    """What the steps are: page views, events by name, or both."""

    PAGES = "pages"
    EVENTS = "events"
    ALL = "all"


class Direction(StrEnum):
    """From the anchor on (or a session's start), to it (or a session's end), or both, of an anchor."""

    AFTER = "after"
    BEFORE = "before"
    BOTH = "both"


class NodeKind(StrEnum):
    """A page or event; ``other``: all below the first; the session had begun not yet, or had ended."""

    PAGE = "page"
    EVENT = "event"
    OTHER = "other"
    ENTRY = "entry"
    EXIT = "exit"


class Journeys(msgspec.Struct, frozen=True, kw_only=True):
    """A question of journeys. ``limit``: of paths, or of the nodes of each step."""

    of: Of = Of.PAGES
    direction: Direction = Direction.AFTER
    anchor: Target = Target()
    depth: Depth = DEFAULT_DEPTH
    filter: Filter | None = None
    limit: int


class JourneyStep(msgspec.Struct, frozen=True, kw_only=True):
    """A page's path or an event's name."""

    kind: NodeKind
    name: str


class JourneyPath(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that took these steps, in this order; ``share`` of all sessions of the answer."""

    steps: list[JourneyStep]
    sessions: int
    visitors: int
    share: float


class TopPaths(msgspec.Struct, frozen=True, kw_only=True):
    """Paths, most sessions first. ``other``: sessions of the paths below them.

    ``sessions``: that have a path at all, the sum of all of them. A path shorter than asked ends with its
    session.
    """

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    sessions: int
    other: int
    paths: list[JourneyPath]


class FlowNode(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions at a page or event at a step: 0 is the anchor, below 0 before it, above 0 after it."""

    step: int
    kind: NodeKind
    name: str
    sessions: int
    share: float


class FlowLink(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions that went from one node to another; ``source`` and ``target`` are places in ``nodes``."""

    source: int
    target: int
    sessions: int


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a Sankey diagram. Nodes of a step sum to ``sessions``, and so do links between two."""

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    sessions: int
    nodes: list[FlowNode]
    links: list[FlowLink]
