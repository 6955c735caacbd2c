"""The end of this process."""

from __future__ import annotations

import os

from app import log


def end_process(error: Exception) -> None:
    """End the process at once after an error that nothing could handle, with sysexits' code 70.

    Its supervisor restarts it; nothing is committed that was not done.
    """
    log.get("worker").error("worker.fatal", error=repr(error), exit_code=os.EX_SOFTWARE)
    os._exit(os.EX_SOFTWARE)
