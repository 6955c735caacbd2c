"""Reports and schedules over HTTP: every endpoint as it is described, and what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import jsonschema
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from tests.answering import Asked, asked, engine, migrated
from tests.collecting import RecordingProducer
from tests.reporting import Clock, Held, emptied, fill, process, settings_with, worked
from views.queries import Queries
from web import api
from web.api.endpoints import Context
from web.problems import exception_handlers
from web.reports.background import ReportService
from web.reports.model import Format

__all__ = ["asked", "emptied", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

SHOP = {"site": "shop", "from": "2026-03-01", "to": "2026-04-01"}
GENERATE, REPORTS = "/api/v1/reports/generate", "/api/v1/reports"
SCHEDULES = "/api/v1/reports/schedules"
MAIL = {"smtp_host": "127.0.0.1", "mail_from": "reports@shop.test"}
UNKNOWN = "00000000-0000-0000-0000-000000000000"
BY_MAIL = {"site": "shop", "cadence": "weekly", "mail_to": ["ann@shop.test"]}
BY_WEB = {"site": "shop", "cadence": "daily", "webhook": "https://example.com/in"}


def asking(queries: Queries, service: ReportService, clock: Clock) -> httpx.AsyncClient:
    send = RecordingProducer().send_batch
    app = Starlette(
        routes=api.routes(Context(queries=queries, reports=service, send=send, clock=clock)),
        exception_handlers=exception_handlers(),
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest_asyncio.fixture
async def service(asked: Asked) -> ReportService:
    return process(settings_with(asked, **MAIL, webhook_secret="a secret of webhooks"), Clock())


@pytest_asyncio.fixture
async def client(service: ReportService) -> AsyncIterator[httpx.AsyncClient]:
    async with asking(service._parts.queries, service, Clock()) as made:
        yield made


async def detail(answer: httpx.Response, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    return str(answer.json()["detail"])


@pytest.mark.parametrize("format_", Format)
async def test_a_report_of_the_background_is_the_one_that_is_waited_for(
    asked: Asked, client: httpx.AsyncClient, service: ReportService, format_: Format
) -> None:
    fill(asked)
    body = {**SHOP, "template": "content", "format": format_}
    answer = await client.post(GENERATE, json={**body, "wait": False})
    job = answer.json()
    assert (answer.status_code, job["state"], job["from"]) == (202, "queued", "2026-03-01")
    one = f"{REPORTS}/{job['id']}"
    assert "the report is queued" in await detail(await client.get(f"{one}/download"), 409)
    await worked(service)
    done = (await client.get(one)).json()
    assert (done["state"], done["progress"], done["problem"]) == ("done", 1.0, None)
    file = await client.get(f"{one}/download")
    assert (file.status_code, file.headers["content-type"]) == (200, format_.media_type)
    name = f"shop_content_2026-03-01_2026-04-01.{format_}"
    assert file.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert len(file.content) == done["bytes"]
    at_once = await client.post(GENERATE, json=body)
    assert at_once.headers["content-type"] == format_.media_type
    if format_ in (Format.JSON, Format.CSV, Format.HTML, Format.PARQUET):  # others hold the time of writing
        assert file.content == at_once.content


async def test_a_report_is_cancelled_then_removed_then_gone(
    client: httpx.AsyncClient, service: ReportService
) -> None:
    job = (await client.post(GENERATE, json={**SHOP, "wait": False})).json()
    one = f"{REPORTS}/{job['id']}"
    assert (await client.delete(one)).json()["state"] == "cancelled"
    await worked(service)
    assert (await client.get(one)).json()["state"] == "cancelled"
    assert "the report is cancelled" in await detail(await client.get(f"{one}/download"), 409)
    assert (await client.delete(one)).json()["state"] == "removed"
    for answer in (await client.get(one), await client.get(f"{one}/download"), await client.delete(one)):
        assert "no report" in await detail(answer, 404)
    assert (await client.get(REPORTS)).json() == {"reports": [], "next_cursor": None}


async def test_a_report_and_a_schedule_are_found_at_their_own_site_alone(
    client: httpx.AsyncClient, service: ReportService
) -> None:
    """A key of one site names it, and is held to it."""
    report = (await client.post(GENERATE, json={**SHOP, "wait": False})).json()
    schedule = (await client.post(SCHEDULES, json=BY_MAIL)).json()
    await worked(service)
    one, its = f"{REPORTS}/{report['id']}", f"{SCHEDULES}/{schedule['id']}"
    for method, path in (("GET", one), ("GET", f"{one}/download"), ("DELETE", one), ("DELETE", its)):
        foreign = await client.request(method, path, params={"site": "saas"})
        assert (await detail(foreign, 404)).startswith(("no report ", "no schedule "))
        assert (await client.request(method, path, params={"site": "shop"})).status_code == 200


async def test_a_file_that_was_let_go_is_not_found(client: httpx.AsyncClient, service: ReportService) -> None:
    job = (await client.post(GENERATE, json={**SHOP, "wait": False})).json()
    await worked(service)
    await service.jobs.drop_files([job["id"]])
    assert "is gone" in await detail(await client.get(f"{REPORTS}/{job['id']}/download"), 404)


@pytest.mark.parametrize(
    "name", ["nothing", "'; DROP TABLE report_jobs", "%2e%2e%2fx", "a%00b", "\u4e2d", "{x:String}"]
)
async def test_a_name_of_no_report_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    for path in (f"{REPORTS}/{name}", f"{REPORTS}/{name}/download"):
        assert (await client.get(path)).status_code in (400, 404)
    assert (await client.delete(f"{SCHEDULES}/{name}")).status_code in (400, 404)
    assert (await client.get(REPORTS)).status_code == 200


async def test_the_list_goes_on_behind_its_cursor(client: httpx.AsyncClient) -> None:
    ids = {(await client.post(GENERATE, json={**SHOP, "wait": False})).json()["id"] for _ in range(3)}
    first = (await client.get(REPORTS, params={"limit": "2", "site": "shop"})).json()
    rest = (await client.get(REPORTS, params={"limit": "2", "cursor": first["next_cursor"]})).json()
    assert {one["id"] for one in first["reports"] + rest["reports"]} == ids
    assert rest["next_cursor"] is None
    assert (await client.get(REPORTS, params={"site": "other"})).json()["reports"] == []
    for query in (
        {"cursor": "1) OR 1=1"},
        {"limit": "0"},
        {"limit": "1001"},
        {"site": ""},
        {"colour": "red"},
    ):
        await detail(await client.get(REPORTS, params=query), 400)


async def test_more_than_may_wait_are_refused(asked: Asked) -> None:
    queries = settings_with(asked, max_waiting=2)
    service = process(Held(queries), Clock())
    async with asking(queries, service, Clock()) as client:
        for expected in (202, 202, 429):
            answer = await client.post(GENERATE, json={**SHOP, "wait": False})
            assert answer.status_code == expected
        assert "reports.max_waiting" in answer.json()["detail"]
        assert (await client.post(GENERATE, json=SHOP)).status_code == 200


async def test_schedules_are_made_listed_and_removed(client: httpx.AsyncClient) -> None:
    mail = (await client.post(SCHEDULES, json={**BY_MAIL, "at": "07:30"})).json()
    hook = (await client.post(SCHEDULES, json={**BY_WEB, "site": "isle"})).json()
    assert (mail["at"], mail["timezone"], mail["mail_to"]) == ("07:30", "Europe/Berlin", ["ann@shop.test"])
    assert (hook["webhook"], hook["format"], hook["timezone"]) == (
        "https://example.com/in",
        "pdf",
        "Australia/Lord_Howe",
    )
    listed = (await client.get(SCHEDULES)).json()["schedules"]
    assert {one["id"] for one in listed} == {mail["id"], hook["id"]}
    assert (await client.get(SCHEDULES, params={"site": "isle"})).json() == {"schedules": [hook]}
    assert (await client.delete(f"{SCHEDULES}/{mail['id']}")).json()["id"] == mail["id"]
    assert (await client.get(SCHEDULES)).json() == {"schedules": [hook]}
    assert "no schedule" in await detail(await client.delete(f"{SCHEDULES}/{mail['id']}"), 404)


async def test_a_report_of_a_schedule_is_there_for_operators_alone(
    client: httpx.AsyncClient, service: ReportService
) -> None:
    made = (await client.post(SCHEDULES, json=BY_WEB)).json()
    schedule = await service.schedules.get(made["id"])
    assert schedule is not None
    now = service.jobs.now
    await service.jobs.add(schedule.job(now, zone=service.schedules.zone(schedule), now=now))
    (job,) = (await client.get(REPORTS)).json()["reports"]
    assert job["schedule_id"] == made["id"]
    one = f"{REPORTS}/{job['id']}"
    elsewhere = {"x-forwarded-for": "192.0.2.1"}
    assert (await client.get(REPORTS, headers=elsewhere)).json()["reports"] == []
    for method, path in (("GET", one), ("GET", f"{one}/download"), ("DELETE", one)):
        assert "no report" in await detail(await client.request(method, path, headers=elsewhere), 404)
    assert (await client.get(one)).json()["state"] == "queued"
    assert (await client.delete(one)).json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({**BY_MAIL, "webhook": "https://example.com/"}, "exactly one of mail_to and webhook"),
        ({"site": "shop", "cadence": "daily"}, "exactly one of mail_to and webhook"),
        ({**BY_MAIL, "cadence": "hourly"}, "Invalid enum value 'hourly'"),
        ({**BY_MAIL, "at": "24:00"}, "`$.at`"),
        ({**BY_MAIL, "at": "7:30"}, "`$.at`"),
        ({**BY_MAIL, "mail_to": ["ann"]}, "`$.mail_to[0]`"),
        ({**BY_MAIL, "mail_to": ["ann@shop.test\r\nBcc: eve@evil.test"]}, "`$.mail_to[0]`"),
        ({**BY_MAIL, "mail_to": ["ann@shop.test, eve@evil.test"]}, "`$.mail_to[0]`"),
        ({**BY_MAIL, "mail_to": ["a@b.test"] * 21}, "`$.mail_to`"),
        ({**BY_MAIL, "site": "a b"}, "`$.site`"),
        ({**BY_WEB, "webhook": "http://169.254.169.254/"}, "our own network"),
        ({**BY_WEB, "webhook": "file:///etc/passwd"}, "expected an address"),
    ],
)
async def test_a_schedule_that_could_not_be_kept_to_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any], told: str
) -> None:
    assert told in await detail(await client.post(SCHEDULES, json=body), 400)
    assert (await client.get(SCHEDULES)).json() == {"schedules": []}


async def test_without_the_settings_for_it_nothing_can_be_scheduled(asked: Asked) -> None:
    service = process(asked.queries, Clock())
    async with asking(asked.queries, service, Clock()) as client:
        assert "reports.smtp_host" in await detail(await client.post(SCHEDULES, json=BY_MAIL), 400)
        assert "WEBHOOK_SECRET" in await detail(await client.post(SCHEDULES, json=BY_WEB), 400)


async def test_schedules_are_for_operators(client: httpx.AsyncClient) -> None:
    elsewhere = {"x-forwarded-for": "192.0.2.1"}
    for method, path in (("GET", SCHEDULES), ("POST", SCHEDULES), ("DELETE", f"{SCHEDULES}/{UNKNOWN}")):
        answer = await client.request(method, path, headers=elsewhere, json=BY_MAIL)
        await detail(answer, 403)


async def test_every_answer_is_as_the_document_says(
    client: httpx.AsyncClient, service: ReportService
) -> None:
    document = (await client.get("/openapi.json")).json()
    job = (await client.post(GENERATE, json={**SHOP, "wait": False})).json()
    await worked(service)
    made = (await client.post(SCHEDULES, json=BY_MAIL)).json()
    one = f"{REPORTS}/{job['id']}"
    answers = {
        ("post", GENERATE, "202"): job,
        ("get", REPORTS, "200"): (await client.get(REPORTS)).json(),
        ("get", f"{REPORTS}/{{report_id}}", "200"): (await client.get(one)).json(),
        ("get", f"{REPORTS}/{{report_id}}/download", "200"): (await client.get(f"{one}/download")).json(),
        ("delete", f"{REPORTS}/{{report_id}}", "200"): (await client.delete(one)).json(),
        ("post", SCHEDULES, "200"): made,
        ("get", SCHEDULES, "200"): (await client.get(SCHEDULES)).json(),
        ("delete", f"{SCHEDULES}/{{schedule_id}}", "200"): (
            await client.delete(f"{SCHEDULES}/{made['id']}")
        ).json(),
    }
    for (method, path, status), answer in answers.items():
        schema = document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
        jsonschema.validate(answer, {**schema, "components": document["components"]})
    described = {
        (method, path)
        for path, operations in document["paths"].items()
        if path.startswith(f"{REPORTS}/") or path == REPORTS
        for method in operations
    }
    assert {(method, path) for method, path, _ in answers} == described
