"""Paths of those who converted and who did not -> how much each key matters, as the data have it.

Anderl, Becker, von Wangenheim and Schumann 2016, "Mapping the customer journey: Lessons learned from
graph-based online attribution modeling": journeys are taken for a Markov chain of which keys are the states,
from a start to a conversion or to none. A key's removal effect is the part of the conversions that would be
lost if all who come to it were lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec

from app.core.attribution.touchpoints import NONE, Credit, Path, credited

#: Solving takes the cube of the number of keys: this many take some seconds.
MOST_KEYS = 300
_START, _CONVERTED = -1, -2


class Removal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The part of the conversions that is lost without ``key``, 0 to 1; its ``share`` of all such effects."""

    key: str
    effect: float
    share: float


class DataDriven(msgspec.Struct, frozen=True, kw_only=True):
    """Credits that go by removal effects, and what they were made of; ``removals`` by key.

    ``conversion_rate``: of journeys with a touchpoint, those that convert; the chain's is that of the data.
    """

    credits: tuple[Credit, ...]
    removals: tuple[Removal, ...]
    conversion_rate: float


def data_driven(paths: Iterable[Path]) -> DataDriven:
    """Conversions and value, shared out by removal effects; the same path may come several times.

    Conversions without a touchpoint are those of ``(none)``, and not in the chain. Raises ValueError for more
    than MOST_KEYS keys.
    """
    given = list(paths)
    going = [path for path in given if path.keys and path.journeys]
    removals, rate = removal_effects(going)
    conversions = sum(path.conversions for path in going)
    value = sum(path.value for path in going)
    parts = [(each.key, each.share * conversions, each.share * value) for each in removals if conversions]
    parts += [(NONE, path.conversions, path.value) for path in given if not path.keys and path.conversions]
    return DataDriven(credits=credited(parts), removals=tuple(removals), conversion_rate=rate)


def removal_effects(paths: Sequence[Path]) -> tuple[list[Removal], float]:
    """The removals by key, and the conversion rate, of paths that each have a key and journeys.

    Journeys that would come to k and convert are those that come to k times those that convert from there, so
    that one inverse of I - Q serves all keys: P(ever at k) = (start N)_k / N_kk, P(converts) = N r.
    """
    keys = sorted({key for path in paths for key in path.keys})
    if len(keys) > MOST_KEYS:
        raise ValueError(
            f"{len(keys)} keys, of which {MOST_KEYS} can be solved; group the rare ones into one"
        )
    moves, total = _moves(paths, {key: index for index, key in enumerate(keys)})
    states = range(len(keys))
    visits = _inverse([[(i == j) - moves[i, j] / total[i] for j in states] for i in states])
    from_start = [moves[_START, j] / total[_START] for j in states]
    converts = [moves[i, _CONVERTED] / total[i] for i in states]
    visited = [_product(from_start, column) for column in zip(*visits, strict=True)]
    then = [_product(row, converts) for row in visits]
    rate = _product(from_start, then)
    effects = [visited[k] / visits[k][k] * then[k] / rate if rate else 0.0 for k in states]
    whole = sum(effects)
    found = zip(keys, effects, strict=True)
    return [Removal(key=key, effect=each, share=each / whole if whole else 0.0) for key, each in found], rate


def _moves(paths: Iterable[Path], index: dict[str, int]) -> tuple[Counter[tuple[int, int]], Counter[int]]:
    """How many journeys went from state to state, and from each state anywhere, the end included."""
    moves: Counter[tuple[int, int]] = Counter()
    total: Counter[int] = Counter()
    for path in paths:
        states = [_START, *(index[key] for key in path.keys)]
        for move in pairwise(states):
            moves[move] += path.journeys
        moves[states[-1], _CONVERTED] += path.conversions
        for state in states:
            total[state] += path.journeys
    return moves, total


def _inverse(rows: list[list[float]]) -> list[list[float]]:
    """The inverse of I - Q by Gauss-Jordan elimination, in place of the rows.

    No pivots are searched for: all journeys end at last, so that the diagonal outweighs the rest of its row,
    and still does after each step (Golub and Van Loan 2013, "Matrix Computations", section 4.1).
    """
    for k, pivot in enumerate(rows):
        scale = 1 / pivot[k]
        pivot[k] = 1.0
        pivot[:] = [each * scale for each in pivot]
        for row in rows:
            if row is not pivot and (factor := row[k]):
                row[k] = 0.0
                row[:] = [each - factor * other for each, other in zip(row, pivot, strict=True)]
    return rows


def _product(left: Iterable[float], right: Iterable[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))
