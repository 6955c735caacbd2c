"""Addresses are used for geography and then gone: looked for wherever a run leaves anything.

On the way to the worker they are sealed. Only what a producer of one's own writes in clear stands so in the
events topic, and nowhere else.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import ipaddress
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from app import log, serve
from app.adapters.address_seal import MARK, AddressSeal
from app.adapters.clickhouse import open_client
from app.adapters.enricher import Enricher
from app.commands import demo, replay
from app.core.keys import digest_of
from app.embedded.broker import PARTITIONS
from app.embedded.loop_server import bind, serve_in_loop
from app.embedded.stack import EmbeddedStack, Feeder
from app.settings import LogSettings, Settings
from app.traffic.simulator import simulate
from tests.collecting import posted
from tests.factories import DAY, wire
from tests.handling import all_handled
from tests.log_lines import log_line

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "wua_secret-of-the-shop"
#: As they are sent; each is looked for in every form that it may be written in.
BROWSER_4, BROWSER_6 = "203.0.113.77", "2001:DB8:0:7::ABCD"
SERVER_4, SERVER_6 = "198.51.100.123", "2001:db8:0:8:0:0:0:beef"
REPLAYED_4, REPLAYED_6 = "192.0.2.13", "2001:db8:0:a::f00d"
#: By whom the events topic is not written through the product.
FOREIGN = (FOREIGN_4, FOREIGN_6) = "192.0.2.201", "2001:db8:0:9::cafe"
OURS = (BROWSER_4, BROWSER_6, SERVER_4, SERVER_6, REPLAYED_4, REPLAYED_6)
SENT = (*OURS, *FOREIGN)
COUNTRY = "NZ"


def forms(address: str) -> set[str]:
    parsed = ipaddress.ip_address(address)
    written = {address, str(parsed), parsed.exploded}
    if parsed.version == 6:
        # The /64 that limits are counted by, without its zeros.
        written.add(str(ipaddress.ip_network(f"{address}/64", strict=False)).removesuffix("/64"))
    return {one.lower() for one in written}


def leaked(text: str) -> list[str]:
    lower = text.lower()
    return [form for address in SENT for form in sorted(forms(address)) if form in lower]


@contextlib.contextmanager
def logged() -> Iterator[io.StringIO]:
    """Every line of the product's log and of the libraries'."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with contextlib.redirect_stderr(io.StringIO()) as lines:
        log.configure(LogSettings(level="debug", format="json"))
        try:
            yield lines
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)
            structlog.reset_defaults()


class Left:
    """What a run left: by place, everything as text."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        #: The events topic once a producer of one's own has written to it in clear.
        self.with_foreign = ""
        self.answers: list[httpx.Response] = []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def left(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Left]:
    """Everything that the product wrote while browsers, servers and a foreign producer sent events."""
    directory = tmp_path_factory.mktemp("stack")
    settings = Settings(
        geo={"mmdb_path": str(places(tmp_path_factory.mktemp("geo")))},
        web={"trusted_proxies": ["127.0.0.1"], "rate_burst": 50, "rate_per_s": 0.001},
        sites={"shop": {"server_keys": [digest_of(SECRET)]}, "quiet": {"cookieless": True}},
    )
    found = Left()
    with logged() as lines:
        async with EmbeddedStack(settings, data_dir=directory, enrich=Enricher.of(settings)) as stack:
            app = serve.build(stack.settings, registries=(stack.topology.metrics.registry,))
            async with (
                serve_in_loop(app, bind("127.0.0.1", 0)) as url,
                httpx.AsyncClient(base_url=url) as client,
            ):
                await send_from_browsers(client, found)
                await send_from_servers(client, found)
                await send_from_files(stack, tmp_path_factory.mktemp("files"))
                found.places["topic web_events"] = await everything_in(stack, "web_events")
                await send_from_elsewhere(stack)
                messages = (await everything_in(stack, "web_events")).splitlines()
                await all_handled(stack, len(messages))
                found.answers.append(await client.get("/metrics"))
            found.with_foreign = await everything_in(stack, "web_events")
            for topic in topics_of(stack):
                found.places[f"topic {topic}"] = await everything_in(stack, topic)
            collect(stack, found)
    found.places["logs"] = lines.getvalue()
    found.places["answers"] = "\n".join(f"{one.headers}\n{one.text}" for one in found.answers)
    for file in sorted(directory.rglob("*")):
        if file.is_file():
            found.places[f"file {file.relative_to(directory)}"] = file.read_bytes().decode("latin-1")
    yield found


def places(directory: Path) -> Path:
    """A database in which every address that is sent has a country, one that no time zone here has."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for network in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"):
        writer.insert_network(IPSet([network]), {"country": {"iso_code": COUNTRY}})
    path = directory / "places.mmdb"
    writer.to_db_file(str(path))
    return path


