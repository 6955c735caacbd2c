"""Hook: one table of what was struck and what came of it. Where tests run side by side, it is the one process
that collects no test who prints it, so it is registered for the whole run.
"""

from __future__ import annotations

import pytest

#: Above the cells of Outcome.row in tests/e2e/crash.py.
HEAD = [
    "| strike | rounds | struck | events | lost | doubled | looked after | mended | seconds |",
    "|---|---|---|---|---|---|---|---|---|",
]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table of what was struck and what came of it."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [value for report in reports for name, value in report.user_properties if name == "crash"]
    if rows:
        terminalreporter.write_line("\n".join(["", *HEAD, *map(str, rows)]))
