"""Whatever is posted, the collector answers by the rules, and what it accepts the worker can read."""

import asyncio
import gzip
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.validate import event_time, validate
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason
from tests.collecting import collecting, posted
from tests.factories import DAY, T0

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
TIME = st.integers(min_value=T0 - 9 * DAY, max_value=T0 + DAY)
#: Events that are right but for what is changed in them, so that later rules are reached as well.
NEARLY = st.fixed_dictionaries(
    {},
    optional={
        "event_type": st.sampled_from(["page_view", "click", "scroll", "custom_event", "zap"]),
        "name": st.sampled_from(["$purchase", "$page_leave", "$own", "signup", ""]) | st.text(),
        "visitor_id": st.text(max_size=200),
        "user_id": JSON,
        "url": st.text(max_size=30),
        "title": st.text(),
        "language": st.text(max_size=70),
        "client_hints": JSON,
        "occurred_at": TIME,
        "sent_at": TIME,
        "properties": st.dictionaries(st.sampled_from(["revenue", "currency", "x", "engaged_ms", "a"]), JSON)
        | JSON,
    },
).map(lambda changes: {**posted(), **changes})
HEADER = st.text(alphabet=st.characters(max_codepoint=255), max_size=80)


def post(body, **headers):
    """The answer, and the events that the worker reads."""

    async def run():
        async with collecting() as site:
            answer = await site.post(body, **headers)
            return answer, site.producer.events

    return asyncio.run(run())


def check(answer, events):
    assert answer.status_code in (202, 400, 413)
    document = answer.json()
    assert document.get("accepted", 0) == len(events)
    for error in document.get("errors", ()):
        assert error["reason"] in set(RejectReason)
    for event in events:
        assert not isinstance(validate(event), Reject)
        assert not isinstance(event_time(event, grace_ms=DAY), Reject)


@settings(deadline=None, max_examples=80)
@given(body=st.binary(max_size=400))
def test_any_bytes_get_an_answer_that_is_no_server_error(body):
    check(*post(body))
    check(*post(b"[" + body + b"]"))
    check(*post(b'{"events":[' + body + b"]}", content_type="text/plain"))
    assert post(body, content_encoding="gzip")[0].status_code in (202, 400, 413)
    check(*post(gzip.compress(body), content_encoding="gzip"))


@settings(deadline=None, max_examples=150)
@given(events=st.lists(NEARLY | JSON, max_size=6), user_agent=HEADER, platform=HEADER, forwarded=HEADER)
def test_of_any_batch_each_event_is_accepted_or_refused_by_name(events, user_agent, platform, forwarded):
    # json, unlike msgspec, also writes what is no JSON (NaN) and halves of characters (\ud800).
    body = json.dumps(events).encode()
    answer, kept = post(body, user_agent=user_agent, sec_ch_ua_platform=platform, x_forwarded_for=forwarded)
    check(answer, kept)
    if "errors" in answer.json():
        assert len(kept) + len(answer.json()["errors"]) == len(events)
