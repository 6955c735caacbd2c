"""A goal -> how often it was reached, by how many, for what; of the sessions that began in the period."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from app.currency_settings import CurrencySettings
from app.errors import QueryError
from views import living, matching
from views.answers import Answer
from views.definitions import Kind
from views.figures import ratio
from views.matching import EventPattern, Title, refuse_bad_expressions
from views.money import Amount, Rates
from views.params import Scope
from views.reading import Reader, Row, about
from views.stats import fields, filters
from views.stats.filters import Places
from views.stats.model import FieldName, Filter

MAX_VALUES = 1000
DEFAULT_VALUES = 100
_ALL, _VALUE = "", "value"


#: Of an amount of money.
DECIMALS = 4


class GoalDefinition(EventPattern, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The events that reach it. ``value``: what each is worth, in ``currency``; else its own revenue."""

    title: Title
    value: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None
    currency: Annotated[str, msgspec.Meta(pattern=r"^([A-Z]{3})?$(?!\n)")] = ""

    def __post_init__(self) -> None:
        EventPattern.__post_init__(self)
        if self.currency and self.value is None:
            raise ValueError("`currency` is that of `value`; without it each event has its own")


def check(goal: GoalDefinition) -> list[str]:
    """Its regular expressions; QueryError for a goal that cannot be answered, or whose value is cut short."""
    if goal.value is not None and round(goal.value, DECIMALS) != goal.value:
        raise QueryError(f"value = {goal.value}: expected {DECIMALS} decimals at most, as amounts are kept")
    matching.condition(goal, Places(), database="")
    return matching.expressions(goal)


GOAL = Kind(name="goal", body=GoalDefinition, check=check)


class GoalAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked beside the goal: which sessions count, the values of one of their fields apart."""

    filter: Filter | None = None
    breakdown: FieldName | None = None
    limit: int = DEFAULT_VALUES


class GoalFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Conversions are events. Rates: sessions, or visitors, with a conversion among all.

    ``revenue`` is exact, in the answer's currency; ``unconverted`` has no rate to it and is not in it.
    ``orders``: conversions of more than 0 in ``revenue``; ``average_order_value``: theirs, None of none.
    """

    sessions: int
    visitors: int
    conversions: int
    converted_sessions: int
    converted_visitors: int
    conversion_rate: float
    visitor_conversion_rate: float
    revenue: float
    orders: int
    average_order_value: float | None
    unconverted: dict[str, float]


class GoalRow(GoalFigures, frozen=True, kw_only=True):
    """The figures of the sessions whose field has this value."""

    value: str


class GoalConversions(Answer, frozen=True, kw_only=True):
    """A goal in a period: everything of a session counts where it began."""

    goal_id: str
    title: str
    currency: str
    total: GoalFigures
    breakdown: list[GoalRow]


async def goal_conversions(
    reader: Reader,
    scope: Scope,
    *,
    goal_id: str,
    goal: GoalDefinition,
    asked: GoalAsked,
    currencies: CurrencySettings,
    cap_ms: int,
) -> GoalConversions:
    """How often the goal was reached. ``cap_ms``: how long a session can be, 0 for no bound.

    Raises QueryError for a filter or breakdown by anything but sessions (filters: and users).
    """
    if asked.breakdown is not None and asked.breakdown not in fields.OF_SESSIONS:
        raise QueryError(
            f"breakdown = {asked.breakdown[:64]!r}: expected one of {', '.join(fields.OF_SESSIONS)}"
        )
    await refuse_bad_expressions(reader, matching.expressions(asked.filter))
    statements = _Statements(goal, asked, scope, database=reader.database, cap_ms=cap_ms)
    counts = await reader.ask(*statements.counts())
    money = await reader.ask(*statements.money())
    rates = Rates(currencies, given=(row["currency"] for row in money))
    figures = {(row["part"], row["value"]): row for row in counts}
    total = figures.get((_ALL, ""), dict.fromkeys(_COUNTS, 0))
    return GoalConversions(
        **about(scope, layer="silver"),
        goal_id=goal_id,
        title=goal.title,
        currency=rates.currency,
        total=GoalFigures(**_figures(total, _of(money, _ALL, ""), rates)),
        breakdown=[
            GoalRow(value=value, **_figures(row, _of(money, _VALUE, value), rates))
            for (part, value), row in figures.items()
            if part == _VALUE
        ],
    )


_COUNTS = ("sessions", "visitors", "conversions", "converted_sessions", "converted_visitors")