async def send_from_browsers(client: httpx.AsyncClient, found: Left) -> None:
    """Good events, bad ones, garbage, and more than is allowed."""
    now = serve.now_ms()
    for address in (BROWSER_4, BROWSER_6):
        headers = {"x-forwarded-for": address, "user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
        good = [
            posted(at=now),
            posted(at=now, event_type="click"),
            posted(at=now, site_id="quiet", visitor_id=""),
        ]
        bad = [posted(at=now, url="javascript:1"), posted(at=now, event_type="zap"), posted(at=now - 2 * DAY)]
        for path, asked in (("link", {"visitor_id": "v1"}), ("link/verify", {"token": "v1.1.nonsense"})):
            question = {"site_id": "shop", **asked}
            found.answers.append(await client.post(f"/api/v1/{path}", json=question, headers=headers))
        for body in ([*good], [*good, *bad], [posted(at=now) for _ in range(60)], [posted(at=now)]):
            found.answers.append(await client.post("/api/v1/events", json=body, headers=headers))
        found.answers.append(await client.post("/api/v1/events", content=b"{", headers=headers))
        pixel = {"referer": "https://shop.example/no-script", **headers}
        found.answers.append(await client.get("/api/v1/pixel.gif?site=shop", headers=pixel))


async def send_from_servers(client: httpx.AsyncClient, found: Left) -> None:
    now = serve.now_ms()
    for address in (SERVER_4, SERVER_6):
        events = [{**posted(at=now), "ip": address}, {**posted(at=now), "ip": f"{address}/nonsense"}]
        headers = {"authorization": f"Bearer {SECRET}"}
        found.answers.append(await client.post("/api/v1/server/events", json=events, headers=headers))


def written(address: str) -> list[bytes]:
    """What no collector would have let through, and one that it would: each is refused at another step."""
    whole = wire(ip=address)
    return [
        json.dumps(whole).encode(),
        json.dumps(whole).encode()[: json.dumps(whole).index(address) + len(address)],
        json.dumps({**whole, "event_type": "zap"}).encode(),
        json.dumps({**whole, "ip": [address, address]}).encode(),
        json.dumps({**whole, "ip": f"{address}/nonsense"}).encode(),
        json.dumps({**whole, "url": "javascript:1"}).encode(),
        json.dumps({**whole, "occurred_at": whole["received_at"] - 2 * DAY}).encode(),
    ]


@contextlib.asynccontextmanager
async def feeding(stack: EmbeddedStack) -> AsyncIterator[Feeder]:
    feeder = Feeder(stack)
    await feeder.start()
    yield feeder
    await feeder.drain()
    await feeder.stop()


async def send_from_files(stack: EmbeddedStack, directory: Path) -> None:
    """As `wua replay` does, and `wua demo`."""
    seal = AddressSeal.of(stack.settings)
    files = {"jsonl": [], "combined": []}
    for address in (REPLAYED_4, REPLAYED_6):
        files["jsonl"] += written(address)
        files["combined"] += [log_line(client=address).strip(), log_line(client=address, request="x").strip()]
    async with feeding(stack) as feeder:
        for name, lines in files.items():
            file = directory / name
            file.write_bytes(b"\n".join(lines))
            options = ["--format", name, "--site", "old", str(file)]
            tally = await replay.feed(parsed("replay", *options), feeder, seal=seal)
            assert tally.events >= 2
        for batch in demo.batches(simulate(seed=1, end_ms=serve.now_ms(), events=50, days=1), seal=seal):
            await feeder.send(batch)


def parsed(*command: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    replay.add(parser.add_subparsers())
    return parser.parse_args(command)


async def send_from_elsewhere(stack: EmbeddedStack) -> None:
    """A producer of one's own, which writes in clear."""
    messages = [message for address in FOREIGN for message in written(address)]
    async with feeding(stack) as feeder:
        await feeder.send([(b"shop:v1", message) for message in messages])
        await feeder.send([(b"wrong", message) for message in messages])


def collect(stack: EmbeddedStack, found: Left) -> None:
    """Every row of every table."""
    client = open_client(stack.settings.clickhouse, readonly=True)
    try:
        tables = client.query(
            "SELECT name FROM system.tables WHERE database = 'wua' AND engine LIKE '%MergeTree'"
        )
        for (table,) in tables.result_rows:
            rows = client.raw_query(f"SELECT * FROM wua.{table}", fmt="JSONEachRow")
            found.places[f"table {table}"] = rows.decode("latin-1")
    finally:
        client.close()


def topics_of(stack: EmbeddedStack) -> list[str]:
    names = stack.topology.topics
    changelog = stack.topology.app.tables["visitors"].changelog_topic_name
    return [names.dead_letters, names.sessions, changelog]


async def everything_in(stack: EmbeddedStack, topic: str) -> str:
    """Keys, values and headers of a topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.broker.bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        texts = []
        for tp, end in (await consumer.end_offsets(partitions)).items():
            while await consumer.position(tp) < end:
                for record in (await consumer.getmany(tp, timeout_ms=1000)).get(tp, ()):
                    texts.append(repr((record.key, record.value, record.headers)))
        return "\n".join(texts)
    finally:
        await consumer.stop()


async def test_no_address_is_anywhere(left: Left) -> None:
    found = {place: addresses for place, text in left.places.items() if (addresses := leaked(text))}
    assert found == {}
    # Nor is a sealed one, which who has the key could open.
    assert [place for place, text in left.places.items() if MARK in text] == ["topic web_events"]
    # Where they are written in clear, they are found: the search sees what it looks for.
    assert set(leaked(left.with_foreign)) >= {str(ipaddress.ip_address(address)) for address in FOREIGN}


async def test_every_address_was_looked_up_all_the_same(left: Left) -> None:
    """Those that were sealed, and those in clear."""
    assert left.places["topic web_events"].count(MARK) >= 50
    rows = [json.loads(row) for row in left.places["table page_views_silver"].splitlines()]
    by_site: dict[str, set[str]] = {}
    for row in rows:
        by_site.setdefault(row["site_id"], set()).add(row["country"])
    assert by_site.keys() >= {"shop", "quiet", "old", "saas"}
    assert [by_site[site] for site in ("shop", "quiet", "old")] == [{COUNTRY}] * 3
    assert "wua_addresses_unopened_total 0.0" in left.places["answers"]


async def test_the_run_reached_every_place(left: Left) -> None:
    """What is empty has no address either."""
    assert {answer.status_code for answer in left.answers} >= {200, 202, 400, 429}
    for table in ("page_views_bronze", "rejected_events_bronze", "page_views_silver", "sessions_silver"):
        assert "v1" in left.places[f"table {table}"]
    reasons = [json.loads(row)["reason"] for row in left.places["table rejected_events_bronze"].splitlines()]
    assert set(reasons) >= {
        "malformed_json",
        "unknown_event_type",
        "wrong_type",
        "invalid_url",
        "late",
        "wrong_key",
    }
    assert "shop.example" in left.places["topic web_events.dead_letter"]
    assert "block.handled" in left.places["logs"]
    assert "web.answered" in left.places["logs"]
    assert "collector.batch" in left.places["logs"]
    assert any(Path(place).suffix == ".sst" or "CURRENT" in place for place in left.places)
