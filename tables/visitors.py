"""The ``visitors`` table: key ``site_id:visitor_id``, value VisitorState. See session_windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tables.session_windows import SessionWindows

if TYPE_CHECKING:
    import faust

NAME = "visitors"

#: Bytes for each partition; RocksDB's defaults are 3 x 64 MB of buffers and 2 GB of cache.
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
BLOCK_CACHE_BYTES = 64 * 1024 * 1024


def register(app: faust.App, *, partitions: int, keep_ms: int) -> SessionWindows:
    """Add the table to ``app``; it has as many partitions as the events topic, so that keys stay together."""
    table = app.Table(
        NAME,
        partitions=partitions,
        key_type=bytes,
        help="Open session windows of each visitor, key site:visitor.",
        options={
            "driver": "rocksdict",
            "write_buffer_size": WRITE_BUFFER_BYTES,
            "block_cache_size": BLOCK_CACHE_BYTES,
            "max_write_buffer_number": 2,
        },
    )
    return SessionWindows(table, keep_ms=keep_ms)
