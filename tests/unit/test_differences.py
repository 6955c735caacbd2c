"""What differs for good, and what of it can be rebuilt."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from app.core.differences import Difference, Figure, lasting, rebuildable

DAY = date(2026, 3, 2)


def difference(table: str = "gold", *, site: str = "shop", day: date = DAY, found: int = 1) -> Difference:
    return Difference(
        table=table,
        source="silver",
        site_id=site,
        day=day,
        keys=1,
        figures={"rows": Figure(wanted=Decimal(2), found=Decimal(found))},
    )


def test_what_is_in_every_look_lasts_with_its_latest_figures() -> None:
    stays, goes, comes = difference(), difference(site="other"), difference("third")
    now = difference(found=5)
    assert lasting([[stays, goes], [stays], [comes, now]]) == [now]
    assert lasting([[stays]]) == [stays]
    assert lasting([[stays], []]) == []


def test_only_days_whose_source_is_whole_are_rebuilt() -> None:
    days = [difference(day=date(2026, 3, number)) for number in (1, 2, 3, 4, 5)]
    torn = [difference("silver", day=date(2026, 3, 4))]
    assert rebuildable([*days, *torn], of="gold", torn=torn) == [
        ("shop", date(2026, 3, 1)),
        ("shop", date(2026, 3, 2)),
    ]
    assert rebuildable(days, of="gold", torn=[difference("silver", site="other")]) == [
        ("shop", one.day) for one in days
    ]
    assert rebuildable(days, of="another", torn=[]) == []


def test_where_rows_can_be_of_weeks_a_torn_day_tears_its_monday_too() -> None:
    days = [difference(day=date(2026, 3, number)) for number in (2, 3, 6, 9)]
    torn = [difference("silver", day=date(2026, 3, 6))]
    assert [day.day for _, day in rebuildable(days, of="gold", torn=torn)] == [2, 3, 9]
    assert [day.day for _, day in rebuildable(days, of="gold", torn=torn, in_weeks=True)] == [3, 9]
