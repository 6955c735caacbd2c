"""Journeys over HTTP: the example of the docs, and what is refused."""

from __future__ import annotations

import httpx
import pytest

from tests.answering import Asked, asked, engine, migrated, ms
from tests.asking_api import SHOP, client, get, refused
from tests.doc_tables import table
from tests.timelines import HOUR_MS, Hit, Visit, write

__all__ = ["asked", "client", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

DAY = {"site": "shop", "from": "2026-03-10", "to": "2026-03-11"}
PATHS = ("/api/v1/journeys", "/api/v1/journeys/flow")


def nested(depth: int) -> str:
    """A filter of so many parts within each other."""
    return '{"op":"not","filter":' * depth + '{"op":"is","field":"channel","value":"x"}' + "}" * depth


def example() -> list[Visit]:
    """The sessions of the page, one after the other."""
    made = []
    for number, (visitor, pages) in enumerate(table("JOURNEYS.md", head="| visitor | pages |")):
        at = ms("2026-03-10T08:00Z") + number * HOUR_MS
        paths = pages.replace("`", "").split()
        hits = tuple(Hit(at=at + place * 1000, path=path) for place, path in enumerate(paths))
        made.append(Visit(visitor=visitor, hits=hits))
    return made


async def test_the_paths_are_those_of_the_docs(asked: Asked, client: httpx.AsyncClient) -> None:
    write(asked, example())
    found = await get(client, PATHS[0], **DAY, depth="3")
    assert (found["sessions"], found["other"], found["layer"]) == (5, 0, "silver: session_events")
    shown = [
        [
            " ".join(f"`{step['name']}`" for step in path["steps"]),
            *(str(path[name]) for name in ("sessions", "visitors", "share")),
        ]
        for path in found["paths"]
    ]
    assert shown == table("JOURNEYS.md", head="| path | sessions | visitors | share |")
    fewer = await get(client, PATHS[0], **DAY, depth="3", limit="1")
    assert (fewer["sessions"], fewer["other"], len(fewer["paths"])) == (5, 3, 1)


async def test_the_flow_is_that_of_the_docs(asked: Asked, client: httpx.AsyncClient) -> None:
    write(asked, example())
    found = await get(client, PATHS[1], **DAY, depth="2", page="/a", direction="both", limit="1")
    assert found["sessions"] == 4
    shown = [
        [str(node["step"]), f"`{node['kind']} {node['name']}`".replace(" `", "`"), str(node["sessions"])]
        for node in found["nodes"]
    ]
    assert shown == table("JOURNEYS.md", head="| step | node | sessions |")
    assert sum(link["sessions"] for link in found["links"]) == 4 * found["sessions"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"depth": "1"}, "depth = 1: expected a whole number from 2 to 10"),
        ({"depth": "11"}, "depth = '11': expected"),
        ({"depth": "-2"}, "depth = '-2': expected"),
        ({"depth": "2; DROP TABLE x"}, "depth = '2; DROP"),
        ({"of": "clicks"}, "of = 'clicks': expected one of pages, events, all"),
        ({"direction": "up"}, "direction = 'up': expected one of after, before, both"),
        ({"direction": "both"}, "direction = 'both': "),
        ({"limit": "0"}, "limit = '0'"),
        ({"page": "/a", "event": "x"}, "page, event: a page and an event are given; expected one of them"),
        ({"page": "x" * 2049}, "page, event: Expected `str` of length <= 2048"),
        ({"event": ""}, "page, event: Expected `str` of length >= 1"),
        ({"filter": "channel"}, "filter = 'channel': expected JSON"),
        ({"filter": '{"op":"is","field":"site_id","value":"x"}'}, "unknown field 'site_id'"),
        ({"filter": '{"op":"is","field":"1) OR (1","value":"x"}'}, "unknown field '1) OR (1'"),
        ({"filter": '{"op":"not","filter":' * 1200}, "filter = "),
        ({"filter": '{"op":"matches","field":"path","value":"("}'}, "no regular expression"),
        ({"filter": nested(300)}, "filter: more than 200 parts"),
        ({"filter": nested(700)}, "filter: more than 200 parts"),
        ({"colour": "red"}, "unknown parameter 'colour'"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_named(
    asked: Asked, client: httpx.AsyncClient, path: str, query: dict[str, str], told: str
) -> None:
    write(asked, example())
    request = client.build_request("GET", path, params={**SHOP, **query})
    assert told in await refused(client, request, 400)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "query",
    [
        {"event": "' OR 1=1 --"},
        {"event": "{site:String}"},
        {"page": "/a') OR ('1'='1"},
        {"page": "([\\"},
        {"page": "/\x00"},
        {"filter": '{"op":"is","field":"channel","value":"\\\\\' OR 1"}'},
        {"filter": '{"op":"is","field":"property.\\u2028\'","value":""}', "event": "x"},
    ],
)
async def test_text_is_never_more_than_text(
    asked: Asked, client: httpx.AsyncClient, path: str, query: dict[str, str]
) -> None:
    write(asked, example())
    found = await get(client, path, **SHOP, **query)
    assert found["sessions"] == 0
