"""Journeys against a walk through the same visits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from itertools import cycle, groupby
from typing import Any

import pytest

from app.errors import QueryError
from tests.answering import Asked, asked, engine, migrated, ms, scope
from tests.timelines import Hit, Visit, people, some_visits, write
from views.happenings import Target
from views.journeys.model import Direction, Flow, Journeys, NodeKind, Of
from views.params import Bots
from views.stats.model import And, Is

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

FIRST = ms("2026-03-02T05:00Z")
CASES = (
    (Of.PAGES, Target()),
    (Of.EVENTS, Target()),
    (Of.ALL, Target(page="/cart")),
    (Of.PAGES, Target(page="/shop/*")),
    (Of.PAGES, Target(event="signup")),
    (Of.EVENTS, Target(event="$page_leave")),
)
Node = tuple[str, str]


def steps_of(visit: Visit, of: Of, anchor: Target) -> list[Node]:
    """Its steps; equal ones that follow each other are one."""
    nodes = [("event", hit.name) if hit.name else ("page", hit.path) for hit in visit.hits]
    wanted = {
        Of.PAGES: {"page"},
        Of.EVENTS: {"event"},
        Of.ALL: {"page", "event"},
    }[of]
    kept = [
        node for node in nodes if is_anchor(node, anchor) or (node[0] in wanted and node[1] != "$page_leave")
    ]
    return [node for node, _ in groupby(kept)]


def is_anchor(node: Node, anchor: Target) -> bool:
    if anchor.page is not None:
        return node[0] == "page" and fnmatchcase(node[1], anchor.page)
    return anchor.event is not None and node == ("event", anchor.event)


def place_of(steps: Sequence[Node], anchor: Target, direction: Direction) -> int | None:
    if not anchor.is_named:
        ends = {Direction.AFTER: 0, Direction.BEFORE: len(steps) - 1}
        return ends[direction] if steps else None
    return next((place for place, node in enumerate(steps) if is_anchor(node, anchor)), None)


def walks(visits: Sequence[Visit], question: Journeys) -> list[tuple[list[Node], int, str]]:
    """Of each session with the anchor its steps, the anchor's place and the visitor."""
    found = []
    for visit in visits:
        steps = steps_of(visit, question.of, question.anchor)
        place = place_of(steps, question.anchor, question.direction)
        if place is not None:
            found.append((steps, place, visit.visitor))
    return found


def paths(visits: Sequence[Visit], question: Journeys) -> list[tuple[tuple[Node, ...], int, int]]:
    """Path, sessions, visitors."""
    counts: Counter[tuple[Node, ...]] = Counter()
    who: dict[tuple[Node, ...], set[str]] = {}
    for steps, place, visitor in walks(visits, question):
        if question.direction is Direction.AFTER:
            path = tuple(steps[place : place + question.depth])
        else:
            path = tuple(steps[: place + 1][-question.depth :])
        counts[path] += 1
        who.setdefault(path, set()).add(visitor)
    return sorted(
        ((path, n, len(who[path])) for path, n in counts.items()),
        key=lambda row: (-row[1], [kind[0] + name for kind, name in row[0]]),
    )


def links(visits: Sequence[Visit], question: Journeys) -> dict[tuple[int, Node, Node], int]:
    """Step, from, to: sessions; all but the most frequent of a step are other."""
    first = 0 if question.direction is Direction.AFTER else -question.depth
    last = 0 if question.direction is Direction.BEFORE else question.depth
    rows: list[dict[int, Node]] = []
    for steps, place, _ in walks(visits, question):
        row = {}
        for step in range(first, last + 1):
            at = place + step
            ended: Node = ("entry", "") if at < 0 else ("exit", "")
            row[step] = steps[at] if 0 <= at < len(steps) else ended
        rows.append(row)
    kept: dict[int, set[Node]] = {}
    for step in range(first, last + 1):
        sizes = Counter(row[step] for row in rows if row[step][0] in {"page", "event"})
        most = sorted(sizes, key=lambda node: (-sizes[node], node[0][0] + node[1]))
        kept[step] = {*most[: question.limit], ("entry", ""), ("exit", "")}

    def folded(row: dict[int, Node], step: int) -> Node:
        return row[step] if row[step] in kept[step] else ("other", "")

    return Counter(
        (step, folded(row, step), folded(row, step + 1)) for row in rows for step in range(first, last)
    )


def told(flow: Flow) -> dict[tuple[int, Node, Node], int]:
    """The links of an answer."""
    nodes = [(node.step, (node.kind.value, node.name)) for node in flow.nodes]
    assert all(nodes[link.target][0] == nodes[link.source][0] + 1 for link in flow.links)
    return {(*nodes[link.source], nodes[link.target][1]): link.sessions for link in flow.links}


async def check_paths(asked: Asked, visits: Sequence[Visit], question: Journeys, **where: Any) -> None:
    answer = await asked.queries.top_paths(scope(**where), question)
    expected = paths(visits, question)
    shown = [
        (tuple((step.kind.value, step.name) for step in path.steps), path.sessions, path.visitors)
        for path in answer.paths
    ]
    assert shown == expected[: question.limit]
    total = sum(n for _, n, _ in expected)
    assert (answer.sessions, answer.other) == (total, sum(n for _, n, _ in expected[question.limit :]))


