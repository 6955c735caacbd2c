"""Files that are read anew beside the events: wait until that is done."""

from __future__ import annotations

import threading
from collections.abc import Callable

#: Far longer than a thread takes to read a small file.
PATIENCE_S = 30.0


def read_again(ask: Callable[[], object]) -> None:
    """Ask, which begins to read a file that changed, and return when it has been read."""
    ask()
    for thread in threading.enumerate():
        if thread.name.startswith("read-"):
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), f"{thread.name} has not ended in time"
