"""``wua doctor``: what is reachable, in which version, and what to do about what is not."""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.table import Table

from app import settings
from app.adapters.clickhouse import QueryPool, open_client
from app.adapters.clickhouse.reclassify import Reclassifier
from app.adapters.clickhouse.reconcile import Scope
from app.adapters.clock import now_ms
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.errors import WuaError
from app.settings import Settings

PACKAGES = ("faust-streaming", "aiokafka", "rocksdict", "clickhouse-connect", "chdb", "starlette", "msgspec")
TIMEOUT_S = 5.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, whether it is well, what was seen, and what to do if it is not."""

    what: str
    ok: bool
    seen: str
    to_do: str = ""


def add(subparsers: Any) -> None:
    """Declare the command."""
    parser = subparsers.add_parser(
        "doctor",
        description="Looks at Python, packages, data directory, Kafka, ClickHouse, schema and rules, "
        "and says what to do; 0 when all is well, 1 when something is not.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print the findings; 1 when something is not well."""
    findings = asyncio.run(examine(settings.load()))
    table = Table("", "what", "seen", "to do")
    for finding in findings:
        table.add_row("ok" if finding.ok else "NO", finding.what, finding.seen, finding.to_do)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    return 0 if all(finding.ok for finding in findings) else 1


async def examine(loaded: Settings) -> list[Finding]:
    """One finding for each part: Python, packages, Kafka, ClickHouse, schema, rules, data directory."""
    checks: tuple[Callable[[Settings], Awaitable[Finding]], ...] = (_kafka, _clickhouse, _schema, judged)
    return [_python(), *_packages(), _data_dir(loaded), *[await check(loaded) for check in checks]]


def _python() -> Finding:
    ok = sys.version_info >= (3, 11)
    return Finding(
        what="Python",
        ok=ok,
        seen=platform.python_version(),
        to_do="" if ok else "install Python 3.11 or newer",
    )


def _packages() -> list[Finding]:
    findings = []
    for package in PACKAGES:
        try:
            findings.append(Finding(what=package, ok=True, seen=version(package)))
        except PackageNotFoundError:
            findings.append(
                Finding(what=package, ok=False, seen="not installed", to_do="run `make demo` to install it")
            )
    return findings


def _data_dir(loaded: Settings) -> Finding:
    place = loaded.app.data_dir
    try:
        place.mkdir(parents=True, exist_ok=True)
        probe = place / ".doctor"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding(
            what="data directory", ok=False, seen=str(error), to_do="set app.data_dir to a writable directory"
        )
    return Finding(what="data directory", ok=True, seen=str(place.resolve()))


async def _kafka(loaded: Settings) -> Finding:
    servers = loaded.broker.bootstrap_servers
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=int(TIMEOUT_S * 1000))
    try:
        await asyncio.wait_for(admin.start(), TIMEOUT_S)
        topics = await admin.list_topics()
    except (KafkaError, OSError, TimeoutError) as error:
        return Finding(
            what="Kafka",
            ok=False,
            seen=f"{servers}: {error!r}",
            to_do="start Kafka, or set broker.url; `wua demo` needs none",
        )
    finally:
        await admin.close()
    there = loaded.broker.events_topic in topics
    return Finding(
        what="Kafka",
        ok=True,
        seen=f"{servers}, {len(topics)} topics, "
        f"{loaded.broker.events_topic} {'exists' if there else 'is missing'}",
        to_do="" if there else "the worker makes it at its first start",
    )


async def _clickhouse(loaded: Settings) -> Finding:
    return await _ask(
        loaded, what="ClickHouse", sql="SELECT version()", to_do="start ClickHouse, or set clickhouse.url"
    )


async def _schema(loaded: Settings) -> Finding:
    sql = f"SELECT count() || ' migrations applied' FROM {loaded.clickhouse.database}.schema_migrations"  # noqa: S608 - from settings
    return await _ask(loaded, what="schema", sql=sql, to_do="run `wua migrate`")


async def judged(loaded: Settings) -> Finding:
    """Whether stored events were decided by the rules of today. It is no fault where some were not."""
    try:
        days = await asyncio.to_thread(_outdated_days, loaded)
    except (WuaError, ClickHouseError) as error:
        return Finding(
            what="rules",
            ok=False,
            seen=f"not compared with those of stored events: {error}"[:200],
            to_do="mend what the message names; then run it again",
        )
    if not days:
        return Finding(what="rules", ok=True, seen="every stored event was decided by those of today")
    return Finding(
        what="rules",
        ok=True,
        seen=f"{days} days of sites have events that others than those of today decided",
        to_do="`wua reclassify --outdated` judges them anew",
    )


def _outdated_days(loaded: Settings) -> int:
    client = open_client(loaded.clickhouse, readonly=True)
    try:
        reclassifier = Reclassifier(
            client,
            database=loaded.clickhouse.database,
            rules=rules_of(loaded),
            enrich=Enricher.of(loaded),
        )
        return len(reclassifier.outdated(Scope(), closed_before_ms=now_ms()).days)
    finally:
        client.close()


async def _ask(loaded: Settings, *, what: str, sql: str, to_do: str) -> Finding:
    pool = None
    try:
        pool = QueryPool(loaded.clickhouse)
        answer = await asyncio.wait_for(pool.query(sql), TIMEOUT_S)
        return Finding(what=what, ok=True, seen=str(answer.rows[0][0]))
    except (WuaError, TimeoutError) as error:
        return Finding(what=what, ok=False, seen=str(error)[:200], to_do=to_do)
    finally:
        if pool is not None:
            await pool.close()
