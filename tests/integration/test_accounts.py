"""People, sessions and links in a real store: what one web server writes and another makes of it."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.adapters import passwords
from app.adapters.clickhouse.accounts import REMEMBERED_S, Accounts, UserRow
from app.adapters.clickhouse.changes import Store, opened
from app.adapters.clickhouse.dashboard_sessions import SEEN_EVERY, DashboardSession, DashboardSessions
from app.adapters.shares import made
from app.cli import main
from app.core.accounts import Role
from app.core.keys import digest_of
from app.embedded.engine import ChdbEngine
from app.errors import AccountError, SinkUnavailableError
from tests.answering import Asked, asked, engine, migrated
from tests.integration.engines import settings_for
from tests.signing_in import PASSWORD, store

__all__ = ["asked", "engine", "migrated", "store"]

pytestmark = pytest.mark.asyncio

#: The store removes what expired a day ago.
AT = datetime(2090, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
IDLE = timedelta(hours=12)


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def user(name: str = "ana", **changes: Any) -> UserRow:
    given = {"id": f"id-{name}", "password_hash": "h", "subject": "", "roles": {"shop": Role.EDITOR}}
    return UserRow(**{"changed_at": AT, "name": name, **given, **changes})


def session(secret: str = "s", **changes: Any) -> DashboardSession:
    given = {"id": f"id-{secret}", "changed_at": AT, "digest": digest_of(secret), "account_id": "id-ana"}
    end = {"credential": "c", "expires_at": AT + timedelta(days=7)}
    return DashboardSession(**{**given, **end, **changes})


async def test_another_server_knows_somebody_within_the_time_that_is_stated(store: Store) -> None:
    time = Time()
    here, there = Accounts(store), Accounts(store, elapsed_s=time)
    assert await there.named("ana") is None
    row = user()
    await here.make(row)
    assert await here.named("ana") == row == await here.user("id-ana")
    time.now_s += REMEMBERED_S - 0.1
    assert await there.named("ana") is None
    time.now_s += 0.1
    assert await there.named("ana") == row


async def test_the_latest_row_counts_and_a_name_is_somebodys_once(store: Store) -> None:
    accounts = Accounts(store)
    row = user()
    await accounts.make(row)
    with pytest.raises(AccountError, match="'ana' is there already"):
        await accounts.make(user(id="another"))
    changed = await accounts.change(row, at=AT + SECOND, roles={"*": Role.ADMIN})
    assert await accounts.named("ana") == changed
    assert [(one.latest.roles, one.made_at) for one in await accounts.users()] == [({"*": "admin"}, AT)]


async def test_who_is_removed_stays_so_and_neither_name_nor_hash_is_left(store: Store, asked: Asked) -> None:
    accounts = Accounts(store)
    row = user("bob@example.com", password_hash="$argon2id$secret")
    await accounts.make(row)
    await accounts.change(row, at=AT + SECOND, password_hash="$argon2id$newer")
    await accounts.remove(await accounts.must_find("bob@example.com"), at=AT + 2 * SECOND)
    kept = str(asked.store.ask("SELECT * FROM {db}.dashboard_users WHERE id = 'id-bob@example.com'"))
    assert "argon2id" not in kept
    assert asked.store.one("SELECT count() FROM {db}.dashboard_users WHERE name != ''") == 0
    # A page that was open writes a change after all.
    await accounts.change(row, at=AT + 3 * SECOND, password_hash="$argon2id$late")
    assert await accounts.user(row.id) is None
    with pytest.raises(AccountError, match=r"nobody signs in as 'bob@example\.com'"):
        await accounts.must_find("bob@example.com")
    again = user("bob@example.com", id="new")
    await accounts.make(again)
    assert await accounts.named("bob@example.com") == again


async def test_a_session_ends_when_it_is_idle_old_or_ended_wherever_that_is(store: Store) -> None:
    time = Time()
    here = DashboardSessions(store, idle=IDLE)
    there = DashboardSessions(store, idle=IDLE, elapsed_s=time)
    idle, old, ended = session("idle"), session("old", expires_at=AT + SECOND), session("ended")
    for one in (idle, old, ended):
        await here.begin(one)
        assert await there.find(one.digest, at=AT) == one
    assert await there.find(digest_of("nobody's"), at=AT) is None
    assert await there.find(old.digest, at=AT + SECOND) is None
    assert await there.find(idle.digest, at=AT + IDLE) is None
    await here.end(ended, at=AT + SECOND)
    assert await here.find(ended.digest, at=AT + SECOND) is None
    assert await there.find(ended.digest, at=AT + SECOND) == ended
    time.now_s += REMEMBERED_S
    assert await there.find(ended.digest, at=AT + SECOND) is None


async def test_use_keeps_a_session_open_and_is_written_down_seldom(store: Store, asked: Asked) -> None:
    sessions = DashboardSessions(store, idle=IDLE)
    one = session("used")
    await sessions.begin(one)
    counted = f"SELECT count() FROM {{db}}.dashboard_sessions WHERE digest = '{one.digest}'"
    for minutes in range(5):
        assert await sessions.find(one.digest, at=AT + timedelta(minutes=minutes)) is not None
    assert asked.store.one(counted) == 1
    assert await sessions.find(one.digest, at=AT + SEEN_EVERY) is not None
    assert asked.store.one(counted) == 2
    assert await sessions.find(one.digest, at=AT + IDLE + timedelta(minutes=4)) is not None
    # What was seen elsewhere a moment later does not open again what was ended here.
    await sessions.end(one, at=AT + IDLE)
    await DashboardSessions(store, idle=IDLE).begin(session("used", changed_at=AT + IDLE + SECOND))
    assert await sessions.find(one.digest, at=AT + IDLE + SECOND) is None


async def test_a_person_has_the_sessions_that_are_open(store: Store) -> None:
    sessions = DashboardSessions(store, idle=IDLE)
    await sessions.begin(session("one", account_id="x"))
    await sessions.begin(session("two", account_id="x", changed_at=AT + SECOND))
    await sessions.begin(session("three", account_id="y"))
    await sessions.end(session("one", account_id="x"), at=AT + 2 * SECOND)
    found = await sessions.of_account("x", at=AT + 2 * SECOND)
    assert [(one.latest.id, one.made_at) for one in found] == [("id-two", AT + SECOND)]


async def test_a_link_opens_until_it_is_revoked(store: Store) -> None:
    accounts = Accounts(store)
    fields = {
        "label": "",
        "page": "/",
        "filter": "",
        "password_hash": "",
        "frame_ancestors": ("https://a.b",),
    }
    row, token = made(at=AT, site_id="shop", **fields)
    await accounts.add_share(row)
    found = await accounts.share(digest_of(token))
    assert found == row.share
    assert found.frame_ancestors == ("https://a.b",)
    with pytest.raises(AccountError, match="no link"):
        await accounts.revoke_share(row.id, at=AT, site_id="saas")
    assert await accounts.share(digest_of(token)) is not None
    for _ in range(2):
        assert (await accounts.revoke_share(row.id, at=AT + SECOND, site_id="shop")).id == row.id
    assert await accounts.share(digest_of(token)) is None
    # A row from before comes late.
    await accounts.add_share(row)
    assert await accounts.share(digest_of(token)) is None


async def test_without_its_tables_nobody_gets_in_and_the_message_says_what_to_do(engine: ChdbEngine) -> None:
    async with opened(settings_for(engine.url)) as store:
        with pytest.raises(SinkUnavailableError, match="run `wua migrate`"):
            await Accounts(store).named("ana")
        with pytest.raises(SinkUnavailableError, match="run `wua migrate`"):
            await DashboardSessions(store, idle=IDLE).find("d", at=AT)


@pytest.fixture
def run(asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Any:
    """The command line over the store, with a line of standard input; what it printed."""
    monkeypatch.setenv("WUA_CLICKHOUSE__URL", asked.settings.clickhouse.url)
    monkeypatch.setenv("WUA_CLICKHOUSE__DATABASE", asked.store.database)
    monkeypatch.setenv("COLUMNS", "200")

    async def ran(*arguments: str, line: str = "", code: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{line}\n"))
        assert await asyncio.to_thread(main, arguments) == code
        told = capsys.readouterr()
        return str(told.err if code else told.out)

    return ran


async def test_the_command_adds_lists_grants_and_removes(run: Any, store: Store, asked: Asked) -> None:
    assert "added: eve@example.com, admin of *" in await run(
        "users", "add", "Eve@Example.com", "--role", "admin", line=PASSWORD
    )
    row = await Accounts(store).must_find("eve@example.com")
    assert passwords.fits(row.password_hash, PASSWORD)
    assert PASSWORD not in str(asked.store.ask("SELECT * FROM {db}.dashboard_users"))
    assert "is there already" in await run("users", "add", "eve@example.com", line=PASSWORD, code=1)
    granted = await run("users", "grant", "eve@example.com", "--role", "viewer", "--site", "shop")
    assert "eve@example.com: admin of *, viewer of shop" in granted
    assert "viewer of shop;" in await run("users", "grant", "eve@example.com", "--role", "none")
    await run("users", "set-password", "eve@example.com", line="another horse battery")
    changed = await Accounts(store).must_find("eve@example.com")
    assert changed.account.credential != row.account.credential
    assert passwords.fits(changed.password_hash, "another horse battery")
    await run("users", "add", "sso@example.com", "--oidc")
    listed = await run("users", "list")
    assert all(part in listed for part in ("eve@example.com", "viewer of shop", "OpenID provider"))
    await run("users", "remove", "sso@example.com")
    await run("users", "remove", "eve@example.com")
    assert "eve@" not in await run("users", "list")
    assert "nobody signs in as" in await run("users", "remove", "eve@example.com", code=1)


@pytest.mark.parametrize(
    ("name", "password", "told"),
    [("fay", "short", "too short"), ("fay", "", "too short"), ("f a y", PASSWORD, "no name 'f a y'")],
)
async def test_the_command_refuses_what_is_no_name_or_password(
    run: Any, name: str, password: str, told: str, store: Store
) -> None:
    assert told in await run("users", "add", name, line=password, code=1)
    assert not [one for one in await Accounts(store).users() if one.latest.name == "fay"]


async def test_no_password_can_be_given_as_an_argument() -> None:
    with pytest.raises(SystemExit):
        main(["users", "add", "fay", "--password", PASSWORD])


async def test_the_command_makes_lists_and_revokes_links(run: Any, store: Store) -> None:
    told = await run(
        "share", "new", "--site", "shop", "--label", "press", "--page", "/pages", "--embed", "https://a.b"
    )
    lines = dict(line.split(": ", 1) for line in told.splitlines())
    token = lines["open"].strip().removeprefix("/share/")
    assert lines["embed"].strip() == f"/embed/{token}"
    found = await Accounts(store).share(digest_of(token))
    assert found is not None
    assert (found.site_id, found.label, found.page, found.password_hash) == ("shop", "press", "/pages", "")
    secured = await run("share", "new", "--site", "shop", "--password", line=PASSWORD)
    assert PASSWORD not in secured
    listed = await run("share", "list")
    assert found.share_id in listed
    assert token not in listed
    await run("share", "revoke", found.share_id)
    assert await Accounts(store).share(digest_of(token)) is None
    assert "revoked" in await run("share", "list")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--page", "//evil.example"], "expected a path"),
        (["--embed", "*"], "expected an origin"),
        (["--filter", "{"], "expected JSON"),
        (["--embed", "https://a.b", "--password"], "cannot be embedded"),
    ],
)
async def test_the_command_refuses_links_that_cannot_be(run: Any, arguments: list[str], told: str) -> None:
    assert told in await run("share", "new", "--site", "shop", *arguments, line=PASSWORD, code=1)
