"""The sums of sessions by one of their attributes, with their distinct visitors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from app.core.visitor_spans import WHOLE, Cover
from views.known_spans import Checksums, KnownSpans
from views.params import Scope
from views.reading import Reader, Row

#: SQL of the checksums of days, over rows of session_attributes_daily without an attribute.
CHECKSUMS = "sumMap(map(local_date, checksum))"
#: The sums of nothing.
NO_SESSIONS: Row = {
    **dict.fromkeys(("visitors", "sessions", "bounces", "converted_sessions", "duration_ms"), 0),
    **dict.fromkeys(("page_views", "events", "conversions", "revenue"), 0),
    "durations": {},
    "checksums": {},
}


async def sums_by(
    reader: Reader, spans: KnownSpans, scope: Scope, attributes: Sequence[str]
) -> tuple[dict[str, list[Row]], str]:
    """The rows of view attribute_sums with ``visitors``, by attribute, most sessions first; and the layer.

    ``attributes`` come from the closed list; that of all sessions, ``""``, is answered besides.
    """
    every = [WHOLE, *attributes]

    async def ask(found: Cover | None) -> tuple[tuple[dict[str, list[Row]], str], Checksums]:
        sums, visitors = await asyncio.gather(
            reader.rows("attribute_sums", {**scope.by_day, "attributes": every}),
            spans.visitors(scope, every, found),
        )
        made: dict[str, list[Row]] = {one: [] for one in every}
        for row in sums:
            estimated = visitors.get((row["attribute"], row["value"]), 0)
            made[row["attribute"]].append({**row, "visitors": min(estimated, row["sessions"])})
        made[WHOLE] = made[WHOLE] or [NO_SESSIONS]
        return (made, layer("gold: session_attributes_daily", found)), made[WHOLE][0]["checksums"]

    return await spans.answered(scope, ask)


def layer(sums: str, found: Cover | None) -> str:
    """What an answer says it comes from, beside the layer of its sums."""
    spans = [] if found is None else ["gold: visitor_spans"]
    rows = ["silver: sessions_silver"] if found is None or found.left else []
    return ", ".join([sums, *spans, *rows])
