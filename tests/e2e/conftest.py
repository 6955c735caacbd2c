"""Deployments of real processes; whatever a test leaves running is ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.crash import HEAD
from tests.e2e.deployment import Deployment, deployed
from tests.kafka.broker import Kafka


@pytest.fixture
def deployment(kafka: Kafka, tmp_path: Path) -> Iterator[Deployment]:
    """A front with the schema, and no worker yet."""
    with deployed(kafka, tmp_path) as deployment:
        yield deployment


@pytest.fixture
def mortal(mortal_kafka: Kafka, tmp_path: Path) -> Iterator[Deployment]:
    """The same, on a broker that may be killed."""
    with deployed(mortal_kafka, tmp_path) as deployment:
        yield deployment


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table of what was struck and what came of it."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    rows = [value for report in reports for name, value in report.user_properties if name == "crash"]
    if rows:
        terminalreporter.write_line("\n".join(["", *HEAD, *map(str, rows)]))
