"""WUA_REQUIRE_KAFKA=1: a run in which real-Kafka tests were passed over fails, whoever passed them over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest_plugins = "pytester"

Run = Callable[..., pytest.RunResult]
HEAD = """
import pytest
@pytest.fixture
def kafka():
    pytest.skip("no broker here")
"""
SKIPS = (
    HEAD
    + """
@pytest.mark.kafka
def test_real(kafka):
    pass
"""
)
PASSES = """
import pytest
@pytest.mark.kafka
def test_real():
    pass
"""
PLAIN = """
def test_plain():
    pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest with the gate, and no other plugin, over one file; returns what came out."""
    pytester.makeini("[pytest]\nmarkers =\n  kafka: real\n  crash: kills\naddopts = --strict-markers -rA")
    monkeypatch.setenv("WUA_REQUIRE_KAFKA", "1")
    monkeypatch.setenv("WUA_KAFKA", "127.0.0.1:1")
    others = [
        argument for name in ("asyncio", "hypothesispytest", "anyio") for argument in ("-p", f"no:{name}")
    ]

    def go(source: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess("-p", "tests.kafka.gate", *others, *arguments)

    return go


def test_a_skip_stays_a_skip_where_kafka_is_not_required(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WUA_REQUIRE_KAFKA", "0")
    result = run(SKIPS)
    result.assert_outcomes(skipped=1)
    assert result.ret == pytest.ExitCode.OK


def test_a_skip_is_a_failure_that_gives_the_reason(run: Run) -> None:
    result = run(SKIPS + PLAIN)
    result.assert_outcomes(errors=1, passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*WUA_REQUIRE_KAFKA is set, but this test was skipped: *no broker here*"])


def test_taking_the_fixture_is_enough_to_be_a_real_kafka_test(run: Run) -> None:
    result = run(HEAD + "def test_unmarked(kafka):\n    pass\n")
    result.assert_outcomes(errors=1)


def test_a_skip_mark_is_no_way_round(run: Run) -> None:
    result = run("import pytest\n@pytest.mark.kafka\n@pytest.mark.skip(reason='later')\ndef test_real(): ...")
    result.assert_outcomes(errors=1)


def test_a_skip_in_the_middle_of_the_test_is_no_way_round(run: Run) -> None:
    result = run("import pytest\n@pytest.mark.kafka\ndef test_real():\n    pytest.skip('changed my mind')")
    result.assert_outcomes(failed=1)


def test_a_module_that_skips_itself_is_no_way_round(run: Run) -> None:
    result = run("import pytest\npytest.importorskip('no_such_module')\npytestmark = pytest.mark.kafka")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*the module skipped itself*"])


def test_an_expected_failure_is_not_a_skip(run: Run) -> None:
    result = run(PASSES + "@pytest.mark.kafka\n@pytest.mark.xfail\ndef test_known():\n    assert False")
    result.assert_outcomes(passed=1, xfailed=1)
    assert result.ret == pytest.ExitCode.OK


def test_other_tests_may_skip(run: Run) -> None:
    result = run(PASSES + "def test_other():\n    pytest.skip('no such thing here')")
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize("chosen", [[], ["-m", "not crash"]])
def test_a_whole_run_without_a_real_kafka_test_fails(run: Run, chosen: list[str]) -> None:
    result = run(PLAIN, *chosen)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*no test marked `kafka` passed: failed.*"])


@pytest.mark.parametrize("chosen", [["test_part.py"], ["-k", "plain"], ["-m", "not kafka"]])
def test_a_run_of_a_part_may_be_without(run: Run, pytester: pytest.Pytester, chosen: list[str]) -> None:
    pytester.makepyfile(test_part=PLAIN)
    result = run("", *chosen)
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.OK


def test_the_report_says_which_kafka(run: Run) -> None:
    result = run(PASSES)
    result.stdout.fnmatch_lines(["kafka: WUA_KAFKA=127.0.0.1:1 [[]required[]]"])
