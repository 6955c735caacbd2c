"""/proc -> CPU seconds of groups of processes over any part of a run. Linux only."""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.job import Span

EVERY_S = 0.02
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system time that the process has used, all its threads together; in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class CpuRecorder:
    """While it is open, samples the CPU time of named groups of processes, which must all live that long."""

    def __init__(self, groups: Mapping[str, Sequence[int]]) -> None:
        self._groups = groups
        self._samples: dict[str, list[tuple[float, float]]] = {name: [] for name in groups}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cpu-recorder", daemon=True)

    def __enter__(self) -> Self:
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if error is None:
            self._sample()

    def spent_s(self, span: Span) -> dict[str, float]:
        """CPU seconds of each group within the span."""
        return {
            name: value_at(samples, span.last_at) - value_at(samples, span.first_at)
            for name, samples in self._samples.items()
        }

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self._sample()
            except (FileNotFoundError, ProcessLookupError):
                return  # a process has ended; who waits for it says so

    def _sample(self) -> None:
        for name, pids in self._groups.items():
            self._samples[name].append((time.monotonic(), sum(cpu_s(pid) for pid in pids)))


def value_at(samples: Sequence[tuple[float, float]], at: float) -> float:
    """A value between two samples, as if it had grown evenly; outside of all, the nearest sample's."""
    right = bisect_left(samples, at, key=lambda sample: sample[0])
    if right == 0:
        return samples[0][1]
    if right == len(samples):
        return samples[-1][1]
    (before, low), (after, high) = samples[right - 1], samples[right]
    return low + (high - low) * (at - before) / (after - before)
