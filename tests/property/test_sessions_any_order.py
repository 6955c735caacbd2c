"""Any order, any cut into blocks, duplicates: the same sessions as a recount that sorts the events.

The oracle shares nothing with the product: it sorts, splits where the pause is longer than the gap, and counts.
"""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from tests.factories import MINUTE, T0, event_id, plain_enrichment, record, rules

GAP = 30 * MINUTE
VISITORS = ("v1", "v2")
KINDS = ("page_view", "click", "scroll", "$page_leave", "$purchase")

moments = st.integers(0, 40).map(lambda step: step * 7 * MINUTE + step % 3)
events = st.lists(st.tuples(st.sampled_from(VISITORS), moments, st.sampled_from(KINDS)), max_size=25)


def fields_of(number, visitor, offset, kind):
    custom = kind.startswith("$")
    known = {"$page_leave": {"engaged_ms": 3000}, "$purchase": {"revenue": 0.1, "currency": "EUR"}}
    return {
        "event_id": event_id(number + 1),
        "event_type": "custom_event" if custom else kind,
        "name": kind if custom else "",
        "visitor_id": visitor,
        "at": T0 + offset,
        "url": f"https://shop.example/{number}",
        "properties": known.get(kind, {}),
    }


def run(messages, cuts):
    """Rows and living sessions after folding the messages in blocks that end at ``cuts``."""
    states, event_rows, session_rows = {}, [], []
    edges = sorted({0, len(messages), *[cut % (len(messages) + 1) for cut in cuts]})
    for start, end in pairwise(edges):
        block = BlockId(topic="t", epoch=1, partition=0, start=start, end=end - 1, batch_id="b")
        records = [record(offset=start + i, **fields) for i, fields in enumerate(messages[start:end])]
        examined = [examine(one, rules=rules(cap_ms=0), enrich=plain_enrichment) for one in records]
        folded = fold(examined, block=block, states=states, rules=rules(cap_ms=0))
        assert folded.received == end - start
        states.update(folded.states)
        event_rows += folded.events
        session_rows += folded.sessions
    return event_rows, session_rows


def living(session_rows):
    """Sessions whose statements do not cancel, as (visitor, start, end, views, ...)."""
    signs, last = {}, {}
    for row in session_rows:
        signs[row.session_id] = signs.get(row.session_id, 0) + row.sign
        if row.sign > 0:
            last[row.session_id] = row
    assert set(signs.values()) <= {0, 1}
    return sorted(
        (
            row.visitor_id, row.started_at, row.ended_at, row.events, row.page_views, row.conversions,
            round(row.revenue * 10_000), row.engaged_ms, row.interactions, row.entry_path, row.exit_path,
        )
        for session, row in last.items()
        if signs[session]
    )  # fmt: skip


def recount(chosen):
    """The same, by sorting and splitting."""
    found = []
    for visitor in VISITORS:
        mine = sorted(
            (T0 + offset, event_id(number + 1), kind, number)
            for number, (who, offset, kind) in enumerate(chosen)
            if who == visitor
        )
        parts = []
        for one in mine:
            if parts and one[0] - parts[-1][-1][0] <= GAP:
                parts[-1].append(one)
            else:
                parts.append([one])
        for part in parts:
            kinds = [kind for _, _, kind, _ in part]
            pages = [f"/{number}" for _, _, kind, number in part if kind == "page_view"]
            bought = kinds.count("$purchase")
            found.append(
                (
                    visitor, part[0][0], part[-1][0], len(part), len(pages), bought, 1000 * bought,
                    3000 * kinds.count("$page_leave"), kinds.count("click") + bought,
                    pages[0] if pages else "", pages[-1] if pages else "",
                )
            )  # fmt: skip
    return sorted(found)


@settings(max_examples=400, deadline=None)
@given(chosen=events, data=st.data())
def test_any_order_blocks_and_duplicates_give_the_recounted_sessions(chosen, data):
    """Shrinks to the shortest list of (visitor, offset, kind) that differs."""
    messages = [fields_of(number, *one) for number, one in enumerate(chosen)]
    twice = data.draw(st.lists(st.sampled_from(messages), max_size=5)) if messages else []
    shuffled = data.draw(st.permutations(messages + twice))
    cuts = data.draw(st.lists(st.integers(0, 40), max_size=6))

    event_rows, session_rows = run(shuffled, cuts)

    assert living(session_rows) == recount(chosen)
    outcomes = [row.outcome for row in event_rows]
    assert outcomes.count("accepted") == len(chosen)
    assert outcomes.count("duplicate") == len(twice)


@settings(max_examples=150, deadline=None)
@given(chosen=events, data=st.data())
def test_event_rows_resolve_to_a_living_session_through_the_merges(chosen, data):
    """Whatever id an event was written under, the merges lead to the session that holds it in the end."""
    messages = [fields_of(number, *one) for number, one in enumerate(chosen)]
    shuffled = data.draw(st.permutations(messages))
    cuts = data.draw(st.lists(st.integers(0, 40), max_size=6))

    event_rows, session_rows = run(shuffled, cuts)

    heirs = {row.session_id: row.merged_into for row in session_rows if row.merged_into}
    counts = {}
    for row in event_rows:
        session = heirs.get(row.session_id, row.session_id)
        counts[session] = counts.get(session, 0) + 1
    assert sorted(counts.values()) == sorted(one[3] for one in recount(chosen))
