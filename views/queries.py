"""Questions -> answers, by the parameterized views of this folder. Values are always bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.adapters.clickhouse import QueryPool
from app.errors import NotFoundError
from app.settings import Settings
from views.answers import (
    BlockTotals,
    ChannelRow,
    DeviceClassRow,
    DeviceRow,
    FunnelConversion,
    Overview,
    PageMetrics,
    PageRow,
    Point,
    Series,
    SessionList,
    SourceRow,
    UserBehavior,
)
from views.catalog import VIEWS, Interval, SessionFilter, SessionOrder
from views.figures import (
    conversion,
    figures,
    median_of,
    page_pattern,
    person_event,
    quantiles,
    ratio,
    session_item,
    summed,
)
from views.params import Scope

TIMELINE_EVENTS = 200


class Queries:
    """Every question that the REST API can ask."""

    def __init__(self, pool: QueryPool, *, settings: Settings) -> None:
        self._pool = pool
        self.settings = settings

    async def overview(self, scope: Scope) -> Overview:
        """The headline metrics."""
        (site,) = await self._rows("site_totals", scope.by_day)
        (sessions,) = await self._rows("session_totals", scope.by_time)
        return Overview(
            **_about(scope, layer="gold"),
            visitors=site["visitors"],
            page_views=site["page_views"],
            sessions=sessions["sessions"],
            bounce_rate=ratio(sessions["bounces"], sessions["sessions"]),
            session_duration_s=ratio(sessions["duration_ms"], sessions["sessions"]) / 1000,
            median_session_duration_s=median_of(sessions["durations"]) / 1000,
            conversion_rate=ratio(sessions["converted_sessions"], sessions["sessions"]),
            events=site["events"],
            conversions=site["conversions"],
            revenue=float(site["revenue"]),
            sources=await self.channels(scope),
            devices=await self.device_classes(scope),
        )

    async def sources(self, scope: Scope) -> list[SourceRow]:
        """Sessions by channel and source, most first."""
        rows = await self._rows("traffic_sources", scope.by_day)
        return [SourceRow(channel=row["channel"], source=row["source"], **figures(row)) for row in rows]

    async def channels(self, scope: Scope) -> list[ChannelRow]:
        """Sessions by channel, most first."""
        rows = summed(await self._rows("traffic_sources", scope.by_day), by="channel")
        return [ChannelRow(channel=row["channel"], **figures(row)) for row in rows]

    async def devices(self, scope: Scope) -> list[DeviceRow]:
        """Sessions by device class, browser and system, most first."""
        rows = await self._rows("devices", scope.by_day)
        return [
            DeviceRow(device_class=row["device_class"], browser=row["browser"], os=row["os"], **figures(row))
            for row in rows
        ]

    async def device_classes(self, scope: Scope) -> list[DeviceClassRow]:
        """Sessions by device class, most first."""
        rows = summed(await self._rows("devices", scope.by_day), by="device_class")
        return [DeviceClassRow(device_class=row["device_class"], **figures(row)) for row in rows]

    async def series(self, scope: Scope, *, interval: Interval) -> Series:
        """Events over time."""
        bound = scope.by_day if interval is Interval.DAY else scope.by_time
        rows = await self._rows(interval.view, bound)
        return Series(**_about(scope, layer="gold"), interval=interval, points=[Point(**row) for row in rows])

    async def top_pages(self, scope: Scope, *, limit: int) -> list[PageRow]:
        """The pages with the most page views."""
        rows = await self._rows("top_pages", {**scope.by_day, "limit": limit})
        return [
            PageRow(
                path=row["path"],
                page_views=row["page_views"],
                visitors=row["visitors"],
                engaged_s_per_view=ratio(row["engaged_ms"], row["page_views"]) / 1000,
            )
            for row in rows
        ]

    async def page_metrics(self, scope: Scope, *, page: str) -> PageMetrics:
        """Views, entries, exits, engagement and timings of one page; NotFoundError for one never seen."""
        bound = {**scope.by_day, "path": page}
        (views,) = await self._rows("page_metrics", bound)
        if not views["events"]:
            raise NotFoundError(
                f"no event of page {page!r} in this period; a page id is its path, e.g. %2Fcart"
            )
        (sessions,) = await self._rows("page_sessions", bound)
        return PageMetrics(
            **_about(scope, layer="gold"),
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

    async def funnel(self, scope: Scope, *, funnel_id: str) -> FunnelConversion:
        """Who got how far in a funnel of the settings; NotFoundError for one that is not there."""
        funnel = self.settings.funnels.get(funnel_id)
        if funnel is None:
            known = ", ".join(sorted(self.settings.funnels)) or "none"
            raise NotFoundError(f"no funnel {funnel_id[:64]!r}; known are: {known} (faust.yml, `funnels`)")
        bound = {
            **scope.by_day,
            "pages": [page_pattern(step.page) if step.page else "" for step in funnel.steps],
            "names": [step.event for step in funnel.steps],
            "window_ms": funnel.window_ms,
        }
        levels = {row["level"]: row["visitors"] for row in await self._rows("funnel_levels", bound)}
        reached = [
            sum(count for level, count in levels.items() if level >= step)
            for step in range(1, len(funnel.steps) + 1)
        ]
        return FunnelConversion(
            **_about(scope, layer="silver"),
            funnel_id=funnel_id,
            title=funnel.title,
            window_ms=funnel.window_ms,
            conversion=ratio(reached[-1], reached[0]),
            steps=conversion([step.title for step in funnel.steps], reached),
        )

    async def sessions(
        self,
        scope: Scope,
        *,
        filters: Sequence[SessionFilter] = (),
        order: SessionOrder = SessionOrder.LATEST,
        limit: int = 50,
        offset: int = 0,
    ) -> SessionList:
        """Sessions that pass every filter, in order; ``offset`` of them are passed over."""
        view = VIEWS["living_sessions"]
        conditions = [f"{{field{n}:Identifier}} = {{value{n}:String}}" for n in range(len(filters))]
        bound = {**scope.by_day, "limit": limit + 1, "offset": offset}
        for number, one in enumerate(filters):
            bound |= {f"field{number}": one.field, f"value{number}": one.value}
        sql = (
            f"SELECT * FROM {view.call(self._database)} "  # noqa: S608 - names are ours, values are bound
            f"WHERE {' AND '.join(conditions) or '1'} "
            f"ORDER BY {order.sql}, session_id LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}"
        )
        rows = await self._ask(sql, bound)
        items = [session_item(row) for row in rows[:limit]]
        following = str(offset + limit) if len(rows) > limit else None
        return SessionList(**_about(scope, layer="silver"), sessions=items, next_cursor=following)

    async def user_behavior(self, scope: Scope, *, user_id: str) -> UserBehavior:
        """What a user id, or a visitor id, has done; NotFoundError for one never seen."""
        bound = {**scope.by_day, "person": user_id}
        del bound["bots"]
        (totals,) = await self._rows("person_totals", bound)
        if not totals["events"]:
            raise NotFoundError(f"no event of user or visitor {user_id[:128]!r} in this period")
        view = VIEWS["person_events"].call(self._database)
        sql = f"SELECT * FROM {view} LIMIT {TIMELINE_EVENTS}"  # noqa: S608 - names are ours
        return UserBehavior(
            **_about(scope, layer="silver"),
            user_id=user_id,
            visitors=totals["visitors"],
            events=totals["events"],
            page_views=totals["page_views"],
            conversions=totals["conversions"],
            revenue=float(totals["revenue"]),
            engaged_s=totals["engaged_ms"] / 1000,
            first_seen_at=totals["first_seen_at"],
            last_seen_at=totals["last_seen_at"],
            timeline=[person_event(row) for row in await self._ask(sql, bound)],
        )

    async def block_totals(self, *, epoch: int) -> BlockTotals:
        """What became of the events of one epoch of the events topic."""
        (totals,) = await self._rows("block_totals", {"epoch": epoch})
        (bots,) = await self._rows("bot_events", {"epoch": epoch})
        reasons = await self._rows("reject_reasons", {"epoch": epoch})
        return BlockTotals(
            **totals,
            bots=bots["events"],
            rejected_by_reason={row["reason"]: row["rejected"] for row in reasons},
        )

    @property
    def _database(self) -> str:
        return self.settings.clickhouse.database

    async def _rows(self, name: str, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
        sql = f"SELECT * FROM {VIEWS[name].call(self._database)}"  # noqa: S608 - names are ours, values are bound
        return await self._ask(sql, bound)

    async def _ask(self, sql: str, bound: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = await self._pool.query(sql, bound)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _about(scope: Scope, *, layer: str) -> dict[str, Any]:
    return {
        "site_id": scope.site_id,
        "since": scope.period.since,
        "until": scope.period.until,
        "timezone": scope.period.zone.key,
        "layer": layer,
    }
