"""A chDB engine for each module, a fresh database for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from tests.sql.store import Schema, Store

_databases = itertools.count(1)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of this process's engine. A process has one at a time: it is given back after the module."""
    connected = clickhouse_connect.get_client(
        interface="chdb", path=str(tmp_path_factory.mktemp("chdb").resolve()), tz_mode="aware"
    )
    yield connected
    connected.close()


@pytest.fixture
def database(client: Client) -> Iterator[str]:
    """A name that no database has yet."""
    name = f"t{next(_databases)}"
    yield name
    client.command(f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture(scope="module")
def schema(client: Client) -> Schema:
    """What makes stores of this engine."""
    return Schema(client)


@pytest.fixture
def store(schema: Schema, database: str) -> Store:
    """The schema, empty."""
    return schema.store(database)


@pytest.fixture
def twin(schema: Schema, client: Client) -> Iterator[Store]:
    """Another one, to which nothing happens."""
    yield schema.store("twin")
    client.command("DROP DATABASE twin")
