"""The gate before Faust's queues: opening it drops what waits in them, but only where it was closed.

Faust's recovery opens the gate to read the changelogs of the partitions owned, again for those it keeps warm
copies of (standbys), and once more in ``Recovery.on_recovery_completed``, while the standbys are being read.
The stock gate empties every queue each time. Changelog events lost there are never missed: those behind them
carry the store's offset past the hole, and a standby that takes over would go on from outdated states.

Written against faust-streaming 0.15.3.
"""

from __future__ import annotations

from mode.utils.queues import FlowControlEvent


class FlowGate(FlowControlEvent):
    """Faust's flow control, but ``resume`` leaves the queues alone where the flow was never suspended."""

    def resume(self) -> None:
        """Let events into the queues; what was queued before a suspension is dropped."""
        if not self.is_active():
            super().resume()
