"""The catalogue -> what has to agree with what: bronze and silver, silver and each gold; and what made what.

Rows are asked for a site or all of them, and for days from ``first`` to ``last``. A day of gold in UTC
reaches over two days of a site, so that one more is read of the source on either side. A gold that has rows
of weeks is asked for the weeks that these days lie in, and its source is read for all of their days: a week
is never compared with a part of it, nor made of one.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from app.adapters.clickhouse.catalogue import Catalogue, Table
from app.errors import ReconcileError

SITES = "(empty({sites:Array(String)}) OR site_id IN {sites:Array(String)})"
AROUND = f"{SITES} AND local_date BETWEEN {{first:Date}} - 1 AND {{last:Date}} + 1"
#: The days of a gold that are asked about, and the rows of its source that they can be made of.
DAYS = "{day} BETWEEN {{first:Date}} AND {{last:Date}}"
WEEKS = "{day} BETWEEN toMonday({{first:Date}}) AND {{last:Date}}"
WEEKS_AROUND = (
    f"{SITES} AND toMonday(local_date) BETWEEN toMonday({{first:Date}} - 1) AND toMonday({{last:Date}} + 1)"
)
EVENT_BRONZE = ("page_views_bronze", "click_events_bronze", "interactions_bronze")
#: Filled from a landing table, and held to no other: of these, each row is in one table only, or has no day.
UNCHECKED = frozenset({"rejected_events_bronze", "block_ledger", "received_silver", "session_merges"})

_EVENTS = {"rows": "toDecimal128(1, 4)", "offsets": "toDecimal128(_offset, 4)"}
_SESSIONS = {
    "sessions": "toDecimal128(sign, 4)",
    **{
        name: f"toDecimal128(sign * {name}, 4)"
        for name in ("events", "page_views", "interactions", "conversions", "engaged_ms", "duration_ms")
    },
    "revenue": "toDecimal128(sign * revenue, 4)",
}


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A table and what it should hold by the tables it can be held to.

    ``wanted`` and ``found`` are SELECTs of rows with ``keys`` and the columns of ``measures``. ``derived`` is
    a SELECT of whole rows of the table from its source, empty where the source does not keep all of them;
    ``strays`` one of the ids of blocks that the table has and the source lacks.
    """

    table: Table
    sources: tuple[Table, ...]
    keys: tuple[str, ...]
    measures: Mapping[str, str]
    wanted: str
    found: str
    derived: str = ""
    strays: str = ""

    @property
    def day(self) -> str:
        """The day of a row."""
        return self.table.day

    @property
    def within(self) -> str:
        """Whether the day of a row is asked about, or lies in a week that is."""
        return (WEEKS if self.table.has_weeks else DAYS).format(day=self.day)

    @property
    def source(self) -> str:
        """The names of the sources, for people."""
        return " + ".join(table.name for table in self.sources)


def layer_comparisons(catalogue: Catalogue) -> list[Comparison]:
    """Bronze and silver, which hold the rows themselves.

    Raises ReconcileError for a table that nothing here compares.
    """
    bronze = tuple(catalogue.tables[name] for name in EVENT_BRONZE)
    behavior, pages = catalogue.tables["user_behavior_silver"], catalogue.tables["page_views_silver"]
    said, sessions = catalogue.tables["user_sessions_bronze"], catalogue.tables["sessions_silver"]
    made = [
        Comparison(
            table=behavior,
            sources=bronze,
            keys=("site_id", "local_date"),
            measures=_EVENTS,
            wanted=" UNION ALL ".join(
                f"SELECT site_id, local_date, _offset FROM {table.at} WHERE {AROUND}" for table in bronze
            ),
            found=f"SELECT site_id, local_date, _offset FROM {behavior.at} WHERE {AROUND}",
        ),
        _copied(pages, behavior, where="event_type = 'page_view'", measures=_EVENTS),
        _copied(sessions, said, where="sign != 0", measures=_SESSIONS),
    ]
    compared = {table.name for one in made for table in (one.table, *one.sources)}
    first = {table.name for landing in catalogue.landing for table in catalogue.fed_by(landing)}
    if left_out := first - compared - UNCHECKED:
        raise ReconcileError(f"nothing compares {', '.join(sorted(left_out))}; add it to layer_comparisons")
    return made


def gold_comparisons(catalogue: Catalogue) -> list[Comparison]:
    """Each gold and the silver that its view reads, by the view's own SELECT."""
    made = []
    for gold in catalogue.golds:
        source = catalogue.tables[gold.source]
        around = WEEKS_AROUND if gold.has_weeks else AROUND
        rows = gold.select_from(f"(SELECT * FROM {source.at} WHERE {around})")
        made.append(
            Comparison(
                table=gold,
                sources=(source,),
                keys=gold.keys,
                measures=gold.measures,
                wanted=rows,
                found=f"SELECT * FROM {gold.at} WHERE {SITES}",
                derived=rows,
            )
        )
    return made


def _copied(table: Table, source: Table, *, where: str, measures: Mapping[str, str]) -> Comparison:
    """A table that holds rows of another: all its columns are there."""
    columns = ", ".join(table.columns)
    rows = f"SELECT {columns} FROM {source.at} WHERE {where} AND {AROUND}"
    return Comparison(
        table=table,
        sources=(source,),
        keys=("site_id", "local_date"),
        measures=measures,
        wanted=rows,
        found=f"SELECT {columns} FROM {table.at} WHERE {AROUND}",
        derived=rows,
        strays=(
            f"SELECT DISTINCT _batch_id FROM {table.at} WHERE {AROUND} AND _batch_id NOT IN "
            f"(SELECT _batch_id FROM {source.at} WHERE {where} AND {AROUND})"
        ),
    )
