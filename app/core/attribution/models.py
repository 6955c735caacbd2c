"""Conversions and the touchpoints before each -> what each key is given of them, by a rule or by the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

import msgspec

from app.core.attribution.markov import data_driven
from app.core.attribution.touchpoints import NONE, Conversion, Credit, Path, Touchpoint, credited

_DAY_MS = 86_400_000


class Model(StrEnum):
    """Who is given a conversion."""

    FIRST_TOUCH = "first_touch"
    LAST_TOUCH = "last_touch"
    LAST_NON_DIRECT = "last_non_direct"
    LINEAR = "linear"
    TIME_DECAY = "time_decay"
    POSITION_BASED = "position_based"
    DATA_DRIVEN = "data_driven"


class Span(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far back touchpoints count, and in what time one loses half its weight (TIME_DECAY), in ms."""

    look_back_ms: int = 30 * _DAY_MS
    half_life_ms: int = 7 * _DAY_MS

    def __post_init__(self) -> None:
        """Raise ValueError for spans that are none."""
        if self.look_back_ms < 0 or self.half_life_ms <= 0:
            raise ValueError(
                f"look_back_ms {self.look_back_ms}, half_life_ms {self.half_life_ms}; "
                "expected 0 or more, and more than 0"
            )


def attribute(
    model: Model, conversions: Iterable[Conversion], *, span: Span, lost: Iterable[Path] = ()
) -> tuple[Credit, ...]:
    """What each key is given, the most first; all of it together is all conversions and all their value.

    A conversion without a touchpoint within the span goes to ``(none)``. ``lost`` are the paths of journeys
    that did not convert; only DATA_DRIVEN asks for them, and tells little without.
    """
    if model is Model.DATA_DRIVEN:
        return data_driven([*paths(conversions, span=span), *lost]).credits
    return by_rules([model], conversions, span=span)[model]


def by_rules(
    models: Iterable[Model], conversions: Iterable[Conversion], *, span: Span
) -> dict[Model, tuple[Credit, ...]]:
    """What ``attribute`` gives, of each of these models; DATA_DRIVEN is none of them."""
    led = [(one, one.led_by(look_back_ms=span.look_back_ms)) for one in conversions]
    return {model: credited(_parts(model, led, span=span)) for model in models}


def paths(conversions: Iterable[Conversion], *, span: Span) -> Iterator[Path]:
    """The path to each conversion."""
    for one in conversions:
        keys = tuple(touchpoint.key for touchpoint in one.led_by(look_back_ms=span.look_back_ms))
        yield Path(keys=keys, journeys=one.count, conversions=one.count, value=one.value)


def _parts(
    model: Model, led: Iterable[tuple[Conversion, Sequence[Touchpoint]]], *, span: Span
) -> Iterator[tuple[str, float, float]]:
    for one, touchpoints in led:
        if not touchpoints:
            yield NONE, one.count, one.value
        for touchpoint, weight in zip(touchpoints, weights(model, touchpoints, span=span), strict=True):
            if weight:
                yield touchpoint.key, weight * one.count, weight * one.value


def weights(model: Model, touchpoints: Sequence[Touchpoint], *, span: Span) -> list[float]:
    """The part of a conversion that each touchpoint, first to last, is given by a rule; 1 together."""
    return _RULES[model](touchpoints, span) if touchpoints else []


def _first_touch(touchpoints: Sequence[Touchpoint], _: Span) -> list[float]:
    return _only(0, len(touchpoints))


def _last_touch(touchpoints: Sequence[Touchpoint], _: Span) -> list[float]:
    return _only(len(touchpoints) - 1, len(touchpoints))


def _last_non_direct(touchpoints: Sequence[Touchpoint], _: Span) -> list[float]:
    """The last that is not direct; the last where all are."""
    told = [index for index, one in enumerate(touchpoints) if not one.is_direct]
    return _only(told[-1] if told else len(touchpoints) - 1, len(touchpoints))


def _linear(touchpoints: Sequence[Touchpoint], _: Span) -> list[float]:
    return [1 / len(touchpoints)] * len(touchpoints)


def _time_decay(touchpoints: Sequence[Touchpoint], span: Span) -> list[float]:
    """Halved with each half-life before the last touchpoint, which is as if it were before the conversion."""
    last = touchpoints[-1].at_ms
    decayed = [2.0 ** ((one.at_ms - last) / span.half_life_ms) for one in touchpoints]
    whole = sum(decayed)
    return [each / whole for each in decayed]


def _position_based(touchpoints: Sequence[Touchpoint], _: Span) -> list[float]:
    """40 % for the first and the last, 20 % for those between them together; halves of two, all for one."""
    between = len(touchpoints) - 2
    if between < 1:
        return [1 / len(touchpoints)] * len(touchpoints)
    return [0.4, *[0.2 / between] * between, 0.4]


def _only(index: int, count: int) -> list[float]:
    return [float(position == index) for position in range(count)]


_RULES: dict[Model, Callable[[Sequence[Touchpoint], Span], list[float]]] = {
    Model.FIRST_TOUCH: _first_touch,
    Model.LAST_TOUCH: _last_touch,
    Model.LAST_NON_DIRECT: _last_non_direct,
    Model.LINEAR: _linear,
    Model.TIME_DECAY: _time_decay,
    Model.POSITION_BASED: _position_based,
}