class _Statements:
    """The statements of a goal, each with what it binds."""

    def __init__(
        self, goal: GoalDefinition, asked: GoalAsked, scope: Scope, *, database: str, cap_ms: int
    ) -> None:
        self._goal, self._asked, self._scope = goal, asked, scope
        self._database = database
        self._reach = living.last_day(scope.period.until, cap_ms=cap_ms)

    def counts(self) -> tuple[str, dict[str, Any]]:
        """Sessions, visitors and conversions of all (``part`` empty), and of the values with most of them."""
        places = self._places()
        reached = f"SELECT number, count() AS times FROM ({self._reached(places)}) GROUP BY number"  # noqa: S608
        most = places.put(self._asked.limit, "UInt32")
        sql = (
            "SELECT * FROM (SELECT told.1 AS part, told.2 AS value, count() AS sessions, "  # noqa: S608
            "uniqExact(visitor_id) AS visitors, sum(times) AS conversions, "
            "countIf(times > 0) AS converted_sessions, "
            "uniqExactIf(visitor_id, times > 0) AS converted_visitors, "
            "row_number() OVER (PARTITION BY part ORDER BY conversions DESC, sessions DESC, value) AS place "
            f"FROM (SELECT s.*, e.times AS times, {self._told()} FROM ({self._sessions(places)}) AS s "
            f"LEFT JOIN ({reached}) AS e ON e.number = s.number) GROUP BY told) "
            f"WHERE part = '{_ALL}' OR place <= {most} ORDER BY part, place"
        )
        return sql, places.bound

    def money(self) -> tuple[str, dict[str, Any]]:
        """Amounts and orders by part, value, currency and day of the event."""
        places = self._places()
        amount, currency = "revenue", "currency"
        if self._goal.value is not None:
            amount = f"toDecimal64({places.put(str(Decimal(str(self._goal.value))), 'String')}, 4)"
            currency = places.put(self._goal.currency, "String")
        columns = f", {amount} AS amount, {currency} AS given, local_date AS day"
        sql = (
            "SELECT told.1 AS part, told.2 AS value, given AS currency, day, "  # noqa: S608
            "sum(toDecimal128(amount, 4)) AS sum, countIf(amount > 0) AS orders "
            f"FROM (SELECT e.*, {self._told()} FROM ({self._reached(places, columns)}) AS e "
            f"INNER JOIN ({self._sessions(places)}) AS s ON s.number = e.number) "
            "WHERE amount != 0 GROUP BY told, given, day ORDER BY part, value, currency, day"
        )
        return sql, places.bound

    def _places(self) -> Places:
        return Places({**self._scope.by_day, "reach": self._reach})

    def _told(self) -> str:
        parts = [f"('{_ALL}', '')"]
        if self._asked.breakdown is not None:
            parts.append(f"('{_VALUE}', toString(s.{self._asked.breakdown}))")
        return f"arrayJoin([{', '.join(parts)}]) AS told"

    def _reached(self, places: Places, columns: str = "") -> str:
        """SQL: the events that reach the goal, under the number of the session they live in."""
        meant = matching.condition(self._goal, places, database=self._database)
        number = living.number(database=self._database)
        return (
            f"SELECT {number} AS number{columns} FROM {self._database}.user_behavior_silver "  # noqa: S608
            "WHERE site_id = {site:String} AND local_date >= {since:Date} AND local_date < {reach:Date} "
            f"AND {meant}"
        )

    def _sessions(self, places: Places) -> str:
        """SQL: the sessions that count, with the fields that are asked for."""
        matching.of_sessions(self._asked.filter)
        named = [part.field for part in filters.parts(self._asked.filter)]
        wanted = living.attributes([*named, "is_bot", self._asked.breakdown or "is_bot"])
        began = living.sessions(wanted, database=self._database)
        passing = filters.condition(self._asked.filter, places, database=self._database)
        return f"SELECT * FROM ({began}) WHERE {passing}"  # noqa: S608


def _of(money: Iterable[Row], part: str, value: str) -> list[Row]:
    return [row for row in money if (row["part"], row["value"]) == (part, value)]


def _figures(row: Row, money: list[Row], rates: Rates) -> dict[str, Any]:
    summed = rates.summed(
        Amount(currency=one["currency"], day=one["day"], amount=one["sum"]) for one in money
    )
    orders = sum(one["orders"] for one in money if rates.rate(one["currency"], one["day"]) is not None)
    return {
        **{name: row[name] for name in _COUNTS},
        "conversion_rate": ratio(row["converted_sessions"], row["sessions"]),
        "visitor_conversion_rate": ratio(row["converted_visitors"], row["visitors"]),
        "revenue": float(summed.amount),
        "orders": orders,
        "average_order_value": float(summed.amount / orders) if orders else None,
        "unconverted": {currency: float(amount) for currency, amount in summed.unconverted.items()},
    }
