"""The arithmetic of the benchmarks: spans, CPU time, delays, blocks and tables."""

from __future__ import annotations

import os

import msgspec
import pytest

from bench.__main__ import PARTS, parser
from bench.blocks import blocks
from bench.cpu import cpu_s, value_at
from bench.engine_views import Cost, leaves_first
from bench.freshness import Visible, spread
from bench.job import Job, Progress, Span
from bench.ladder import median_row, ratios
from bench.report import Section
from bench.rig import Row
from tests.factories import web_event


def job(directory, *, total=100):
    return Job(servers="s", topic="t", group="g", partitions=4, total=total, directory=str(directory))


def row(*, events=1000, wall_s=2.0, **cpu_s):
    return Row(
        name="x", total=events, span=Span(first_at=10.0, last_at=10.0 + wall_s, events=events), cpu_s=cpu_s
    )


def test_a_job_reaches_another_process_by_its_environment(tmp_path, monkeypatch):
    for name, value in job(tmp_path).env().items():
        monkeypatch.setenv(name, value)
    assert Job.given() == job(tmp_path)


def test_there_is_no_span_before_the_first_event(tmp_path):
    Progress(100, report=job(tmp_path).report).begin()
    assert job(tmp_path).span() is None


def test_a_report_ends_with_the_last_event_even_where_it_falls_between_two_notes(tmp_path):
    progress = Progress(103, report=job(tmp_path).report)
    for _ in range(103):
        progress.begin()
        progress.add()
    assert progress.is_done
    span = job(tmp_path).span()
    assert span == progress.span
    assert span.events == 103


def test_a_span_begins_before_the_first_event_is_handled(tmp_path):
    progress = Progress(10)
    progress.begin()
    progress.add(10)
    before = progress.span.first_at
    progress.begin()
    progress.add(1)
    assert progress.span.first_at == before <= progress.span.last_at


def test_the_cpu_time_of_this_process_is_what_the_system_says():
    user, system = os.times()[:2]
    assert cpu_s(os.getpid()) == pytest.approx(user + system, abs=0.1)


@pytest.mark.parametrize(
    ("at", "value"), [(0.0, 5.0), (1.0, 5.0), (1.5, 6.0), (2.0, 7.0), (3.0, 9.0), (9.0, 11.0)]
)
def test_a_value_between_samples_grows_evenly(at, value):
    assert value_at([(1.0, 5.0), (2.0, 7.0), (4.0, 11.0)], at) == value


def test_rates_and_costs_are_by_event():
    measured = row(program=0.5, engine=0.25)
    assert measured.events_per_s == 500
    assert measured.cpu_us("program") == 500
    assert measured.cpu_us("broker") == 0
    assert measured.all_cpu_us == 750


def test_a_ratio_is_of_rate_of_the_programs_cpu_and_of_all_cpu_within_a_pass():
    worker = row(wall_s=1.0, program=0.1, engine=0.3)
    slow, fast = row(wall_s=2.0, program=0.2, broker=0.2), row(wall_s=0.5, program=0.2, broker=0.0)
    assert ratios("c / d", [(worker, slow), (worker, fast), (worker, slow)]) == (
        "c / d",
        "2.00 (0.50-2.00)",
        "0.50 (0.50-0.50)",
        "1.00 (1.00-2.00)",
    )
    assert median_row([slow, worker, fast]) is worker


def test_an_event_is_delayed_until_its_partition_counts_it():
    visible, sent = Visible(2), [[1.0, 2.0, 3.0], [1.5]]
    visible.see(sent, partition=0, count=2, at=5.0)
    visible.see(sent, partition=1, count=1, at=5.0)
    visible.see(sent, partition=0, count=3, at=6.0)
    assert visible.count == 4
    assert visible.delays_s(after=0.0) == [4.0, 3.0, 3.5, 3.0]
    assert visible.delays_s(after=1.5) == [3.0, 3.0]


def test_a_site_of_a_partition_holds_its_visitors_alone():
    lanes = spread([web_event(visitor_id=f"v{number % 7}") for number in range(50)], partitions=4)
    assert len({partition for partition, _ in lanes}) > 1
    for partition, (key, value) in lanes:
        assert key.startswith(f"{partition}:".encode())
        assert msgspec.json.decode(value)["site_id"] == str(partition)
    homes = {key.partition(b":")[2]: partition for partition, (key, _) in lanes}
    assert all(homes[key.partition(b":")[2]] == partition for partition, (key, _) in lanes)


def test_blocks_are_runs_of_offsets_of_one_partition():
    messages = [(f"shop:v{number % 9}".encode(), b"{}") for number in range(200)]
    made = list(blocks(messages, size=10))
    assert made
    ends: dict[int, int] = {}
    for block in made:
        assert [record.offset for record in block.records] == [*range(block.id.start, block.id.end + 1)]
        assert len(block.records) == 10
        assert block.id.start == ends.get(block.id.partition, -1) + 1
        ends[block.id.partition] = block.id.end


def test_a_view_is_taken_off_before_what_it_reads_from():
    graph = {
        "events_in": [("bronze_mv", "bronze"), ("silver_mv", "silver")],
        "silver": [("gold_mv", "gold"), ("other_mv", "other")],
    }
    assert leaves_first(graph, root="events_in") == ["bronze_mv", "gold_mv", "other_mv", "silver_mv"]


def test_a_cost_is_a_fixed_part_and_one_for_each_event():
    cost = Cost(small_ms=14.0, big_ms=50.0)  # 10 ms, and 10 us for each of 400 or 4,000
    assert cost.fixed_ms == pytest.approx(10.0)
    assert cost.event_us == pytest.approx(10.0)


def test_all_parts_are_measured_unless_some_are_named():
    assert parser().parse_args([]).only == PARTS
    assert parser().parse_args(["--only", "ladder", "views"]).only == ["ladder", "views"]


def test_a_section_is_a_markdown_table_with_figures_to_the_right():
    section = Section(title="T", columns=("row", "us"), rows=[("a", "1.0")], note="N")
    assert section.markdown() == "## T\n\n| row | us |\n| --- | ---: |\n| a | 1.0 |\n\nN\n"
