"""A funnel of the settings -> who got how far."""

from __future__ import annotations

from typing import Any

from app.funnel_settings import FunnelSettings
from views.answers import FunnelConversion
from views.figures import conversion, page_pattern, ratio
from views.params import Scope
from views.reading import Reader, about

#: Bits below the milliseconds in the times of views/funnel_levels.sql.
TIME_SHIFT = 21
#: Longer than any period: about 139 years.
LONGEST_MS = (1 << 42) - 1


async def funnel_conversion(
    reader: Reader, scope: Scope, *, funnel_id: str, funnel: FunnelSettings
) -> FunnelConversion:
    """Who reached each step, in order, within the window of the first step."""
    rows = await reader.rows("funnel_levels", {**scope.by_day, **parameters(funnel)})
    last = len(funnel.steps)
    reached = [sum(row["visitors"] for row in rows if row["level"] >= step) for step in range(1, last + 1)]
    medians = [row["median_ms"] for row in rows if row["level"] == last and row["median_ms"] is not None]
    return FunnelConversion(
        **about(scope, layer="silver"),
        funnel_id=funnel_id,
        title=funnel.title,
        window_ms=funnel.window_ms,
        conversion=ratio(reached[-1], reached[0]),
        median_time_to_convert_s=medians[0] / 1000 if medians else None,
        steps=conversion([step.title for step in funnel.steps], reached),
    )


def parameters(funnel: FunnelSettings) -> dict[str, Any]:
    """A funnel as parameters of views/funnel_levels.sql."""
    window_ms = min(funnel.window_ms, LONGEST_MS)
    return {
        "pages": [page_pattern(step.page) if step.page else "" for step in funnel.steps],
        "names": [step.event for step in funnel.steps],
        "window_ms": window_ms,
        # To the end of the last millisecond of the window.
        "window": (window_ms + 1 << TIME_SHIFT) - 1,
    }
