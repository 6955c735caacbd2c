"""The analyses of one site: each is made in a module of its own, and asked here. Values are always bound."""

from __future__ import annotations

from collections.abc import Sequence

from app.adapters.clickhouse import QueryPool
from app.adapters.clickhouse.accounts import Accounts
from app.adapters.clickhouse.api_keys import ApiKeys
from app.adapters.clickhouse.changes import Store
from app.adapters.clickhouse.records import Records
from app.adapters.rules import rules_of
from app.settings import Settings
from views.attribution.answer import attribution
from views.attribution.model import Attribution, AttributionAsked
from views.cohorts.adoption import adoption
from views.cohorts.calendar import Cadence
from views.cohorts.lifecycle import lifecycle
from views.cohorts.model import Adoption, By, Lifecycle, Retention, RetentionAsked
from views.cohorts.retention import retention
from views.definitions import Definitions
from views.experiments.answer import results, seen
from views.experiments.model import ExperimentList, ExperimentResults, ResultsAsked
from views.freshness import Freshness
from views.funnels.answer import funnel_conversion
from views.funnels.currencies import KnownCurrencies
from views.funnels.model import (
    ALL_WALKS,
    FUNNEL,
    FunnelAsked,
    FunnelConversion,
    FunnelDefinition,
    check,
    of_settings,
)
from views.goals import GOAL, GoalAsked, GoalConversions, goal_conversions
from views.happenings import Happening
from views.heatmap import Heatmap, HeatmapAsked, heatmap
from views.journeys.answer import flow, top_paths
from views.journeys.model import Flow, Journeys, TopPaths
from views.known_spans import KnownSpans
from views.matching import refuse_bad_expressions
from views.page_figures import PageFigures
from views.page_list import PageList, PagesAsked, page_list
from views.page_visitors import PageVisitors
from views.params import Scope
from views.performance.answer import performance, regressions, slow_pages
from views.performance.model import (
    Measured,
    Performance,
    PerformanceField,
    Regressions,
    SlowPages,
    Vital,
)
from views.reading import Reader
from views.realtime import Realtime, RealtimeAsked, realtime
from views.remembered import Answers
from views.seo import Seo, seo
from views.series import SeriesByTime
from views.stats.answer import stats
from views.stats.model import Asked, Stats, Step


