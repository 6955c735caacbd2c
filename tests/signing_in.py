"""The web server with sign-in on over a store of the test's own, people in it, and browsers before it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from argon2 import PasswordHasher

from app import serve
from app.adapters.clickhouse.accounts import Accounts, UserRow
from app.adapters.clickhouse.changes import Store, opened
from app.adapters.shares import made
from app.core.accounts import Role
from app.settings import Settings
from tests.answering import Asked
from tests.collecting import RecordingProducer

TABLES = ("dashboard_users", "dashboard_sessions", "dashboard_shares")
PASSWORD = "correct horse battery"
#: Cheaper than the product's, which are meant to take a while.
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
HASH = CHEAP.hash(PASSWORD)
#: 2090-03-10 12:00 UTC: the store removes what expired long ago by the machine's clock.
NOW = 3_793_435_200_000
LOCAL = {"sign_in": "local", "admin_key": "0123456789abcdef"}
ROLES = {
    "chief": {"*": Role.ADMIN},
    "ana": {"shop": Role.ADMIN, "saas": Role.VIEWER},
    "ben": {"shop": Role.EDITOR},
    "eve": {"shop": Role.VIEWER},
    "nobody": {},
}


class Served:
    """The server; ``now_ms`` is its clock's."""

    def __init__(self, asked: Asked, store: Store, data_dir: Path, web: dict[str, Any]) -> None:
        self.now_ms = NOW
        self.accounts = Accounts(store)
        settings = Settings(
            clickhouse=asked.settings.clickhouse,
            app={"data_dir": data_dir},
            sites=asked.settings.sites,
            web={**LOCAL, **web},
        )
        self.app = serve.build(
            settings, producer=RecordingProducer(), pool=asked.pool, clock=lambda: self.now_ms
        )
        self._clients: list[httpx.AsyncClient] = []

    def browser(
        self, *, base: str = "https://stats.example", peer: str = "198.51.100.7"
    ) -> httpx.AsyncClient:
        """A browser with cookies of its own, that follows nothing."""
        transport = httpx.ASGITransport(app=self.app, client=(peer, 4711))
        made = httpx.AsyncClient(transport=transport, base_url=base, headers={"Origin": base})
        self._clients.append(made)
        return made

    async def signed_in(self, name: str, **browser: str) -> httpx.AsyncClient:
        """A browser of somebody who is signed in."""
        client = self.browser(**browser)
        answer = await sign_in(client, name)
        assert answer.status_code == 303, answer.text
        return client

    async def share(self, site: str = "shop", **fields: Any) -> tuple[str, str]:
        """A new link: its id and its secret."""
        given = {"label": "", "page": "/", "filter": "", "password_hash": "", "frame_ancestors": ()}
        row, token = made(at=self.at, site_id=site, **{**given, **fields})
        await self.accounts.add_share(row)
        return row.id, token

    @property
    def at(self) -> datetime:
        return time(self.now_ms)


def time(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)


@pytest_asyncio.fixture
async def store(asked: Asked) -> AsyncIterator[Store]:
    """The logs, with nothing in them."""
    for table in TABLES:
        asked.store.run(f"TRUNCATE TABLE {{db}}.{table}")
    async with opened(asked.settings.clickhouse) as found:
        yield found


@asynccontextmanager
async def serving(asked: Asked, store: Store, data_dir: Path, **web: Any) -> AsyncIterator[Served]:
    """The server with these people, who all have PASSWORD."""
    served = Served(asked, store, data_dir, web)
    people = [user(name, roles) for name, roles in ROLES.items()]
    asked.store.insert_lines("dashboard_users", msgspec.json.Encoder().encode_lines(people))
    with pytest.MonkeyPatch.context() as patched:
        # What the test changes is changed by another process.
        patched.setattr("app.adapters.clickhouse.accounts.REMEMBERED_S", 0.0)
        patched.setattr("app.adapters.passwords._HASHER", CHEAP)
        async with served.app.router.lifespan_context(served.app):
            yield served


def user(name: str, roles: dict[str, Role]) -> UserRow:
    return UserRow(
        id=f"id-{name}",
        changed_at=time(NOW),
        name=name,
        password_hash=HASH,
        subject="",
        roles=roles,
    )


async def sign_in(
    client: httpx.AsyncClient, name: str, password: str = PASSWORD, **fields: str
) -> httpx.Response:
    """Open the form, fill it in, send it."""
    form = await client.get("/sign-in", params={"next": fields["next"]} if "next" in fields else None)
    given = {**hidden(form.text), "name": name, "password": password, **fields}
    return await client.post("/sign-in", data=given)


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of the first form."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html.partition("</form>")[0])
    return dict(found)


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    """Name -> the whole cookie, as it was set."""
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}


async def csrf_of(client: httpx.AsyncClient) -> str:
    return hidden((await client.get("/account")).text)["csrf"]


def statuses(answers: Iterable[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]
