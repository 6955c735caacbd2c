"""Questions -> answers, by the parameterized views of this folder. Values are always bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date

from app.core.visitor_spans import WHOLE
from app.errors import NotFoundError
from app.events.dead_letter import EventName, KeptLetter
from app.events.vocabulary import BotReason, ImportedDimension
from app.events.wire import WebEvent
from views.analyses import Analyses
from views.answers import (
    AiPageRow,
    BlockTotals,
    BotReasonRow,
    BotRow,
    BotTraffic,
    ChannelRow,
    DataQuality,
    DeadLetterDetail,
    DeadLetterList,
    DeviceClassRow,
    DeviceRow,
    Overview,
    PageMetrics,
    PageRow,
    QualityFigures,
    QualityHour,
    Series,
    SessionList,
    SourceRow,
    UserBehavior,
)
from views.catalog import Interval, SessionFilter, SessionOrder
from views.figures import figures, median_of, quality, quantiles, ratio
from views.imports import ImportedDays, ImportList, import_list, imported_days, replayed_days
from views.letters import (
    LetterFilter,
    accepted_events,
    letter,
    letter_list,
    letter_pages,
    letters_named,
)
from views.matching import expressions, refuse_bad_expressions
from views.overview import OverviewAsked, overview
from views.page_list import PagesAsked
from views.params import Scope
from views.people import user_behavior
from views.reading import about
from views.session_list import Cursor, session_list
from views.session_timeline import SessionDetail, session_timeline
from views.visitors import sums_by


class Queries(Analyses):
    """Every question that the REST API can ask."""

    async def overview(self, scope: Scope) -> Overview:
        """The headline metrics; a session counts with all that is its own where it began."""
        sums, layer = await sums_by(self._reader, self._spans, scope, ["channel", "device_class"])
        (whole,) = sums[WHOLE]
        return Overview(
            **about(scope, layer=layer),
            visitors=whole["visitors"],
            page_views=whole["page_views"],
            sessions=whole["sessions"],
            bounce_rate=ratio(whole["bounces"], whole["sessions"]),
            session_duration_s=ratio(whole["duration_ms"], whole["sessions"]) / 1000,
            median_session_duration_s=median_of(whole["durations"]) / 1000,
            conversion_rate=ratio(whole["converted_sessions"], whole["sessions"]),
            events=whole["events"],
            conversions=whole["conversions"],
            revenue=float(whole["revenue"]),
            sources=[ChannelRow(channel=row["value"], **figures(row)) for row in sums["channel"]],
            devices=[
                DeviceClassRow(device_class=row["value"], **figures(row)) for row in sums["device_class"]
            ],
        )

    async def overview_asked(self, scope: Scope, asked: OverviewAsked) -> Overview:
        """The headline metrics of what passes a filter, beside those of another period."""
        await refuse_bad_expressions(self._reader, expressions(asked.filter))
        return await overview(scope, asked, of_all=self.overview, stats=self.stats)

    async def sources(self, scope: Scope) -> list[SourceRow]:
        """Sessions by channel and source, most first."""
        rows = await self._reader.rows("traffic_sources", scope.by_day)
        return [SourceRow(channel=row["channel"], source=row["source"], **figures(row)) for row in rows]

    async def channels(self, scope: Scope) -> list[ChannelRow]:
        """Sessions by channel, most first."""
        sums, _ = await sums_by(self._reader, self._spans, scope, ["channel"])
        return [ChannelRow(channel=row["value"], **figures(row)) for row in sums["channel"]]

    async def devices(self, scope: Scope) -> list[DeviceRow]:
        """Sessions by device class, browser and system, most first."""
        rows = await self._reader.rows("devices", scope.by_day)
        return [
            DeviceRow(device_class=row["device_class"], browser=row["browser"], os=row["os"], **figures(row))
            for row in rows
        ]

    async def device_classes(self, scope: Scope) -> list[DeviceClassRow]:
        """Sessions by device class, most first."""
        sums, _ = await sums_by(self._reader, self._spans, scope, ["device_class"])
        return [DeviceClassRow(device_class=row["value"], **figures(row)) for row in sums["device_class"]]

    async def series(self, scope: Scope, *, interval: Interval) -> Series:
        """Events over time."""
        return await self._series.of(scope, interval)

    async def top_pages(self, scope: Scope, *, limit: int) -> list[PageRow]:
        """The pages with the most page views."""
        found = await self.page_list(scope, PagesAsked(limit=limit))
        return [
            PageRow(
                path=page.path,
                page_views=page.page_views,
                visitors=page.visitors,
                engaged_s_per_view=page.engaged_s_per_view,
            )
            for page in found.pages
            if page.page_views
        ]

    async def bots(self, scope: Scope, *, limit: int) -> BotTraffic:
        """What programs did; of the pages that AI took from, or sent people to, the ``limit`` with most."""
        rows = await self._reader.rows("bot_traffic", scope.by_day)
        reasons = await self._reader.rows("bot_reasons", scope.by_day)
        pages = await self._reader.rows("ai_pages", {**scope.by_day, "limit": limit})
        return BotTraffic(
            **about(scope, layer="gold"),
            events=sum(row["events"] for row in rows),
            page_views=sum(row["page_views"] for row in rows),
            bots=[BotRow(**row) for row in rows],
            reasons=[
                BotReasonRow(reason=label, events=row["events"])
                for row in reasons
                for label in BotReason(row["reason"]).labels
            ],
            ai_pages=[AiPageRow(**row) for row in pages],
        )

    async def quality(self, scope: Scope) -> DataQuality:
        """How good the events were that were received in the period, by hour."""
        rows = await self._reader.rows("quality_series", scope.by_time)
        return DataQuality(
            **about(scope, layer="gold"),
            total=QualityFigures(**quality(*rows)),
            hours=[QualityHour(at=row["at"], **quality(row)) for row in rows],
        )

    async def page_metrics(self, scope: Scope, *, page: str) -> PageMetrics:
        """Views, entries, exits, engagement and timings of one page; NotFoundError for one never seen."""
        views, sessions = await self._page_figures.of(scope, page)
        if not views["events"]:
            raise NotFoundError(
                f"no event of page {page[:256]!r} {scope}; a page id is its path as it was reported, "
                "percent-encoded: %2Fcart"
            )
        return PageMetrics(
            **about(scope, layer="gold"),
            page=page,
            page_views=views["page_views"],
            visitors=views["visitors"],
            entries=sessions["entries"],
            exits=sessions["exits"],
            bounce_rate=ratio(sessions["bounces"], sessions["entries"]),
            exit_rate=ratio(sessions["exits"], views["page_views"]),
            engaged_s_per_view=ratio(views["engaged_ms"], views["page_views"]) / 1000,
            scroll_depth=ratio(views["scroll_depth"], views["leaves"]),
            ttfb_ms=quantiles(views["ttfb_ms"]),
            fcp_ms=quantiles(views["fcp_ms"]),
            lcp_ms=quantiles(views["lcp_ms"]),
            inp_ms=quantiles(views["inp_ms"]),
            load_ms=quantiles(views["load_ms"]),
            cls=quantiles(views["cls_10000"], divisor=10_000),
        )

    async def sessions(
        self,
        scope: Scope,
        *,
        filters: Sequence[SessionFilter] = (),
        order: SessionOrder = SessionOrder.LATEST,
        limit: int = 50,
        cursor: Cursor | None = None,
    ) -> SessionList:
        """Sessions that pass every filter, in order, from behind the cursor on."""
        return await session_list(
            self._reader, scope, filters=filters, order=order, limit=limit, cursor=cursor
        )

    async def session(self, scope: Scope, *, session_id: str) -> SessionDetail:
        """One session that began in the period, and its events; NotFoundError for one that is not there."""
        return await session_timeline(self._reader, scope, session_id=session_id)

    async def user_behavior(self, scope: Scope, *, user_id: str) -> UserBehavior:
        """What a user id, or a visitor id, has done; NotFoundError for one never seen."""
        return await user_behavior(self._reader, scope, user_id=user_id)

    async def dead_letters(
        self, which: LetterFilter, *, limit: int = 50, cursor: str | None = None
    ) -> DeadLetterList:
        """What was refused, latest first, from behind the cursor on; and how much of it, by reason."""
        return await letter_list(self._reader, which, limit=limit, cursor=cursor)

    async def dead_letter(self, letter_id: str, *, site_id: str | None = None) -> DeadLetterDetail:
        """One refused event whole; NotFoundError for one that is not kept, or not of the site."""
        return await letter(self._reader, letter_id=letter_id, site_id=site_id)

    async def letters_named(self, ids: Sequence[str], *, site_id: str | None = None) -> list[KeptLetter]:
        """Refused events by id, to be sent back; NotFoundError for one not kept, or not of the site."""
        return await letters_named(self._reader, ids, site_id=site_id)

    def letter_pages(
        self, which: LetterFilter, *, limit: int | None = None
    ) -> AsyncIterator[list[KeptLetter]]:
        """Refused events, latest first, a page at a time, to be sent back."""
        return letter_pages(self._reader, which, limit=limit)

    async def accepted_events(self, events: Sequence[WebEvent]) -> set[EventName]:
        """Which of the events were accepted: site, visitor and event id in lower case."""
        return await accepted_events(self._reader, events)

    async def imports(self, *, sites: Sequence[str] = ()) -> ImportList:
        """What was imported from other tools into the sites, or into any."""
        return await import_list(self._reader, sites=sites)

    async def replayed_days(self, *, site_id: str) -> set[date]:
        """The days of a site that have events of its history already, replayed or imported."""
        return await replayed_days(self._reader, site_id=site_id)

    async def imported_days(self, scope: Scope, *, dimension: ImportedDimension, limit: int) -> ImportedDays:
        """Days as another tool counted them."""
        return await imported_days(self._reader, scope, dimension=dimension, limit=limit)

    async def block_totals(self, *, epoch: int | None = None) -> BlockTotals:
        """What became of the events of one epoch of the events topic, or of all."""
        bound = {"epochs": [] if epoch is None else [epoch]}
        reasons = await self._reader.rows("reject_reasons", bound)
        bots = await self._reader.one("bot_events", bound)
        return BlockTotals(
            **await self._reader.one("block_totals", bound),
            bots=bots["events"],
            rejected_by_reason={row["reason"]: row["rejected"] for row in reasons},
        )
