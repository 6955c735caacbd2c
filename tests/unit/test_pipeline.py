"""A block of messages -> rows, states and what was refused."""

import msgspec
import pytest

from app.adapters.enricher import Enricher
from app.core.pipeline import examine, fold
from app.core.rows import BlockId, payload_text
from app.events.vocabulary import RejectReason, Step
from tests.factories import DAY, HOUR, T0, event_id, plain_enrichment, record, rules


def block(start=0, end=99, epoch=1, batch_id="b"):
    return BlockId(topic="t", epoch=epoch, partition=3, start=start, end=end, batch_id=batch_id)


def run(*records, states=None, at=None, **changes):
    chosen = rules(**changes)
    examined = [examine(one, rules=chosen, enrich=plain_enrichment) for one in records]
    return fold(examined, block=at or block(), states=states or {}, rules=chosen)


def test_every_message_becomes_one_row_and_the_counts_agree():
    same = event_id()
    folded = run(
        record(offset=0, event_id=same),
        record(b"{", offset=1),
        record(offset=2, event_id=same),
        record(offset=3, visitor_id="v2"),
    )
    assert [row.outcome for row in folded.events] == ["rejected", "duplicate", "accepted", "accepted"]
    assert (folded.received, folded.accepted, folded.duplicates) == (4, 2, 1)
    assert folded.rejected_by_reason == {(RejectReason.MALFORMED_JSON, Step.DECODE): 1}
    assert {row.offset for row in folded.events} == {0, 1, 2, 3}
    assert {(row.epoch, row.partition, row.batch_start, row.batch_end) for row in folded.events} == {
        (1, 3, 0, 99)
    }


@pytest.mark.parametrize("key", [None, b"", b"shop:v2", b"v1"])
def test_a_message_under_a_wrong_key_is_refused(key):
    good = record()
    good.key = key
    (row,) = run(good).events
    assert (row.outcome, row.reason, row.field) == ("rejected", "wrong_key", "key")
    assert row.site_id == "shop"


def test_a_visitor_id_may_hold_the_separator():
    folded = run(record(visitor_id="a:b"))
    assert folded.sessions[0].visitor_id == "a:b"
    assert list(folded.states) == [b"shop:a:b"]


def test_a_duplicate_is_known_from_the_state_of_an_earlier_block():
    same = event_id()
    first = run(record(offset=0, event_id=same))
    again = run(record(offset=100, event_id=same), states=first.states, at=block(100, 199))
    assert again.duplicates == 1
    assert again.sessions == []


def test_the_oldest_ids_are_forgotten_first():
    ids = [event_id() for _ in range(3)]
    first = run(*[record(offset=i, event_id=one) for i, one in enumerate(ids)], dedup_ids=2)
    later = run(
        *[record(offset=10 + i, event_id=one) for i, one in enumerate(ids)],
        states=first.states,
        at=block(10, 19),
        dedup_ids=2,
    )
    assert later.duplicates == 2


def test_an_event_behind_the_fence_is_not_folded_again():
    records = [record(offset=0), record(offset=1, at=T0 + 1)]
    first = run(*records)
    replayed = run(*records, states=first.states)
    assert replayed.sessions == []
    assert replayed.states == {}
    assert [row.outcome for row in replayed.events] == ["accepted", "accepted"]
    assert {row.session_id for row in replayed.events} == {row.session_id for row in first.events}


def outcomes(folded):
    return sorted((row.offset, row.outcome) for row in folded.events)


@pytest.mark.parametrize("earlier", [True, False])
def test_a_replayed_block_has_the_same_duplicates(earlier):
    """A table that got no row of a block at first has no token of it, and would take rows at a replay."""
    same, other = event_id(), event_id()
    first = run(record(offset=0, event_id=same), at=block(0, 9))
    states = first.states if earlier else {}
    records = [
        record(offset=10, event_id=same),
        record(offset=11, event_id=other),
        record(offset=12, event_id=same),
        record(offset=13, event_id=other),
    ]
    folded = run(*records, states=states, at=block(10, 19))
    assert folded.duplicates == 2 + earlier
    replayed = run(*records, states=folded.states, at=block(10, 19))
    assert outcomes(replayed) == outcomes(folded)
    assert replayed.states == {}
    # And once more after a later block, as when commits lag.
    later = run(record(offset=20, event_id=other), states=folded.states, at=block(20, 29))
    assert outcomes(run(*records, states=later.states, at=block(10, 19))) == outcomes(folded)


def test_offsets_of_duplicates_are_forgotten_once_their_block_is_long_committed():
    same = event_id()
    first = run(record(offset=0, event_id=same), record(offset=1, event_id=same))
    (state,) = first.states.values()
    assert len(state.repeats) == 8
    far = 2_000_000
    later = run(record(offset=far), states=first.states, at=block(far, far))
    assert [state.repeats for state in later.states.values()] == [b""]


def test_half_a_block_behind_the_fence_folds_the_other_half():
    one, two = record(offset=0), record(offset=1, at=T0 + 1, visitor_id="v2")
    first = run(one, two)
    del first.states[b"shop:v2"]
    replayed = run(one, two, states=first.states)
    assert [row.visitor_id for row in replayed.sessions] == ["v2"]


def test_another_epoch_is_another_log_whose_offsets_begin_anew():
    first = run(record(offset=50))
    again = run(record(offset=0, at=T0 + 1), states=first.states, at=block(epoch=2))
    assert [row.sign for row in again.sessions] == [-1, 1]


