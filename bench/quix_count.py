"""Row (e): Quix Streams that counts the events of each visitor: ``python -m bench.quix_count``.

Runs in an environment of its own, with nothing of the product but bench/job.py. The value is not decoded;
state and its changelog are as they are by default: RocksDB, changelog on.
"""

from __future__ import annotations

from typing import Any

from quixstreams import Application, State  # type: ignore[import-not-found]

from bench.job import Job, Progress


def main() -> int:
    """Count until ended."""
    job = Job.given()
    progress = Progress(job.total, report=job.report)
    app = Application(
        broker_address=job.servers,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        state_dir=job.directory,
    )

    def count(_: Any, state: State) -> None:
        progress.begin()
        state.set("events", state.get("events", 0) + 1)
        progress.add()

    topic = app.topic(job.topic, key_deserializer="bytes", value_deserializer="bytes")
    app.dataframe(topic).update(count, stateful=True)
    app.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
