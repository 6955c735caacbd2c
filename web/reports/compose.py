"""A template -> the parts of its report, asked one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from views.catalog import Interval
from views.params import Scope
from views.queries import Queries
from views.stats.model import Asked, Metric, Order
from web.reports.model import ConversionRow, FunnelRow, Report, Template, TimingRow

TOP_PAGES = 50
#: Pages whose timings are told: each is two questions.
TIMED_PAGES = 20
TOP_VALUES = 50

Ask = Callable[[Queries, Scope], Awaitable[Any]]
#: Is told the share of the parts that are there, above 0 to 1.
Tell = Callable[[float], None]

_CONVERSION = (
    Metric.SESSIONS,
    Metric.CONVERTED_SESSIONS,
    Metric.CONVERSION_RATE,
    Metric.CONVERSIONS,
    Metric.REVENUE,
)


async def compose(queries: Queries, scope: Scope, *, template: Template, tell: Tell | None = None) -> Report:
    """The parts that the template holds."""
    names = TEMPLATES[template]
    parts: dict[str, Any] = {}
    for name in names:
        parts[name] = await PARTS[name](queries, scope)
        if tell is not None:
            tell(len(parts) / len(names))
    return Report(template=template, **parts)


def _by(dimension: str) -> Ask:
    asked = Asked(
        metrics=list(_CONVERSION),
        dimensions=[dimension],
        order=Order(by=Metric.SESSIONS),
        limit=TOP_VALUES,
    )

    async def ask(queries: Queries, scope: Scope) -> list[ConversionRow]:
        found = await queries.stats(scope, asked)
        return [_conversion(row.dimensions[dimension], row.metrics) for row in found.rows]

    return ask


def _conversion(value: str, metrics: Mapping[str, float]) -> ConversionRow:
    return ConversionRow(
        value=value,
        sessions=int(metrics[Metric.SESSIONS]),
        converted_sessions=int(metrics[Metric.CONVERTED_SESSIONS]),
        conversion_rate=float(metrics[Metric.CONVERSION_RATE]),
        conversions=int(metrics[Metric.CONVERSIONS]),
        revenue=float(metrics[Metric.REVENUE]),
    )


async def _funnels(queries: Queries, scope: Scope) -> list[FunnelRow]:
    """Every funnel of the settings, step by step."""
    rows: list[FunnelRow] = []
    for funnel_id in sorted(queries.settings.funnels):
        found = await queries.funnel(scope, funnel_id=funnel_id)
        rows += [
            FunnelRow(
                funnel=funnel_id,
                step=step.title,
                visitors=step.visitors,
                conversion=step.conversion,
                overall=step.overall,
            )
            for step in found.steps
        ]
    return rows


async def _timings(queries: Queries, scope: Scope) -> list[TimingRow]:
    """The most viewed pages."""
    rows: list[TimingRow] = []
    for page in await queries.top_pages(scope, limit=TIMED_PAGES):
        found = await queries.page_metrics(scope, page=page.path)
        rows.append(
            TimingRow(
                path=page.path,
                page_views=found.page_views,
                ttfb_ms=found.ttfb_ms.p75,
                fcp_ms=found.fcp_ms.p75,
                lcp_ms=found.lcp_ms.p75,
                inp_ms=found.inp_ms.p75,
                load_ms=found.load_ms.p75,
                cls=found.cls.p75,
            )
        )
    return rows


PARTS: Mapping[str, Ask] = {
    "overview": lambda queries, scope: queries.overview(scope),
    "series": lambda queries, scope: queries.series(scope, interval=Interval.DAY),
    "channels": lambda queries, scope: queries.channels(scope),
    "sources": lambda queries, scope: queries.sources(scope),
    "devices": lambda queries, scope: queries.devices(scope),
    "pages": lambda queries, scope: queries.top_pages(scope, limit=TOP_PAGES),
    "conversions_by_channel": _by("channel"),
    "conversions_by_entry_page": _by("entry_path"),
    "funnels": _funnels,
    "timings": _timings,
}
TEMPLATES: Mapping[Template, tuple[str, ...]] = {
    Template.OVERVIEW: ("overview", "series"),
    Template.ACQUISITION: ("overview", "channels", "sources", "devices"),
    Template.CONTENT: ("overview", "pages"),
    Template.CONVERSION: ("overview", "conversions_by_channel", "conversions_by_entry_page", "funnels"),
    Template.PERFORMANCE: ("overview", "timings"),
}
