"""Keys of the API in a real store: made, listed, revoked, and what the web server makes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.adapters.clickhouse import QueryPool, open_client
from app.adapters.clickhouse.api_keys import REMEMBERED_S, ApiKeys, KeyLog
from app.cli import main
from app.core.keys import digest_of
from app.embedded.engine import ChdbEngine
from app.errors import KeyStoreError, SinkUnavailableError
from tests.answering import Asked, asked, engine, migrated
from tests.asking_endpoints import key
from tests.integration.engines import settings_for

__all__ = ["asked", "engine", "migrated"]

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)


class Time:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def log_of(asked: Asked) -> KeyLog:
    return KeyLog(asked.store.client, database=asked.store.database)


@pytest.mark.asyncio
async def test_a_key_opens_until_it_is_revoked_and_for_the_time_that_is_stated(asked: Asked) -> None:
    log, time = log_of(asked), Time()
    keys = ApiKeys(asked.pool, database=asked.store.database, elapsed_s=time)
    assert await keys.find(digest_of("secret")) is None
    made = key("k1", scopes=["read", "write"], sites=["shop", "saas"])
    log.add(made, digest=digest_of("secret"), at=AT)
    time.now_s += REMEMBERED_S
    assert await keys.find(digest_of("secret")) == made
    assert await keys.find(digest_of("another")) is None
    assert log.revoke("k1", at=AT + timedelta(seconds=1)).key == made
    time.now_s += REMEMBERED_S - 0.1
    assert await keys.find(digest_of("secret")) == made
    time.now_s += 0.1
    assert await keys.find(digest_of("secret")) is None


@pytest.mark.asyncio
async def test_what_is_revoked_stays_so_whatever_clocks_say(asked: Asked) -> None:
    log = log_of(asked)
    log.add(key("k2"), digest="d", at=AT)
    log.revoke("k2", at=AT - timedelta(days=1))
    log.revoke("k2", at=AT + timedelta(days=1))
    log.add(key("k2"), digest="d", at=AT + timedelta(days=2))
    (listed,) = (one for one in log.listed() if one.key.key_id == "k2")
    assert (listed.is_revoked, listed.made_at) == (True, AT - timedelta(days=1))
    assert await ApiKeys(asked.pool, database=asked.store.database).find("d") is None


@pytest.mark.asyncio
async def test_a_key_that_is_not_there_cannot_be_revoked(asked: Asked) -> None:
    with pytest.raises(KeyStoreError, match="no key 'k9'; `wua keys list`"):
        log_of(asked).revoke("k9", at=AT)


@pytest.mark.asyncio
async def test_without_its_table_nothing_is_open_and_the_message_says_what_to_do(
    engine: ChdbEngine,
) -> None:
    settings = settings_for(engine.url)
    pool = QueryPool(settings)
    with pytest.raises(SinkUnavailableError, match="run `wua migrate`"):
        await ApiKeys(pool, database="default").find("d")
    await pool.close()
    client = open_client(settings, readonly=False)
    with pytest.raises(KeyStoreError, match=r"default\.api_keys: .*run `wua migrate`"):
        KeyLog(client, database="default").listed()
    client.close()


@pytest.mark.asyncio
async def test_the_command_makes_lists_and_revokes_and_no_secret_is_kept(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("WUA_CLICKHOUSE__URL", asked.settings.clickhouse.url)
    monkeypatch.setenv("WUA_CLICKHOUSE__DATABASE", asked.store.database)
    monkeypatch.setenv("COLUMNS", "200")
    label = "[red]=HYPERLINK"
    arguments = ["--scope", "read", "--scope", "write", "--site", "shop", "--label", label]
    assert main(["keys", "new", *arguments]) == 0
    told = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    secret, key_id = told["secret"].strip(), told["key"].strip()
    found = await ApiKeys(asked.pool, database=asked.store.database).find(digest_of(secret))
    assert found is not None
    assert (found.key_id, found.label, found.scopes, found.sites) == (
        key_id,
        label,
        {"read", "write"},
        {"shop"},
    )
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(part in listed for part in (key_id, label, "read write", "shop", "open"))
    assert secret not in listed
    assert not [row for row in asked.store.ask("SELECT * FROM {db}.api_keys") if secret in str(row)]
    assert main(["keys", "revoke", key_id]) == 0
    assert "within 5 s" in capsys.readouterr().out
    assert main(["keys", "list"]) == 0
    assert "revoked" in capsys.readouterr().out
    assert main(["keys", "revoke", "nobody's"]) == 1
    assert 'no key "nobody\'s"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--site", "shop"], "give --scope too"),
        (["--write", "--scope", "read"], "a write key has no scope"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: list[str], told: str, capsys: Any) -> None:
    assert main(["keys", "new", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("site", ["*", "a/b", ""])
def test_a_key_is_of_sites_that_there_can_be(site: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["keys", "new", "--scope", "read", "--site", site])
    assert "no site id" in capsys.readouterr().err
