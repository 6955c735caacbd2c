"""A template -> the parts of its report, asked one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from app.core.experiments.contracts import VariantResult
from app.errors import NotFoundError, QueryError
from views.catalog import Interval
from views.experiments.model import CONTROL, ExperimentResults, ResultsAsked, VariantSeen
from views.funnels.model import FUNNEL
from views.params import Scope
from views.queries import Queries
from views.stats.model import Asked, Metric, Order
from web.reports.model import ConversionRow, FunnelRow, Report, Template, TimingRow, VariantRow

TOP_PAGES = 50
#: Pages whose timings are told: each is two questions.
TIMED_PAGES = 20
TOP_VALUES = 50
#: Experiments that are told: each is a question of its own.
EXPERIMENTS = 20

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
    """Every funnel of the settings and of the site, step by step."""
    rows: list[FunnelRow] = []
    for funnel in await queries.definitions.listed(FUNNEL, site_id=scope.site_id):
        try:
            found = await queries.funnel(scope, funnel_id=funnel.id)
        except NotFoundError:
            continue  # it was deleted meanwhile
        rows += [
            FunnelRow(
                funnel=funnel.id,
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


async def _experiments(queries: Queries, scope: Scope) -> list[VariantRow]:
    """The experiments exposed last, variant by variant."""
    found = await queries.experiments(scope)
    rows: list[VariantRow] = []
    for one in found.experiments[:EXPERIMENTS]:
        try:
            results = await queries.experiment_results(scope, ResultsAsked(experiment=one.experiment))
        except QueryError:
            rows += [_not_compared(one.experiment, variant) for variant in one.variants]
        else:
            rows += [_compared(results, variant) for variant in results.evaluation.variants]
    return rows


def _compared(results: ExperimentResults, variant: VariantResult) -> VariantRow:
    against = variant.comparison
    return VariantRow(
        experiment=results.experiment,
        variant=variant.name,
        users=variant.users,
        conversion_rate=variant.value,
        low=variant.interval.low,
        high=variant.interval.high,
        lift=against.effect.lift if against else None,
        p_value=against.adjusted_always_valid_p_value if against else None,
        verdict=against.verdict if against else CONTROL,
        is_winner=variant.name == results.evaluation.winner,
        warnings=", ".join(results.evaluation.warnings),
    )


def _not_compared(experiment: str, variant: VariantSeen) -> VariantRow:
    return VariantRow(
        experiment=experiment,
        variant=variant.variant,
        users=variant.visitors,
        conversion_rate=None,
        low=None,
        high=None,
        lift=None,
        p_value=None,
        verdict="not_compared",
        is_winner=False,
        warnings="",
    )


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
    "experiments": _experiments,
}
TEMPLATES: Mapping[Template, tuple[str, ...]] = {
    Template.OVERVIEW: ("overview", "series"),
    Template.ACQUISITION: ("overview", "channels", "sources", "devices"),
    Template.CONTENT: ("overview", "pages"),
    Template.CONVERSION: ("overview", "conversions_by_channel", "conversions_by_entry_page", "funnels"),
    Template.PERFORMANCE: ("overview", "timings"),
    Template.EXPERIMENT: ("overview", "experiments"),
}
