"""One page: where it is clicked, on what, in rage and in vain, and how far its views were scrolled."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec

from app.events.vocabulary import DeviceClass
from views.event_filter import event_condition
from views.figures import ratio
from views.params import LAST_DAY, Scope
from views.reading import Reader, about
from views.stats.filters import Places
from views.stats.model import Filter

LAYER = "silver: user_behavior_silver"
MAX_CELLS = 100
DEFAULT_COLUMNS, DEFAULT_ROWS = 20, 50
MAX_ELEMENTS = 500
DEFAULT_ELEMENTS = 50
#: All clicks, those of each cell, those of each element, in one pass; ``all_cells`` and ``all_elements`` tell
#: which a row is.
_CLICKS = """
SELECT {column} AS column, {row} AS row, element, element_text AS text,
    grouping(column) AS all_cells, grouping(element) AS all_elements,
    count() AS clicks, uniqExact(visitor_id) AS visitors, countIf(is_placed) AS placed_clicks,
    countIf(is_burst) AS rage_bursts, countIf(is_rage) AS rage_clicks, countIf(is_dead) AS dead_clicks
FROM {clicks}
GROUP BY GROUPING SETS ((), (column, row), (element, text))
ORDER BY clicks DESC, element, text, row, column
LIMIT {most} BY all_cells, all_elements
"""
_TOTALS = ("clicks", "visitors", "placed_clicks", "rage_bursts", "rage_clicks", "dead_clicks")


class HeatmapAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Which page, of which devices, how fine. ``filter``: by what events carry."""

    page: str
    device_class: DeviceClass | None = None
    columns: int = DEFAULT_COLUMNS
    rows: int = DEFAULT_ROWS
    elements: int = DEFAULT_ELEMENTS
    filter: Filter | None = None


class HeatCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of the grid with a click in it; column and row count from 0 at the top left."""

    column: int
    row: int
    clicks: int


class ClickedElement(msgspec.Struct, frozen=True, kw_only=True):
    """An element by its path, and the text of the link or button around it. ``share``: of all clicks."""

    element: str
    text: str
    clicks: int
    visitors: int
    share: float
    rage_clicks: int
    dead_clicks: int


class ScrollReach(msgspec.Struct, frozen=True, kw_only=True):
    """How many page views were scrolled at least so deep, in %."""

    depth: int
    page_views: int
    share: float


class Heatmap(msgspec.Struct, frozen=True, kw_only=True):
    """The clicks and page views of one page. Cells are shares of the page's width and height.

    ``placed_clicks``: those that said where; the cells sum to them. ``rage_bursts``: runs of clicks of rage.
    docs/HEATMAPS.md defines rage, dead clicks and reach.
    """

    site_id: str
    since: date
    until: date
    timezone: str
    layer: str
    page: str
    device_class: DeviceClass | None
    columns: int
    rows: int
    clicks: int
    visitors: int
    placed_clicks: int
    rage_bursts: int
    rage_clicks: int
    dead_clicks: int
    cells: list[HeatCell]
    elements: list[ClickedElement]
    page_views: int
    scroll_reach: list[ScrollReach]


async def heatmap(reader: Reader, scope: Scope, asked: HeatmapAsked) -> Heatmap:
    """The clicks of a page, and the reach of its views; all 0 for a page without events."""
    # What follows the last click or page view of the period may be of the next day.
    reach = min(LAST_DAY, scope.period.until + timedelta(days=1))
    places = Places({**scope.by_day, "path": asked.page, "reach": reach})
    passing = event_condition(asked.filter, places, database=reader.database)
    if asked.device_class is not None:
        passing += f" AND device_class = {places.put(asked.device_class.value, 'String')}"
    clicks = _CLICKS.format(
        column=_cell("click_x", asked.columns, places),
        row=_cell("click_y", asked.rows, places),
        clicks=f"{reader.call('clicks')} WHERE {passing}",
        most=MAX_CELLS**2,
    )
    found = await reader.ask(clicks, places.bound)
    in_all = [row for row in found if row["all_cells"] and row["all_elements"]]
    totals: dict[str, Any] = {name: in_all[0][name] if in_all else 0 for name in _TOTALS}
    cells = [row for row in found if not row["all_cells"] and row["placed_clicks"]]
    elements = [row for row in found if not row["all_elements"]]
    views, depths = await _reach(reader, places, passing)
    return Heatmap(
        **about(scope, layer=LAYER),
        page=asked.page,
        device_class=asked.device_class,
        columns=asked.columns,
        rows=asked.rows,
        **totals,
        cells=[
            HeatCell(column=row["column"], row=row["row"], clicks=row["placed_clicks"])
            for row in sorted(cells, key=lambda row: (row["row"], row["column"]))
        ],
        elements=[_element(row, of=totals["clicks"]) for row in elements[: asked.elements]],
        page_views=views,
        scroll_reach=depths,
    )


def _cell(share: str, count: int, places: Places) -> str:
    """SQL: the number of the column or row that a share of the page falls into."""
    # TRICKY: 0.7 is a little less as Float32, and 0.58 * 50 less than 29: both would be in the cell before.
    number = places.put(count, "UInt16")
    millionths = f"toUInt64(round(toFloat64({share}) * 1000000))"
    return f"toUInt16(least(intDiv({millionths} * {number}, 1000000), {number} - 1))"


def _element(row: dict[str, Any], *, of: int) -> ClickedElement:
    names = ("element", "text", "clicks", "visitors", "rage_clicks", "dead_clicks")
    return ClickedElement(**{name: row[name] for name in names}, share=ratio(row["clicks"], of))


async def _reach(reader: Reader, places: Places, passing: str) -> tuple[int, list[ScrollReach]]:
    """Page views, and how many of them reached each tenth of the page."""
    depths = range(10, 101, 10)
    counts = ", ".join(f"countIf(depth >= {depth}) AS to_{depth}" for depth in depths)
    rows: list[dict[str, Any]] = await reader.ask(
        f"SELECT count() AS page_views, {counts} "  # noqa: S608
        f"FROM {reader.call('viewed_depths')} WHERE {passing}",
        places.bound,
    )
    views = rows[0]["page_views"]
    return views, [
        ScrollReach(
            depth=depth, page_views=rows[0][f"to_{depth}"], share=ratio(rows[0][f"to_{depth}"], views)
        )
        for depth in depths
    ]