async def check_flow(asked: Asked, visits: Sequence[Visit], question: Journeys, **where: Any) -> None:
    answer = await asked.queries.flow(scope(**where), question)
    assert told(answer) == links(visits, question)
    sums: Counter[int] = Counter()
    for node in answer.nodes:
        sums[node.step] += node.sessions
    assert set(sums.values()) <= {answer.sessions}
    assert answer.sessions == len(walks(visits, question))


async def test_paths_and_flow_are_what_a_walk_finds(asked: Asked) -> None:
    visits = some_visits(1, first=FIRST, days=20)
    write(asked, visits)
    sizes = cycle(((2, 3), (4, 1), (10, 50), (3, 2)))
    for of, anchor in CASES:
        for direction, (depth, limit) in zip(Direction, sizes, strict=False):
            question = Journeys(of=of, anchor=anchor, direction=direction, depth=depth, limit=limit)
            if direction is not Direction.BOTH:
                await check_paths(asked, people(visits), question)
            if direction is not Direction.BOTH or anchor.is_named:
                await check_flow(asked, people(visits), question)


async def test_bots_and_filters_choose_the_sessions(asked: Asked) -> None:
    visits = some_visits(4, first=FIRST, days=20)
    write(asked, visits)
    choices: tuple[tuple[Bots, Callable[[Visit], bool]], ...] = (
        (Bots.INCLUDE, lambda _: True),
        (Bots.ONLY, lambda visit: visit.is_bot),
    )
    for bots, passes in choices:
        question = Journeys(limit=50, filter=Is(field="channel", value="Email"))
        some = [visit for visit in visits if passes(visit) and visit.channel == "Email"]
        assert some
        await check_paths(asked, some, question, bots=bots)
        await check_flow(asked, some, question, bots=bots)


async def test_a_filter_that_is_always_true_changes_nothing(asked: Asked) -> None:
    write(asked, some_visits(5, first=FIRST, days=20))
    plain = Journeys(anchor=Target(page="/cart"), direction=Direction.BOTH, limit=5)
    narrowed = Journeys(
        anchor=Target(page="/cart"), direction=Direction.BOTH, limit=5, filter=And(filters=[])
    )
    answer = await asked.queries.flow(scope(), plain)
    assert answer.sessions
    assert answer == await asked.queries.flow(scope(), narrowed)


async def test_a_session_is_of_the_day_on_which_it_began(asked: Asked) -> None:
    """On the day on which clocks change in the zone, and over the end of a year."""
    moments = {
        "york": ("2026-03-08T04:59Z", "2026-03-08T05:00Z", "2026-03-09T03:59Z", "2026-03-09T04:00Z"),
        "isle": ("2026-04-04T12:59Z", "2026-04-04T13:00Z", "2026-04-05T13:29Z", "2026-04-05T13:30Z"),
        "peak": ("2025-12-30T18:14Z", "2025-12-30T18:15Z", "2025-12-31T18:14Z", "2025-12-31T18:15Z"),
    }
    days = {"york": "2026-03-08", "isle": "2026-04-05", "peak": "2025-12-31"}
    after = {"york": "2026-03-09", "isle": "2026-04-06", "peak": "2026-01-01"}
    for site, times in moments.items():
        made = [
            Visit(
                visitor=f"v{number}",
                site=site,
                hits=(Hit(at=ms(at), path=f"/{number}"), Hit(at=ms(at) + 120_000, path="/end")),
            )
            for number, at in enumerate(times)
        ]
        write(asked, made)
        where = {"site": site, "since": days[site], "until": after[site]}
        await check_paths(asked, made[1:3], Journeys(limit=9), **where)
        await check_flow(asked, made[1:3], Journeys(limit=9), **where)


async def test_of_nothing_there_is_nothing(asked: Asked) -> None:
    answer = await asked.queries.top_paths(scope(), Journeys(limit=5))
    assert (answer.sessions, answer.other, answer.paths) == (0, 0, [])
    flow = await asked.queries.flow(scope(), Journeys(limit=5))
    assert (flow.sessions, flow.nodes, flow.links) == (0, [], [])


async def test_one_event_is_a_path_of_one_step_and_leaves(asked: Asked) -> None:
    write(asked, [Visit(visitor="v", hits=(Hit(at=FIRST, path="/only"),))])
    answer = await asked.queries.top_paths(scope(), Journeys(limit=5))
    assert [[step.name for step in path.steps] for path in answer.paths] == [["/only"]]
    flow = await asked.queries.flow(scope(), Journeys(depth=2, limit=5))
    assert [(node.step, node.kind) for node in flow.nodes] == [
        (0, NodeKind.PAGE),
        (1, NodeKind.EXIT),
        (2, NodeKind.EXIT),
    ]


async def test_both_sides_are_of_something_and_a_path_runs_one_way(asked: Asked) -> None:
    with pytest.raises(QueryError, match="expected a page or an event"):
        await asked.queries.flow(scope(), Journeys(direction=Direction.BOTH, limit=5))
    with pytest.raises(QueryError, match="expected after or before"):
        await asked.queries.top_paths(
            scope(), Journeys(direction=Direction.BOTH, anchor=Target(page="/"), limit=5)
        )
