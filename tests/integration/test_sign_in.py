"""Signing in, over HTTP: the form, its limits, the cookie, the pages behind it, and the way out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from app.adapters.clickhouse.changes import Store
from app.core.keys import digest_of
from tests.answering import Asked, asked, engine, migrated
from tests.signing_in import PASSWORD, Served, cookies_of, csrf_of, hidden, serving, sign_in, statuses, store
from web.sign_in.attempts import NAME_BURST, NETWORK_BURST

__all__ = ["asked", "engine", "migrated", "store"]

pytestmark = pytest.mark.asyncio

HTTP = "http://stats.example"
COOKIE = "__Host-wua"


@pytest_asyncio.fixture
async def served(asked: Asked, store: Store, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(asked, store, tmp_path) as made:
        yield made


async def test_a_stranger_is_led_to_the_form_and_from_there_to_where_they_wanted(served: Served) -> None:
    client = served.browser()
    away = await client.get("/?site=shop&from=2026-03-01")
    assert (away.status_code, away.headers["location"]) == (
        303,
        "/sign-in?next=%2F%3Fsite%3Dshop%26from%3D2026-03-01",
    )
    form = await client.get(away.headers["location"])
    assert form.status_code == 200
    assert form.headers["cache-control"] == "no-store"
    wanted = "/?site=shop&from=2026-03-01"
    assert f'name="next" value="{wanted.replace("&", "&amp;")}"' in form.text
    given = {**hidden(form.text), "next": wanted, "name": "Ana", "password": PASSWORD}
    answer = await client.post("/sign-in", data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    page = await client.get(answer.headers["location"])
    assert page.status_code == 200
    assert page.headers["cache-control"] == "private, no-store"
    assert (await client.get("/sign-in?next=/account")).headers["location"] == "/account"


@pytest.mark.parametrize(("base", "is_secure"), [("https://stats.example", True), (HTTP, False)])
async def test_the_cookie_is_kept_from_scripts_other_hosts_and_other_pages(
    served: Served, base: str, is_secure: bool
) -> None:
    client = served.browser(base=base)
    answer = await sign_in(client, "ana")
    name = COOKIE if is_secure else "wua-dashboard"
    cookie = cookies_of(answer)[name]
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    expected = {"httponly", "path=/", "samesite=lax", "max-age=604800"}
    assert parts == (expected | {"secure"} if is_secure else expected)
    assert "max-age=0" in cookies_of(answer)[f"{name}-form"].lower()


async def test_the_secret_is_new_each_time_and_kept_nowhere(served: Served, asked: Asked) -> None:
    one, other = await served.signed_in("ana"), await served.signed_in("ana")
    secret = one.cookies[COOKIE]
    assert secret != other.cookies[COOKIE]
    assert len(secret) == 43
    kept = str(asked.store.ask("SELECT * FROM {db}.dashboard_sessions"))
    assert secret not in kept
    assert digest_of(secret) in kept


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ana", "wrong horse battery"),
        ("stranger", PASSWORD),
        ("", PASSWORD),
        ("ana", ""),
        ("a\r\nb", "wrong horse battery"),
    ],
)
async def test_whoever_it_is_the_answer_to_a_wrong_password_is_the_same(
    served: Served, name: str, password: str
) -> None:
    client = served.browser()
    answer = await sign_in(client, name, password)
    assert answer.status_code == 403
    assert "Name and password do not fit together." in answer.text
    assert COOKIE not in cookies_of(answer)
    assert (await client.get("/")).status_code == 303
    if password:
        assert password not in answer.text


async def test_a_name_is_tried_so_often_by_whomever_and_then_has_to_wait(served: Served) -> None:
    for number in range(NAME_BURST):
        answer = await sign_in(served.browser(peer=f"198.51.100.{number}"), "ana", "wrong horse battery")
        assert answer.status_code == 403
    client = served.browser(peer="203.0.113.9")
    limited = await sign_in(client, "ana")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "60")
    assert "Tried too often. Try again in 60 seconds." in limited.text
    assert (await sign_in(client, "ben")).status_code == 303
    served.now_ms += 60_000
    assert (await sign_in(served.browser(peer="203.0.113.9"), "ana")).status_code == 303


async def test_a_name_that_is_nobodys_is_limited_alike(served: Served) -> None:
    answers = [await sign_in(served.browser(), "stranger") for _ in range(NAME_BURST + 1)]
    assert statuses(answers) == [403] * NAME_BURST + [429]


async def test_a_network_tries_so_many_names(served: Served) -> None:
    client = served.browser()
    answers = [await sign_in(client, f"name{number}", "x") for number in range(NETWORK_BURST + 1)]
    assert statuses(answers) == [403] * NETWORK_BURST + [429]
    assert answers[-1].headers["retry-after"] == "15"
    assert (await sign_in(served.browser(peer="203.0.113.9"), "ana")).status_code == 303


async def test_a_form_that_is_not_this_browsers_is_refused(served: Served) -> None:
    given = {"name": "ana", "password": PASSWORD, "next": "/"}
    client, other = served.browser(), served.browser()
    form = hidden((await other.get("/sign-in")).text)
    assert (await client.post("/sign-in", data=given)).status_code == 403
    assert (await client.post("/sign-in", data={**given, **form})).status_code == 403
    own = hidden((await client.get("/sign-in")).text)
    foreign = {"Origin": "https://evil.example"}
    assert (await client.post("/sign-in", data={**given, **own}, headers=foreign)).status_code == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert (await client.post("/sign-in", data={**given, **own}, headers=cross)).status_code == 403
    assert (await client.post("/sign-in", json={**given, **own})).status_code == 403
    assert (await client.post("/sign-in", data={**given, **own})).status_code == 303


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/%09//evil.example\t",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=y",
        "evil.example",
        "/sign-out",
        "http:/evil.example",
        "/" + "a" * 3000,
    ],
)
async def test_nobody_is_led_elsewhere(served: Served, wanted: str) -> None:
    client = served.browser()
    answer = await sign_in(client, "ana", next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "x" not in cookies_of(answer)
    again = await client.get("/sign-in", params={"next": wanted})
    assert (again.status_code, again.headers["location"]) == (303, "/")


async def test_what_is_typed_is_shown_as_text(served: Served) -> None:
    answer = await sign_in(served.browser(), '"><script>alert(1)</script>', "x" * 12)
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_a_session_ends_idle_or_old(served: Served) -> None:
    client = await served.signed_in("ana")
    served.now_ms += 11 * 3_600_000
    assert (await client.get("/")).status_code == 200
    served.now_ms += 11 * 3_600_000
    assert (await client.get("/")).status_code == 200
    idle = await served.signed_in("ben", peer="203.0.113.9")
    served.now_ms += 12 * 3_600_000
    assert (await idle.get("/")).status_code == 303
    kept = await served.signed_in("eve", peer="203.0.113.9")
    for _ in range(13):
        assert (await kept.get("/")).status_code == 200
        served.now_ms += 11 * 3_600_000
    served.now_ms += 11 * 3_600_000
    secret = kept.cookies.get(COOKIE) or ""
    assert (await served.browser().get("/", headers={"Cookie": f"{COOKIE}={secret}"})).status_code == 303


async def test_signing_out_ends_the_session_for_whoever_has_its_secret(served: Served) -> None:
    client = await served.signed_in("ana")
    thief = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
    csrf = await csrf_of(client)
    assert (await served.browser().get("/", headers=thief)).status_code == 200
    assert (await client.post("/sign-out", data={"csrf": "x"})).status_code == 403
    foreign = await served.browser().post("/sign-out", headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, cookies_of(foreign)) == (403, {})
    assert (await client.get("/")).status_code == 200
    away = await client.post("/sign-out", data={"csrf": csrf})
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in client.cookies
    assert (await served.browser().get("/", headers=thief)).status_code == 303


async def test_another_password_ends_every_other_session(served: Served) -> None:
    client, other = await served.signed_in("ana"), await served.signed_in("ana")
    before = client.cookies[COOKIE]
    given = {"csrf": await csrf_of(client), "current": PASSWORD, "password": "another horse battery"}
    changed = await client.post("/account/password", data={**given, "again": "another horse battery"})
    assert (changed.status_code, changed.headers["location"]) == (303, "/account?changed")
    assert client.cookies[COOKIE] != before
    assert "The password is changed" in (await client.get("/account?changed")).text
    assert (await other.get("/")).status_code == 303
    assert (await served.browser().get("/", headers={"Cookie": f"{COOKIE}={before}"})).status_code == 303
    assert (await sign_in(served.browser(), "ana")).status_code == 403
    assert (await sign_in(served.browser(), "ana", "another horse battery")).status_code == 303


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"current": "wrong horse battery"}, "not the current password"),
        ({"again": "a third horse battery"}, "differ"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"csrf": "x"}, "out of date"),
        ({"csrf": ""}, "out of date"),
    ],
)
async def test_a_password_is_not_changed_by_mistake_or_by_others(
    served: Served, changed: dict[str, str], told: str
) -> None:
    client = await served.signed_in("ana")
    given = {"csrf": await csrf_of(client), "current": PASSWORD, "password": "another horse battery"}
    answer = await client.post(
        "/account/password", data={**given, "again": "another horse battery", **changed}
    )
    assert answer.status_code == 403
    assert told in answer.text
    assert (await sign_in(served.browser(), "ana")).status_code == 303


async def test_who_is_removed_or_set_another_password_is_out(served: Served) -> None:
    ana, ben = await served.signed_in("ana"), await served.signed_in("ben")
    later = served.at + timedelta(seconds=1)
    await served.accounts.remove(await served.accounts.must_find("ana"), at=later)
    await served.accounts.change(await served.accounts.must_find("ben"), at=later, password_hash="$x")
    assert [(await one.get("/")).status_code for one in (ana, ben)] == [303, 303]


async def test_people_see_and_close_their_own_sessions_and_no_others(served: Served) -> None:
    first, second, third = [await served.signed_in("ana") for _ in range(3)]
    ben = await served.signed_in("ben")
    page = (await first.get("/account")).text
    assert page.count("<li>") == 3
    assert page.count("(this one)") == 1
    assert "admin of shop, viewer of saas" not in page
    assert "viewer of saas, admin of shop" in page
    other = page.partition('name="session" value="')[2].partition('"')[0]
    stolen = {"csrf": await csrf_of(ben), "session": other}
    assert (await ben.post("/account/sessions", data=stolen)).status_code == 303
    assert (await first.get("/account")).text.count("<li>") == 3
    own = {"csrf": await csrf_of(first), "session": other}
    assert (await first.post("/account/sessions", data={**own, "csrf": "x"})).status_code == 403
    assert (await first.post("/account/sessions", data=own)).status_code == 303
    assert sorted([(await one.get("/")).status_code for one in (second, third)]) == [200, 303]
    await first.post("/account/sessions", data={**own, "session": "others"})
    assert [(await one.get("/")).status_code for one in (first, second, third, ben)] == [200, 303, 303, 200]


@pytest.mark.parametrize("path", ["/sign-in", "/account", "/"])
async def test_no_page_runs_what_stands_in_it_or_is_framed(served: Served, path: str) -> None:
    client = await served.signed_in("ana") if path != "/sign-in" else served.browser()
    page = await client.get(path)
    assert page.status_code == 200
    assert (
        re.sub(r'<script (?:src=|type="module" src=|type="application/json")', "", page.text).count("<script")
        == 0
    )
    assert "style=" not in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_the_collector_the_script_and_health_need_no_sign_in(served: Served) -> None:
    client = served.browser()
    for path in ("/wua.js", "/healthz", "/docs", "/static/sign_in.css"):
        assert (await client.get(path)).status_code == 200
    assert (await client.post("/api/v1/events", json=[])).status_code == 400


async def test_the_log_tells_what_happened_and_neither_who_nor_where_from(served: Served) -> None:
    with structlog.testing.capture_logs() as lines:
        await sign_in(served.browser(), "ana", "wrong horse battery")
        await sign_in(served.browser(), "secret-typed-as-name", PASSWORD)
        await served.signed_in("ana")
    told = [(line["event"], line["account"]) for line in lines if line["event"].startswith("sign_in")]
    assert told == [
        ("sign_in.refused", "id-ana"),
        ("sign_in.refused", "unknown"),
        ("sign_in.opened", "id-ana"),
    ]
    assert not any(word in str(lines) for word in ("198.51.100.7", "secret-typed", "horse"))


async def test_while_the_store_is_away_a_page_says_so(served: Served, asked: Asked) -> None:
    client = await served.signed_in("ana")
    asked.store.run("RENAME TABLE {db}.dashboard_users TO {db}.away")
    try:
        answers = [await client.get("/"), await served.browser().get("/sign-in")]
        refused = await sign_in(served.browser(), "ben")
    finally:
        asked.store.run("RENAME TABLE {db}.away TO {db}.dashboard_users")
    assert statuses([*answers, refused]) == [503, 200, 503]
    assert answers[0].headers["retry-after"] == "5"
