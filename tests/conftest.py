"""What every test has: the choice of a real Kafka, and the rule that it may not be passed over."""

from __future__ import annotations

from tests.kafka.fixtures import kafka, mortal_kafka
from tests.kafka.gate import (
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_make_collect_report,
    pytest_report_header,
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

pytest_plugins = ["tests.e2e.crash_table", "tests.memory"]

__all__ = [
    "kafka",
    "mortal_kafka",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_make_collect_report",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
]
