"""GET /api/v1/settings: sites and settings as they are, and no secret among them."""

from __future__ import annotations

import httpx
import pytest

from app.core.keys import digest_of
from app.settings import Settings
from app.site_settings import SiteSettings
from tests.asking_endpoints import Asking
from web.api import configuration

pytestmark = pytest.mark.asyncio

PASSWORD = "correct-horse-battery"
SETTINGS = Settings(
    clickhouse={"url": f"http://wua:{PASSWORD}@db:8123", "database": "mine"},
    cache={"url": f"redis://:{PASSWORD}@cache:6379"},
    web={"admin_key": PASSWORD},
    reports={"smtp_host": "mail", "mail_from": "a@b.example", "smtp_password": PASSWORD},
    ingest={"address_key": "ab" * 32},
    sites={
        "shop": SiteSettings(
            timezone="Europe/Berlin",
            domains=("shop.example",),
            write_keys=("write-key-1",),
            server_keys=(digest_of(PASSWORD),),
            channels=[{"channel": "Email", "source": "letter"}],
        ),
        "blog": SiteSettings(),
    },
)


async def told() -> httpx.Response:
    asking = Asking(configuration.ENDPOINTS, settings=SETTINGS)
    answer = await asking.client.get("/api/v1/settings", headers={"Authorization": f"Bearer {PASSWORD}"})
    assert answer.status_code == 200, answer.text
    return answer


async def test_sites_are_told_as_they_are_set() -> None:
    found = (await told()).json()
    blog, shop = found["sites"]
    assert (blog["id"], blog["timezone"], blog["write_keys"], blog["channels"]) == ("blog", "UTC", [], [])
    assert (shop["timezone"], shop["domains"], shop["write_keys"], shop["server_keys"]) == (
        "Europe/Berlin",
        ["shop.example"],
        ["write-key-1"],
        1,
    )
    assert shop["channels"][0]["source"] == "letter"
    # The version of a site's rules is another one where it has rules of its own.
    assert shop["rules"] != blog["rules"]
    assert len(found["rules"]) == 12


async def test_settings_are_told_without_secrets() -> None:
    answer = await told()
    assert PASSWORD not in answer.text
    assert "ab" * 32 not in answer.text
    assert digest_of(PASSWORD) not in answer.text
    settings = answer.json()["settings"]
    assert settings["clickhouse.url"] == "http://(hidden)@db:8123"
    assert settings["cache.url"] == "redis://(hidden)@cache:6379"
    assert settings["clickhouse.database"] == "mine"
    assert (settings["web.admin_key"], settings["reports.smtp_password"]) == ("(set)", "(set)")
    assert settings["reports.webhook_secret"] == "(not set)"
    assert settings["sessions.gap_ms"] == "1800000"
    assert not any(key.startswith("sites") for key in settings)
