"""ClickHouse for the rest of the product: clients, the sink of blocks, and the pool of readers."""

from app.adapters.clickhouse.clients import ClientPool, open_client
from app.adapters.clickhouse.codes import RETRIABLE
from app.adapters.clickhouse.queries import QueryPool, QueryResult
from app.adapters.clickhouse.sink import Sink

__all__ = ["RETRIABLE", "ClientPool", "QueryPool", "QueryResult", "Sink", "open_client"]
