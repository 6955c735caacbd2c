"""What sends to the events topic for a command: of Kafka, or of the embedded stack over a data directory."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from app import log, settings
from app.adapters.enricher import Enricher
from app.embedded.place import clickhouse_url
from app.embedded.stack import EmbeddedStack, Feeder
from app.errors import EmbeddedError
from app.settings import Settings
from app.traffic.kafka import KafkaFeeder
from app.traffic.persons import Sends


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that hold there, what sends, and the stack where it is embedded."""

    settings: Settings
    feeder: Sends
    stack: EmbeddedStack | None = None


def settings_over(data: Path | None) -> Settings:
    """The settings of a command that prints for people, whose ClickHouse may be that of a data directory."""
    overrides: dict[str, Any] = {"log.level": "warning"}
    if data:
        overrides["clickhouse.url"] = clickhouse_url(data)
    loaded = settings.load(overrides=overrides)
    log.configure(loaded.log)
    return loaded


@contextlib.asynccontextmanager
async def feeding(loaded: Settings, *, data: Path | None, instead: str | None) -> AsyncIterator[Fed]:
    """Connected to Kafka, or with a stack of its own over ``data``.

    Raises EmbeddedError where another process runs a stack there; ``instead`` is the path of its web server
    that does the same, None where there is none.
    """
    if data is None:
        async with KafkaFeeder(loaded.broker, group=loaded.app.id) as kafka:
            yield Fed(settings=loaded, feeder=kafka)
        return
    if not loaded.clickhouse.url.startswith("chdb:"):
        way = f"ask its web server, POST {instead}, or end it first" if instead else "end it first"
        raise EmbeddedError(f"another process runs the stack over {data}, its broker in memory: {way}")
    async with EmbeddedStack(loaded, data_dir=data, enrich=Enricher.of(loaded)) as stack:
        feeder = Feeder(stack)
        await feeder.start()
        try:
            yield Fed(settings=stack.settings, feeder=feeder, stack=stack)
        finally:
            await feeder.stop()
