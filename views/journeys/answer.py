"""Asks for journeys and makes the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from app.errors import QueryError
from views.figures import ratio
from views.journeys.model import (
    Direction,
    Flow,
    FlowLink,
    FlowNode,
    JourneyPath,
    Journeys,
    JourneyStep,
    NodeKind,
    TopPaths,
)
from views.journeys.statements import KINDS, is_of_pages, links_of, paths_of, sessions_of
from views.living import last_day
from views.page_sequences import TABLE, known_days
from views.params import Scope
from views.reading import Reader, Row, about
from views.stats.filters import Places

SILVER = "silver: session_events"
GOLD = f"gold: {TABLE}"


async def top_paths(reader: Reader, scope: Scope, asked: Journeys, *, cap_ms: int) -> TopPaths:
    """Paths with the most sessions. A session counts where it began. ``cap_ms`` as in views/stats."""
    if asked.direction is Direction.BOTH:
        raise QueryError("direction = 'both': a path runs one way; expected after or before")
    rows, layer = await _asked(paths_of, reader, scope, asked, cap_ms=cap_ms)
    total = rows[0]["of_all"] if rows else 0
    return TopPaths(
        **about(scope, layer=layer),
        sessions=total,
        other=total - sum(row["n"] for row in rows),
        paths=[
            JourneyPath(
                steps=[_step(node) for node in row["path"]],
                sessions=row["n"],
                visitors=row["visitors"],
                share=ratio(row["n"], total),
            )
            for row in rows
        ],
    )


async def flow(reader: Reader, scope: Scope, asked: Journeys, *, cap_ms: int) -> Flow:
    """Nodes and links around the anchor, or from a session's start or to its end."""
    rows, layer = await _asked(links_of, reader, scope, asked, cap_ms=cap_ms)
    rows.sort(key=itemgetter("step", "source", "target"))
    sizes = _sizes(rows)
    total = sum(row["n"] for row in rows if row["step"] == rows[0]["step"])
    order = sorted(sizes, key=lambda key: (key[0], key[1][0] in "onx", -sizes[key], key[1]))
    number = {key: place for place, key in enumerate(order)}
    return Flow(
        **about(scope, layer=layer),
        sessions=total,
        nodes=[
            FlowNode(
                step=step,
                kind=KINDS[node[0]],
                name=node[1:],
                sessions=sizes[step, node],
                share=ratio(sizes[step, node], total),
            )
            for step, node in order
        ],
        links=[
            FlowLink(
                source=number[row["step"], row["source"]],
                target=number[row["step"] + 1, row["target"]],
                sessions=row["n"],
            )
            for row in rows
        ],
    )


async def _asked(
    statement: Callable[..., str], reader: Reader, scope: Scope, asked: Journeys, *, cap_ms: int
) -> tuple[list[Row], str]:
    """The rows of the statement, and their layer."""
    places = Places({**scope.by_day, "reach": last_day(scope.period.until, cap_ms=cap_ms)})
    known = await known_days(reader, scope) if is_of_pages(asked) else None
    sessions = sessions_of(asked, places, known, database=reader.database, cap_ms=cap_ms)
    rows = await reader.ask(statement(asked, sessions, places, database=reader.database), places.bound)
    if known is None:
        return rows, SILVER
    return rows, GOLD if known.is_all else f"{GOLD}, {SILVER}"


def _sizes(rows: list[dict[str, Any]]) -> Counter[tuple[int, str]]:
    """Sessions by step and node: those that leave it, and at the last step those that come to it."""
    found: Counter[tuple[int, str]] = Counter()
    for row in rows:
        found[row["step"], row["source"]] += row["n"]
        if row["step"] == rows[-1]["step"]:
            found[row["step"] + 1, row["target"]] += row["n"]
    return found


def _step(node: str) -> JourneyStep:
    return JourneyStep(kind=NodeKind(KINDS[node[0]]), name=node[1:])
