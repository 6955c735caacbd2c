"""Hooks: says which Kafka a run uses, and with WUA_REQUIRE_KAFKA=1 lets no real-Kafka test be passed over."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.kafka.broker import Kafka, choose

MARK = "kafka"
#: The choice of marks that `make test` makes; every real-Kafka test is among them.
WHOLE_RUN = "not crash"
FIXTURES = frozenset({"kafka", "mortal_kafka"})
PASSED = pytest.StashKey[int]()


def required() -> bool:
    """Whether a run without a real Kafka counts as failed."""
    return os.environ.get("WUA_REQUIRE_KAFKA", "") not in {"", "0"}


def pytest_report_header() -> str:
    """One line at the head of the report."""
    choice = choose()
    return f"kafka: {choice.why}" + (" [required]" if required() else "")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that takes the fixture is a real-Kafka test, whether or not somebody marked it."""
    for item in items:
        if FIXTURES & set(getattr(item, "fixturenames", ())) and not item.get_closest_marker(MARK):
            item.add_marker(MARK)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself takes its real-Kafka tests with it, unseen: that is a failure."""
    report = yield
    skipped = report.outcome == "skipped" and isinstance(collector, pytest.Module)
    if skipped and required() and MARK in collector.path.read_text(encoding="utf-8"):
        report.outcome = "failed"
        report.longrepr = f"WUA_REQUIRE_KAFKA is set, but the module skipped itself: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where Kafka is required; lay the broker's log beside a failure."""
    report = yield
    if item.get_closest_marker(MARK) is None:
        return report
    if report.skipped and not hasattr(report, "wasxfail") and required():
        report.outcome = "failed"
        report.longrepr = f"WUA_REQUIRE_KAFKA is set, but this test was skipped: {_reason(report)}"
    if report.failed and (tail := _log_tail(item)):
        report.sections.append(("end of the Kafka log", tail))
    return report


class _Count:
    """Counts the real-Kafka tests that passed, also those that ran in processes of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when == "call" and MARK in report.keywords:
            self._config.stash[PASSED] = self._config.stash.get(PASSED, 0) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Count from the start."""
    config.pluginmanager.register(_Count(config), "count-real-kafka")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A whole run in which no real-Kafka test passed proves nothing about Kafka."""
    if _nothing_proved(session.config) and session.exitstatus in {
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    }:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say so, too."""
    if _nothing_proved(terminalreporter.config):
        terminalreporter.section("real Kafka", red=True)
        terminalreporter.line("WUA_REQUIRE_KAFKA is set, and no test marked `kafka` passed: failed.")


def _nothing_proved(config: pytest.Config) -> bool:
    """Whether this is a whole run with Kafka required that no real-Kafka test passed."""
    option = config.option
    if hasattr(config, "workerinput"):
        return False  # a part of the run; the process that deals the tests out sees them all
    whole = config.args_source is not pytest.Config.ArgsSource.ARGS or config.args == ["tests"]
    some = option.markexpr not in ("", WHOLE_RUN)
    chosen = option.keyword or some or option.collectonly or getattr(option, "lf", False)
    return required() and whole and not chosen and not config.stash.get(PASSED, 0)


def _log_tail(item: pytest.Item) -> str:
    """The end of the log of the broker that the test used."""
    fixtures = getattr(item, "funcargs", {})
    brokers = (fixtures.get(name) for name in sorted(FIXTURES))
    return next((broker.log_tail() for broker in brokers if isinstance(broker, Kafka)), "")


def _reason(report: pytest.TestReport) -> str:
    """The text of a skip; pytest keeps it as (file, line, reason)."""
    return str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
