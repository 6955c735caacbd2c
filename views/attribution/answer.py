"""Paths from the store -> what each key is given of the conversions, by every model that is asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import msgspec

from app.core.attribution.markov import DataDriven, data_driven
from app.core.attribution.models import Model, Span, by_rules
from app.core.attribution.touchpoints import NONE, Conversion, Credit, Path, Touchpoint, credited
from app.errors import QueryError
from views.attribution.journeys import MOST_PATHS, statement
from views.attribution.model import OTHER, Attribution, AttributionAsked, AttributionRow, Given
from views.params import Scope
from views.reading import Reader, about

_PER_UNIT = 10_000


class Journeys(msgspec.Struct, frozen=True, kw_only=True):
    """All journeys along the same keys; ``value`` in 1/10,000, ``decayed`` by touchpoint."""

    keys: tuple[str, ...]
    directs: tuple[int, ...]
    journeys: int
    conversions: int
    value: int
    decayed: tuple[float, ...]
    decayed_value: tuple[float, ...]

    @property
    def conversion(self) -> Conversion:
        """The conversions; the store kept to the look-back, so that only the order of touchpoints is left."""
        touchpoints = tuple(
            Touchpoint(at_ms=place, key=key, is_direct=bool(is_direct))
            for place, (key, is_direct) in enumerate(zip(self.keys, self.directs, strict=True))
        )
        return Conversion(
            at_ms=len(touchpoints), touchpoints=touchpoints, value=self.value, count=self.conversions
        )

    @property
    def path(self) -> Path:
        """The same for the model that goes by the data."""
        return Path(keys=self.keys, journeys=self.journeys, conversions=self.conversions, value=self.value)

    @property
    def decayed_parts(self) -> Iterator[tuple[str, float, float]]:
        """What TIME_DECAY gives each touchpoint."""
        if not self.keys:
            return iter([(NONE, self.conversions, self.value)])
        return zip(self.keys, self.decayed, self.decayed_value, strict=True)


async def attribution(reader: Reader, scope: Scope, asked: AttributionAsked, *, cap_ms: int) -> Attribution:
    """The answer. ``cap_ms``: how long a session can be, 0 for no bound.

    Raises QueryError for a field that is not there, and for more different paths than are kept in memory.
    """
    made = statement(asked, scope, cap_ms=cap_ms, database=reader.database)
    rows = await reader.ask(made.sql, made.bound)
    if len(rows) > MOST_PATHS:
        raise QueryError(
            f"more than {MOST_PATHS} different paths led to conversions or none; ask for a shorter period or "
            "look-back, by channel, or for rules alone (without data_driven)"
        )
    # Some hundred keys take seconds to solve: not where other questions wait.
    return await asyncio.to_thread(_answer, [_journeys(row) for row in rows], scope, asked)


def _journeys(row: dict[str, Any]) -> Journeys:
    return Journeys(
        keys=tuple(row["keys"]),
        directs=tuple(row["directs"]),
        journeys=row["journeys"],
        conversions=row["conversions"],
        value=int(row["value"]),
        decayed=tuple(row["decayed"]),
        decayed_value=tuple(row["decayed_value"]),
    )


def _answer(found: list[Journeys], scope: Scope, asked: AttributionAsked) -> Attribution:
    named = _named(found, asked.keys)
    by_data = data_driven(one.path for one in named) if Model.DATA_DRIVEN in asked.models else None
    credits_ = _credits(asked.models, named, by_data)
    conversions = sum(one.conversions for one in named)
    return Attribution(
        **about(scope, layer="silver"),
        by=asked.by,
        look_back_days=asked.look_back_days,
        half_life_days=asked.half_life_days,
        conversions=conversions,
        revenue=sum(one.value for one in named) / _PER_UNIT,
        lost_journeys=sum(one.journeys - one.conversions for one in named),
        rows=_rows(credits_, conversions=conversions, by_data=by_data),
    )


def _named(found: list[Journeys], most: int) -> list[Journeys]:
    """The same with rare keys under one name."""
    walked: Counter[str] = Counter()
    for one in found:
        for key in set(one.keys):
            walked[key] += one.journeys
    if len(walked) <= most:
        return found
    kept = set(sorted(walked, key=lambda key: (-walked[key], key))[:most])
    return [
        msgspec.structs.replace(one, keys=tuple(key if key in kept else OTHER for key in one.keys))
        for one in found
    ]


def _credits(
    models: Sequence[Model], found: Sequence[Journeys], by_data: DataDriven | None
) -> dict[Model, Sequence[Credit]]:
    converted = [one for one in found if one.conversions]
    others = {Model.DATA_DRIVEN, Model.TIME_DECAY}
    rules = [model for model in models if model not in others]
    given: dict[Model, Sequence[Credit]] = {}
    if rules:
        given.update(by_rules(rules, (one.conversion for one in converted), span=Span()))
    if by_data is not None:
        given[Model.DATA_DRIVEN] = by_data.credits
    if Model.TIME_DECAY in models:
        given[Model.TIME_DECAY] = credited(chain.from_iterable(one.decayed_parts for one in converted))
    return {model: given[model] for model in models}


def _rows(
    credits_: dict[Model, Sequence[Credit]], *, conversions: int, by_data: DataDriven | None
) -> list[AttributionRow]:
    """A row for each key that any model gives something; the most of the first model first."""
    by_model = {model: {one.key: one for one in given} for model, given in credits_.items()}
    first = next(iter(by_model.values()))
    nothing = Credit(key="", conversions=0.0, value=0.0)
    keys = {key for given in by_model.values() for key in given}
    effects = {one.key: one.effect for one in by_data.removals} if by_data else {}
    return [
        AttributionRow(
            key=key,
            models={
                model.value: _given(given.get(key, nothing), conversions) for model, given in by_model.items()
            },
            removal_effect=effects.get(key, 0.0) if by_data else None,
        )
        for key in sorted(keys, key=lambda key: (-first.get(key, nothing).conversions, key))
    ]


def _given(credit: Credit, conversions: int) -> Given:
    return Given(
        conversions=credit.conversions,
        revenue=credit.value / _PER_UNIT,
        share=credit.conversions / conversions if conversions else 0.0,
    )
