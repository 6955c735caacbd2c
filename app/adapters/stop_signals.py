"""SIGTERM and SIGINT told to a callback too, before whoever handles them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def stop_signals(callback: Callable[[], Any]) -> Iterator[None]:
    """Within the block, call ``callback`` when the process is told to stop, then what handled it before.

    A server waits for open answers before it ends its lifespan, so what never ends by itself has to be told
    earlier. Signals reach the main thread alone; in another one nothing is called.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def told(number: int, frame: FrameType | None) -> None:
        callback()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        elif handler is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in SIGNALS:
        signal.signal(number, told)
    try:
        yield
    finally:
        for number, handler in before.items():
            # Whoever took it over in the meantime keeps it.
            if signal.getsignal(number) is told:
                signal.signal(number, handler)