class Analyses:
    """The questions that need more than one view."""

    def __init__(self, pool: QueryPool, *, settings: Settings) -> None:
        self.settings = settings
        self._reader = Reader(pool, database=settings.clickhouse.database)
        self._spans = KnownSpans(self._reader)
        self._freshness = Freshness(self._reader)
        self._currencies = KnownCurrencies(self._reader, settings.currencies)
        self._page_visitors = PageVisitors(self._reader)
        self._page_figures = PageFigures(self._reader)
        self._series = SeriesByTime(self._reader)
        self._performance = Answers()
        self._rules = rules_of(settings)
        self.logs = Store(pool, Records(settings.clickhouse), settings.clickhouse.database)
        self.accounts = Accounts(self.logs)
        self.api_keys = ApiKeys(pool, database=settings.clickhouse.database)
        fixed = {FUNNEL.name: {name: of_settings(one) for name, one in settings.funnels.items()}}
        self.definitions = Definitions(self._reader, settings.clickhouse, fixed=fixed)

    @property
    def reader(self) -> Reader:
        """What the questions are asked with."""
        return self._reader

    async def close(self) -> None:
        """Close what the logs are written with; the pool belongs to whoever gave it."""
        await self.logs.records.close()

    async def stats(self, scope: Scope, asked: Asked) -> Stats:
        """Any metrics by any dimensions, intervals and filter."""
        return await stats(
            self._reader,
            scope,
            asked,
            cap_ms=self._cap_ms(scope),
            spans=self._spans,
            freshness=self._freshness,
        )

    async def top_paths(self, scope: Scope, asked: Journeys) -> TopPaths:
        """The paths that most sessions take."""
        return await top_paths(self._reader, scope, asked, cap_ms=self._cap_ms(scope))

    async def flow(self, scope: Scope, asked: Journeys) -> Flow:
        """Where sessions come from and go to, step by step."""
        return await flow(self._reader, scope, asked, cap_ms=self._cap_ms(scope))

    async def retention(self, scope: Scope, asked: RetentionAsked) -> Retention:
        """Cohorts, and who came back."""
        return await retention(self._reader, scope, asked, cap_ms=self._cap_ms(scope))

    async def lifecycle(
        self, scope: Scope, *, interval: Cadence, activity: Happening, by: By = By.VISITOR
    ) -> Lifecycle:
        """New, returning, resurrected and dormant visitors."""
        return await lifecycle(
            self._reader, scope, interval=interval, activity=activity, by=by, cap_ms=self._cap_ms(scope)
        )

    async def adoption(
        self, scope: Scope, *, interval: Cadence, feature: Happening, by: By = By.VISITOR
    ) -> Adoption:
        """How a page or event was taken up, how often and how regularly it is used."""
        return await adoption(
            self._reader, scope, interval=interval, feature=feature, by=by, cap_ms=self._cap_ms(scope)
        )

    async def attribution(self, scope: Scope, asked: AttributionAsked) -> Attribution:
        """What led to the conversions of a period."""
        return await attribution(self._reader, scope, asked, cap_ms=self._cap_ms(scope))

    async def experiments(self, scope: Scope) -> ExperimentList:
        """The experiments that visitors were exposed to in a period."""
        return await seen(self._reader, scope)

    async def experiment_results(self, scope: Scope, asked: ResultsAsked) -> ExperimentResults:
        """How the variants of an experiment did; NotFoundError for one that nobody was exposed to."""
        return await results(self._reader, scope, asked)

    async def page_list(self, scope: Scope, asked: PagesAsked) -> PageList:
        """Pages in any order; of what passes a filter, where one is given."""
        return await page_list(
            self._reader, scope, asked, cap_ms=self._cap_ms(scope), visitors=self._page_visitors
        )

    async def performance(
        self,
        scope: Scope,
        asked: Measured,
        *,
        by: Sequence[PerformanceField] = (),
        interval: Step | None = None,
    ) -> Performance:
        """How load times and web vitals are spread."""
        return await performance(
            self._reader, scope, asked, by=by, interval=interval, answers=self._performance
        )

    async def slow_pages(self, scope: Scope, asked: Measured, *, vital: Vital) -> SlowPages:
        """The slowest pages by one measure."""
        return await slow_pages(self._reader, scope, asked, vital=vital, answers=self._performance)

    async def regressions(self, scope: Scope, asked: Measured, *, min_change_percent: int) -> Regressions:
        """What became slower than it was in as many days before."""
        return await regressions(
            self._reader, scope, asked, min_change_percent=min_change_percent, answers=self._performance
        )

    async def realtime(self, asked: RealtimeAsked) -> Realtime:
        """What goes on now."""
        cap_ms = self._rules.sessions_of(asked.site_id).cap_ms
        return await realtime(self._reader, asked, cap_ms=cap_ms)

    async def heatmap(self, scope: Scope, asked: HeatmapAsked) -> Heatmap:
        """Where one page is clicked, on what, in vain, and how far it is scrolled."""
        return await heatmap(self._reader, scope, asked)

    async def seo(self, scope: Scope, *, limit: int) -> Seo:
        """What organic search and AI assistants bring, and what their crawlers take."""
        return await seo(self._reader, scope, limit=limit, cap_ms=self._cap_ms(scope))

    async def funnel(
        self, scope: Scope, *, funnel_id: str, asked: FunnelAsked = ALL_WALKS
    ) -> FunnelConversion:
        """Who got how far in a funnel, stored or of the settings; NotFoundError for one that is not there."""
        found = await self.definitions.get(FUNNEL, site_id=scope.site_id, definition_id=funnel_id)
        assert found.definition
        return await self._walked(scope, definition=found.definition, funnel_id=funnel_id, asked=asked)

    async def goal(self, scope: Scope, *, goal_id: str, asked: GoalAsked) -> GoalConversions:
        """How often a goal was reached; NotFoundError for one that is not there."""
        found = await self.definitions.get(GOAL, site_id=scope.site_id, definition_id=goal_id)
        assert found.definition
        return await goal_conversions(
            self._reader,
            scope,
            goal_id=goal_id,
            goal=found.definition,
            asked=asked,
            currencies=self.settings.currencies,
            cap_ms=self._cap_ms(scope),
        )

    def _cap_ms(self, scope: Scope) -> int:
        """How long a session of the site can be, 0 for no bound."""
        return self._rules.sessions_of(scope.site_id).cap_ms

    async def funnel_of(
        self, scope: Scope, *, definition: FunnelDefinition, funnel_id: str, asked: FunnelAsked
    ) -> FunnelConversion:
        """Who got how far in a funnel that is not stored; QueryError for one that never could be."""
        await refuse_bad_expressions(self._reader, check(definition))
        return await self._walked(scope, definition=definition, funnel_id=funnel_id, asked=asked)

    async def _walked(
        self, scope: Scope, *, definition: FunnelDefinition, funnel_id: str, asked: FunnelAsked
    ) -> FunnelConversion:
        return await funnel_conversion(
            self._reader,
            scope,
            funnel_id=funnel_id,
            definition=definition,
            asked=asked,
            currencies=self._currencies,
            cap_ms=self._cap_ms(scope),
        )
