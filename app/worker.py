"""The worker root: ``faust -A app.worker:worker worker -l info``.

``worker`` is made when it is first asked for, so that nothing happens on import.
"""

from __future__ import annotations

import gc
from typing import Any

# TRICKY: `import app.x` would bind the name `app` here, and `faust -A app.worker` would take the package
# for the Faust app; hence `from app import ...` throughout.
from app import log, settings, topology
from app.adapters.enricher import Enricher
from app.adapters.process import end_process


def create() -> topology.Topology:
    """The topology by the settings of this directory and environment."""
    _collect_garbage_seldom()
    loaded = settings.load()
    log.configure(loaded.log)
    return topology.build(loaded, enrich=Enricher.of(loaded), on_fatal=end_process)


def _collect_garbage_seldom() -> None:
    """Blocks hold many objects and no cycles: by default the collector would look at them all the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def __getattr__(name: str) -> Any:
    if name != "worker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["worker"] = create().app
    return globals()["worker"]
