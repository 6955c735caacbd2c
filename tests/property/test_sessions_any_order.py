"""Any order, any cut into blocks, duplicates: the same sessions as a recount that sorts the events.

The oracle shares nothing with the product: it sorts, splits where a pause is longer than the gap, counts.
"""

from datetime import datetime
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.pipeline import examine, fold
from app.core.rows import BlockId
from app.events.enriched import Traffic
from tests.factories import DAY, HOUR, MINUTE, T0, event_id, plain_enrichment, record, rules

VISITORS = ("v1", "v2")
KINDS = ("page_view", "click", "scroll", "$page_leave", "$purchase")
CAMPAIGNS = ("", "", "", "spring", "summer")

#: A day and a half of moments, thick enough that chains get longer than the caps, with ties and odd parts.
moments = st.integers(0, 150).map(lambda step: step * 14 * MINUTE + step % 3)
events = st.lists(
    st.tuples(st.sampled_from(VISITORS), moments, st.sampled_from(KINDS), st.sampled_from(CAMPAIGNS)),
    max_size=25,
)
session_rules = st.fixed_dictionaries(
    {
        "gap_ms": st.sampled_from((30 * MINUTE, 14 * MINUTE, 2 * HOUR)),
        "cap_ms": st.sampled_from((0, HOUR, 24 * HOUR)),
        "split_at_midnight": st.booleans(),
        "split_at_campaign": st.booleans(),
        "zone": st.sampled_from(("UTC", "Asia/Kolkata", "America/New_York")),
    }
)


def fields_of(number, visitor, offset, kind, campaign):
    custom = kind.startswith("$")
    known = {"$page_leave": {"engaged_ms": 3000}, "$purchase": {"revenue": 0.1, "currency": "EUR"}}
    return {
        "event_id": event_id(number + 1),
        "event_type": "custom_event" if custom else kind,
        "name": kind if custom else "",
        "visitor_id": visitor,
        "at": T0 + offset,
        # Receipt is in the order of arrival, whatever that order is.
        "received_at": T0 + 3 * DAY,
        "origin": "replay",
        "url": f"https://shop.example/{number}",
        "title": campaign,
        "properties": known.get(kind, {}),
    }


def with_campaign(event, *, site):
    """The title names the campaign: enrichment is not what is tested here."""
    plain = plain_enrichment(event, site=site)
    return msgspec.structs.replace(plain, traffic=Traffic(campaign=event.title))


def run(messages, cuts, chosen):
    """Rows after folding the messages in blocks that end at ``cuts``."""
    states, event_rows, session_rows = {}, [], []
    edges = sorted({0, len(messages), *[cut % (len(messages) + 1) for cut in cuts]})
    for start, end in pairwise(edges):
        block = BlockId(topic="t", epoch=1, partition=0, start=start, end=end - 1, batch_id="b")
        records = [record(offset=start + i, **fields) for i, fields in enumerate(messages[start:end])]
        examined = [examine(one, rules=rules(**chosen), enrich=with_campaign) for one in records]
        folded = fold(examined, block=block, states=states, rules=rules(**chosen))
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


def recount(happened, chosen):
    """The same, by sorting and splitting."""
    found = []
    for visitor in VISITORS:
        mine = sorted(
            (T0 + offset, event_id(number + 1), kind, number, campaign)
            for number, (who, offset, kind, campaign) in enumerate(happened)
            if who == visitor
        )
        for part in split(mine, chosen):
            kinds = [one[2] for one in part]
            pages = [f"/{one[3]}" for one in part if one[2] == "page_view"]
            bought = kinds.count("$purchase")
            found.append(
                (
                    visitor, part[0][0], part[-1][0], len(part), len(pages), bought, 1000 * bought,
                    3000 * kinds.count("$page_leave"), kinds.count("click") + bought,
                    pages[0] if pages else "", pages[-1] if pages else "",
                )
            )  # fmt: skip
    return sorted(found)


def split(mine, chosen):
    """One visitor's sorted events as sessions."""
    parts, campaign = [], ""
    for one in mine:
        before = parts[-1][-1] if parts else None
        begins = (
            before is None
            or one[0] - before[0] > chosen["gap_ms"]
            or (chosen["split_at_midnight"] and day(one, chosen) != day(before, chosen))
            or (chosen["split_at_campaign"] and one[4] not in {"", campaign})
        )
        if begins:
            parts.append([one])
            campaign = one[4]
        else:
            parts[-1].append(one)
            campaign = one[4] or campaign
    for part in parts:
        yield from capped(part, chosen["cap_ms"])


def capped(part, cap):
    if not cap or part[-1][0] - part[0][0] <= cap:
        return [part]
    return [list(period) for _, period in groupby(part, lambda one: one[0] // cap)]


def day(one, chosen):
    return datetime.fromtimestamp(one[0] / 1000, ZoneInfo(chosen["zone"])).date()


@settings(max_examples=1000, deadline=None)
@given(happened=events, chosen=session_rules, data=st.data())
def test_any_order_blocks_and_duplicates_give_the_recounted_sessions(happened, chosen, data):
    """Shrinks to the shortest list of (visitor, offset, kind, campaign) that differs."""
    messages = [fields_of(number, *one) for number, one in enumerate(happened)]
    twice = data.draw(st.lists(st.sampled_from(messages), max_size=5)) if messages else []
    shuffled = data.draw(st.permutations(messages + twice))
    cuts = data.draw(st.lists(st.integers(0, 40), max_size=6))

    event_rows, session_rows = run(shuffled, cuts, chosen)

    assert living(session_rows) == recount(happened, chosen)
    outcomes = [row.outcome for row in event_rows]
    assert outcomes.count("accepted") == len(happened)
    assert outcomes.count("duplicate") == len(twice)


@settings(max_examples=300, deadline=None)
@given(happened=events, chosen=session_rules, data=st.data())
def test_event_rows_resolve_to_a_living_session_through_the_merges(happened, chosen, data):
    """Whatever id an event was written under, the merges lead to the session that holds it in the end."""
    messages = [fields_of(number, *one) for number, one in enumerate(happened)]
    shuffled = data.draw(st.permutations(messages))
    cuts = data.draw(st.lists(st.integers(0, 40), max_size=6))

    event_rows, session_rows = run(shuffled, cuts, chosen)

    heirs = {
        row.session_id: row.merged_into
        for row in sorted(session_rows, key=lambda row: row.version)
        if row.merged_into
    }
    counts = {}
    for row in event_rows:
        session = heirs.get(row.session_id, row.session_id)
        counts[session] = counts.get(session, 0) + 1
    assert sorted(counts.values()) == sorted(one[3] for one in recount(happened, chosen))
