"""Row (c) with more partitions and workers. All share the cores with one engine and one broker."""

from __future__ import annotations

from bench.ladder import COLUMNS, NOTE, cells
from bench.report import Section
from bench.rig import Rig
from bench.workers import WorkerRun, share_topic

#: Partitions and workers; a worker more than there are partitions has nothing to do.
SHAPES = ((1, 1), (2, 1), (4, 1), (2, 2), (4, 2))


def section(rig: Rig, *, share: float) -> Section:
    """A row for each shape, each over the first ``share`` of the events."""
    messages = rig.messages[: round(len(rig.messages) * share)]
    runs = [
        share_topic(
            rig,
            name=f"partitions {partitions}, workers {workers}",
            workers=workers,
            partitions=partitions,
            messages=messages,
        )
        for partitions, workers in SHAPES
    ]
    return Section(
        title="Partitions and workers",
        columns=(*COLUMNS, "events a block"),
        rows=[with_block(run) for run in runs],
        note=f"{NOTE} The topic is filled when the workers are ready; that counts.",
    )


def with_block(run: WorkerRun) -> tuple[str, ...]:
    """The row, and how big its blocks were."""
    return (*cells(run.row), f"{run.block_events:,.0f}")