def test_events_of_one_block_carry_the_id_that_lives_at_its_end():
    gap = HOUR // 2
    folded = run(record(offset=0, at=T0), record(offset=1, at=T0 + 2 * gap), record(offset=2, at=T0 + gap))
    assert len({row.session_id for row in folded.events}) == 1
    assert [row.sign for row in folded.sessions] == [1]


def test_days_are_those_of_the_sites_zone():
    midnight = T0 - 10 * HOUR
    rows = run(record(at=midnight), zone="Asia/Kolkata").events
    assert rows[0].local_date == "2026-03-02"
    rows = run(record(at=midnight), zone="America/New_York").events
    assert rows[0].local_date == "2026-03-01"
    assert run(record(at=midnight - 1)).events[0].local_date == "2026-03-01"


def test_what_properties_mean_is_in_columns():
    folded = run(
        record(
            event_type="custom_event",
            name="$purchase",
            properties={"revenue": 19.99, "currency": "EUR", "order_id": "7"},
        ),
        record(event_type="custom_event", name="$web_vitals", properties={"lcp_ms": 1200.4, "cls": 0.1234}),
        record(event_type="click", properties={"element": "a.buy", "text": "Buy", "x": 0.5, "y": 0.25}),
    )
    bought, vitals, click = folded.events
    assert (bought.is_conversion, bought.revenue, bought.currency) == (1, 19.99, "EUR")
    assert (vitals.lcp_ms, vitals.cls_10000, vitals.is_conversion) == (1200, 1234, 0)
    assert (click.element, click.element_text, click.click_x, click.click_y) == ("a.buy", "Buy", 0.5, 0.25)
    assert folded.sessions[0].revenue == 19.99


def test_a_late_event_has_a_named_reason_and_its_ids():
    (row,) = run(record(occurred_at=T0 - DAY - 1)).events
    assert (row.reason, row.step, row.site_id) == ("late", "time", "shop")


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b'{"ip":"192.0.2.7","a":1}', '{"ip":"","a":1}'),
        (b'{ "ip" : "2001:db8::1" , broken', '{ "ip":"" , broken'),
        (b'{"ip":"192.0.2', '{"ip":""'),
        (b'{"ip":["192.0.2.7", "2001:db8::1"],"a":1}', '{"ip":"","a":1}'),
        (b'{"ip":["192.0.2.7", "2001', '{"ip":""'),
        (b'{"ip":3221225991}', '{"ip":""}'),
        (b"\xff\x00", "\\xff\x00"),
        (b"", ""),
    ],
)
def test_a_payload_is_kept_as_received_less_the_ip(raw, kept):
    assert payload_text(raw) == kept


PRIVATE = {
    "url": "https://shop.example/login?utm_content=ada%40example.org",
    "referrer": "https://ada:hunter2@mail.example/inbox?to=ada@example.org",
    "title": "Mail to ada@example.org",
    "properties": {"card": "4111 1111 1111 1111", "tel": "+49 30 1234567", "text": "ada@example.org"},
}
SECRETS = ("ada@example.org", "ada%40example.org", "4111 1111", "hunter2", "1234567")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"event_type": "click", "properties": {"text": "write to ada@example.org, 4111111111111111"}},
        {"occurred_at": T0 - DAY - 1},  # refused as late
        {"event_type": "zap"},  # refused before it is an event
        {"url": "mailto:ada@example.org"},  # refused by the enrich step
    ],
)
def test_personal_data_is_in_no_row_state_or_letter(changes):
    chosen = rules()
    item = examine(record(**{**PRIVATE, **changes}), rules=chosen, enrich=Enricher())
    folded = fold([item], block=block(), states={}, rules=chosen)
    (row,) = folded.events
    known = str([row, folded.sessions, folded.states, folded.refused])
    assert [secret for secret in SECRETS if secret in known] == []
    assert "[mail]" in row.payload


def test_a_site_may_keep_what_looks_personal():
    chosen = rules()
    site = msgspec.structs.replace(chosen.default_site, scrub_pii=False)
    chosen = msgspec.structs.replace(chosen, default_site=site)
    item = examine(record(**PRIVATE), rules=chosen, enrich=Enricher())
    assert item.event.title == PRIVATE["title"]
    assert all(secret in item.raw.decode() for secret in SECRETS)


def test_ids_are_kept_as_they_are():
    ids = {"visitor_id": "ada@example.org", "user_id": "4111111111111111"}
    item = examine(record(**{**PRIVATE, **ids}), rules=rules(), enrich=Enricher())
    assert (item.event.visitor_id, item.event.user_id) == ("ada@example.org", "4111111111111111")
    assert item.key == b"shop:ada@example.org"
    assert item.event.title == "Mail to [mail]"


def test_the_id_that_an_alias_tells_of_is_kept_as_it_is():
    said = {"event_type": "custom_event", "name": "$alias", "user_id": "ada@example.org", "origin": "server"}
    properties = {
        "previous_id": "+49 30 1234567",
        "note": "+49 30 1234567",
        "in": {"previous_id": "a@b.example"},
    }
    item = examine(record(**said, properties=properties), rules=rules(), enrich=Enricher())
    kept = {"previous_id": "+49 30 1234567", "note": "[phone]", "in": {"previous_id": "[mail]"}}
    assert msgspec.json.decode(item.event.properties) == kept
