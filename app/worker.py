"""The worker root: ``faust -A app.worker:worker worker -l info``.

``worker`` is made when it is first asked for, so that nothing happens on import.
"""

from __future__ import annotations

import gc
import os
from typing import Any

# TRICKY: `import app.x` would bind the name `app` here, and `faust -A app.worker` would take the package
# for the Faust app; hence `from app import ...` throughout.
from app import log, settings, topology
from app.adapters.enricher import Enricher

#: Exit code after an error that nothing could handle (sysexits: internal software error).
EX_SOFTWARE = 70


def create() -> topology.Topology:
    """The topology by the settings of this directory and environment."""
    _collect_garbage_seldom()
    loaded = settings.load()
    log.configure(loaded.log)
    return topology.build(loaded, enrich=Enricher(mmdb_path=loaded.geo.mmdb_path), on_fatal=_exit)


def _collect_garbage_seldom() -> None:
    """Blocks hold many objects and no cycles: by default the collector would look at them all the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _exit(error: Exception) -> None:
    """End the process at once: its supervisor restarts it, and no block is committed that was not done."""
    log.get("worker").error("worker.fatal", error=repr(error), exit_code=EX_SOFTWARE)
    os._exit(EX_SOFTWARE)


def __getattr__(name: str) -> Any:
    if name != "worker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["worker"] = create().app
    return globals()["worker"]
