"""Row (d): stock Faust that decodes an event and counts it for its visitor, one read and write of a table.

``faust -A bench.plain_agent:app worker``; ``app`` is made when it is first asked for.
"""

from __future__ import annotations

from typing import Any

import faust
import msgspec

from app.events.wire import WebEvent
from bench.job import Job, Progress


def create(job: Job) -> faust.App:
    """An app with one agent and one table in RocksDB; everything else as Faust has it by default."""
    app = faust.App(
        job.group,
        broker=f"kafka://{job.servers.replace(',', ';kafka://')}",
        store="rocksdb://",
        datadir=job.directory,
        topic_partitions=job.partitions,
        topic_replication_factor=1,
        topic_disable_leader=True,
        table_standby_replicas=0,
    )
    counts = app.Table("counts", default=int, partitions=job.partitions, options={"driver": "rocksdict"})
    decoder = msgspec.json.Decoder(WebEvent)
    progress = Progress(job.total, report=job.report)

    async def count(stream: Any) -> None:
        async for value in stream:
            progress.begin()
            event = decoder.decode(value)
            counts[event.key.decode()] += 1
            progress.add()

    app.agent(app.topic(job.topic, key_serializer="raw", value_serializer="raw"))(count)
    return app


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = create(Job.given())
    return globals()["app"]
