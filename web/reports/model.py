"""What a report is, and how it stands with one that is made in the background."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum

import msgspec

from views.answers import ChannelRow, DeviceRow, Overview, PageRow, Series, SourceRow
from views.params import Bots

NEVER = datetime.fromtimestamp(0, UTC)


class Template(StrEnum):
    """What a report holds."""

    OVERVIEW = "overview"
    ACQUISITION = "acquisition"
    CONTENT = "content"
    CONVERSION = "conversion"
    PERFORMANCE = "performance"
    EXPERIMENT = "experiment"


class Format(StrEnum):
    """How a report is written."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"
    HTML = "html"
    PDF = "pdf"

    @property
    def media_type(self) -> str:
        """What it is to whoever receives it."""
        return {
            "json": "application/json",
            "csv": "text/csv; charset=utf-8",
            "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "parquet": "application/vnd.apache.parquet",
            "html": "text/html; charset=utf-8",
            "pdf": "application/pdf",
        }[self]


class ConversionRow(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions with one value of a dimension, and what came of them."""

    value: str
    sessions: int
    converted_sessions: int
    conversion_rate: float
    conversions: int
    revenue: float


class FunnelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a funnel: who reached it, as a share of the step before, and of the first (``overall``)."""

    funnel: str
    step: str
    visitors: int
    conversion: float
    overall: float


class TimingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A page's timings: the 75th percentile of each, in ms; ``cls`` has no unit. None: never measured."""

    path: str
    page_views: int
    ttfb_ms: float | None
    fcp_ms: float | None
    lcp_ms: float | None
    inp_ms: float | None
    load_ms: float | None
    cls: float | None


class VariantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A variant of an experiment, and the part of its users who converted, with an interval of 95 %.

    ``lift``: in parts of the control's. ``p_value``: adjusted for all variants, valid at every look.
    ``verdict``: ``control``; ``better``, ``worse`` or ``undecided``; ``not_compared``, without figures, where
    no variant is called control or there is only one.
    """

    experiment: str
    variant: str
    users: int
    conversion_rate: float | None
    low: float | None
    high: float | None
    lift: float | None
    p_value: float | None
    verdict: str
    is_winner: bool
    warnings: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a report; those that its template does not hold are None."""

    template: Template
    overview: Overview
    series: Series | None = None
    channels: list[ChannelRow] | None = None
    sources: list[SourceRow] | None = None
    devices: list[DeviceRow] | None = None
    pages: list[PageRow] | None = None
    conversions_by_channel: list[ConversionRow] | None = None
    conversions_by_entry_page: list[ConversionRow] | None = None
    funnels: list[FunnelRow] | None = None
    timings: list[TimingRow] | None = None
    experiments: list[VariantRow] | None = None


class Figure(msgspec.Struct, frozen=True):
    """One figure of an overview."""

    metric: str
    value: str | float


Tables = Sequence[tuple[str, Sequence[msgspec.Struct]]]


def tables(report: Report) -> Tables:
    """The report as tables with names, in order."""
    figures = [
        Figure(name, value)
        for name, value in msgspec.to_builtins(report.overview).items()
        if isinstance(value, str | int | float)
    ]
    parts: dict[str, Sequence[msgspec.Struct] | None] = {
        "overview": figures,
        "series": report.series.points if report.series else None,
        "channels": report.channels,
        "sources": report.sources,
        "devices": report.devices,
        "pages": report.pages,
        "conversions_by_channel": report.conversions_by_channel,
        "conversions_by_entry_page": report.conversions_by_entry_page,
        "funnels": report.funnels,
        "timings": report.timings,
        "experiments": report.experiments,
    }
    return [(name, rows) for name, rows in parts.items() if rows is not None]


class JobState(StrEnum):
    """How a report stands that is made in the background."""

    QUEUED = "queued"
    RUNNING = "running"
    DELIVERING = "delivering"
    FAILED = "failed"
    DONE = "done"
    CANCELLED = "cancelled"
    REMOVED = "removed"

    @property
    def is_open(self) -> bool:
        """Whether somebody has to do something about it yet."""
        return self in (JobState.QUEUED, JobState.RUNNING, JobState.DELIVERING)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A report as ``report_jobs`` notes it; the period is the site's days ``[since, until)``.

    ``attempt``: how often it was begun; ``owner``: by whom last, whose word holds until ``lease_until``.
    ``due_at`` and ``schedule_id``: of the schedule that asked for it. ``is_handed_over``: sending has begun.
    """

    job_id: str
    at: datetime
    state: JobState = JobState.QUEUED
    attempt: int = 0
    owner: str = ""
    lease_until: datetime = NEVER
    progress: float = 0.0
    site_id: str
    template: Template
    format: Format
    bots: Bots = Bots.EXCLUDE
    since: date
    until: date
    created_at: datetime
    schedule_id: str = ""
    due_at: datetime = NEVER
    is_handed_over: int = 0
    bytes: int = 0
    problem: str = ""

    @property
    def file_name(self) -> str:
        """What a file of it is called: letters, digits, ``._-`` alone."""
        site = "".join(one if one.isascii() and one.isalnum() else "-" for one in self.site_id)
        return f"{site}_{self.template}_{self.since}_{self.until}.{self.format}"

    @property
    def title(self) -> str:
        """What stands above it."""
        return f"{self.site_id}: {self.template}"
