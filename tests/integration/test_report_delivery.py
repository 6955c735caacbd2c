"""Reports that are sent: to a mail server and a web server on loopback, once for each time they are due."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.core.due_times import Cadence
from tests.answering import ZONES, Asked, asked, engine, migrated
from tests.reporting import Clock, decoded, emptied, fill, process, rows_of, settings_with, state, worked
from views.queries import Queries
from web.reports.background import ReportService
from web.reports.model import Format, Job, JobState, Template
from web.reports.schedules import Schedule

__all__ = ["asked", "emptied", "engine", "migrated"]

pytestmark = pytest.mark.asyncio

SECRET = "a secret of webhooks"
DAY_S = 86_400


class Sink:
    """What came in; ``answers``: what is said to each in turn, the last again and again."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.got: list[bytes] = []
        self.port = 0

    def answer(self) -> str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


Talk = Callable[[Sink, asyncio.StreamReader, asyncio.StreamWriter], Any]


@contextlib.asynccontextmanager
async def listening(talk: Talk, *answers: str) -> AsyncIterator[Sink]:
    sink = Sink(*answers)

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(sink, reader, writer)
        writer.close()

    server = await asyncio.start_server(met, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    async with server:
        yield sink


async def smtp(sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A mail server; it says ``answer`` to each message, and hangs up where that is empty."""
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        word = line.split()[0].upper() if line.split() else b""
        if word == b"DATA":
            writer.write(b"354 go on\r\n")
            sink.got.append((await reader.readuntil(b"\r\n.\r\n"))[:-3])
            if not (said := sink.answer()):
                return
            writer.write(f"{said}\r\n".encode())
        elif word == b"QUIT":
            return
        else:
            writer.write(b"250 fine\r\n")


async def web(sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A web server; it says ``answer``, a status, to each request, and hangs up where that is empty."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(email.message_from_bytes(head.partition(b"\r\n")[2])["Content-Length"])
    sink.got.append(head + await reader.readexactly(length))
    if said := sink.answer():
        writer.write(f"HTTP/1.1 {said} x\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()


def mailing(asked: Asked, sink: Sink, **changes: Any) -> Queries:
    return settings_with(
        asked,
        smtp_host="127.0.0.1",
        smtp_port=sink.port,
        mail_from="reports@shop.test",
        **{"smtp_security": "none", "send_tries": 3, **changes},
    )


def calling(asked: Asked, **changes: Any) -> Queries:
    return settings_with(
        asked, webhook_secret=SECRET, **{"private_webhooks": True, "send_tries": 3, **changes}
    )


def schedule(clock: Clock, **changes: Any) -> Schedule:
    """The overview of shop by mail, every day at 06:00, made two days ago."""
    made = {
        "schedule_id": "11111111-2222-3333-4444-555555555555",
        "created_at": datetime.fromtimestamp(clock.now / 1000, tz=None).astimezone() - timedelta(days=2),
        "site_id": "shop",
        "template": Template.OVERVIEW,
        "format": Format.CSV,
        "cadence": Cadence.DAILY,
        "time_of_day": "06:00",
        "mail_to": ["ann@shop.test", "bob@shop.test"],
    }
    return Schedule(**{**made, **changes})


async def jobs_of(service: ReportService) -> list[Job]:
    found, _ = await service.jobs.listed(site_id=None, limit=100, cursor=None)
    return found


async def test_a_mail_is_sent_once_for_each_time_it_is_due_whoever_looks(asked: Asked) -> None:
    fill(asked)
    clock = Clock()
    async with listening(smtp, "250 taken") as sink:
        processes = [process(mailing(asked, sink), clock) for _ in range(3)]
        due = schedule(clock)
        await processes[0].schedules.add(due)
        await asyncio.gather(*(one.look() for one in processes))
        await asyncio.gather(*(one.idle() for one in processes))
        for one in processes:
            await worked(one)
        assert len(sink.got) == 1
        clock.advance(DAY_S)
        for one in processes:
            await worked(one)
        assert len(sink.got) == 2
    jobs = await jobs_of(processes[0])
    assert [job.state for job in jobs] == [JobState.DONE, JobState.DONE]
    message = email.message_from_bytes(sink.got[0], policy=email.policy.default)
    assert (message["From"], message["To"]) == ("reports@shop.test", "ann@shop.test, bob@shop.test")
    assert message["Message-ID"] == f"<{jobs[1].job_id}@shop.test>"
    (attached,) = message.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("text/csv", jobs[1].file_name)
    sent = attached.get_payload(decode=True)
    assert isinstance(sent, bytes)
    kept = await processes[0].jobs.file(jobs[1])
    assert kept is not None
    assert sent.replace(b"\r\n", b"\n") == kept.replace(b"\r\n", b"\n")


async def test_of_several_that_were_missed_the_last_is_sent(asked: Asked) -> None:
    clock = Clock()
    async with listening(smtp, "250 taken") as sink:
        service = process(mailing(asked, sink), clock)
        await service.schedules.add(schedule(clock))
        clock.advance(10 * DAY_S)
        await worked(service)
        await worked(service)
    (job,) = await jobs_of(service)
    assert len(sink.got) == 1
    zone = service.schedules.zone(schedule(clock))
    today = datetime.fromtimestamp(clock.now / 1000, zone)
    assert job.until == today.date()
    assert job.since == job.until - timedelta(days=1)
    assert zone.key == ZONES["shop"]


async def test_what_was_due_before_the_schedule_was_made_is_not_sent(asked: Asked) -> None:
    clock = Clock()
    async with listening(smtp, "250 taken") as sink:
        service = process(mailing(asked, sink), clock)
        await service.schedules.add(schedule(clock, created_at=service.jobs.now))
        await worked(service)
        assert (sink.got, await jobs_of(service)) == ([], [])


@pytest.mark.parametrize(
    ("answers", "tries", "ends", "told"),
    [
        (("451 later", "451 later", "250 taken"), 3, JobState.DONE, ""),
        (("451 later",), 3, JobState.FAILED, "451"),
        (("550 no",), 1, JobState.FAILED, "550"),
        # It hangs up when it has the message: who knows what it does with it.
        (("",), 1, JobState.FAILED, "when the message was under way"),
    ],
)
async def test_a_mail_is_tried_again_only_where_that_cannot_double_it(
    asked: Asked, answers: tuple[str, ...], tries: int, ends: JobState, told: str
) -> None:
    clock = Clock()
    async with listening(smtp, *answers) as sink:
        service = process(mailing(asked, sink), clock)
        await service.schedules.add(schedule(clock))
        await worked(service)
        clock.advance(3600)
        await worked(service)
    (job,) = await jobs_of(service)
    assert (job.state, len(sink.got)) == (ends, tries)
    assert told in job.problem


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_without_the_encryption_that_is_asked_for_nothing_is_sent(asked: Asked, security: str) -> None:
    """Neither the report nor the password: this server has no TLS."""
    clock = Clock()
    async with listening(smtp, "250 taken") as sink:
        ways = {"smtp_security": security, "smtp_user": "ann", "smtp_password": "hidden", "send_tries": 1}
        service = process(mailing(asked, sink, **ways), clock)
        await service.schedules.add(schedule(clock))
        await worked(service)
        assert sink.got == []
    (job,) = await jobs_of(service)
    assert job.state is JobState.FAILED
    assert "reports.smtp_*" in job.problem
    assert "hidden" not in job.problem


async def died_while_sending(service: ReportService, due: Schedule, *, once: bool) -> Job:
    """The report of what is due, handed over by a process that was not heard of again."""
    await service.schedules.add(due)
    (job,) = service.schedules.jobs([due], now=service.jobs.now)
    await service.jobs.add(job)
    claimed = await service.jobs.claim(job, owner="dying")
    assert claimed is not None
    assert await service.jobs.hand_over(claimed, once=once)
    return job


async def test_a_mail_whose_process_died_in_the_middle_is_not_sent_by_another(asked: Asked) -> None:
    clock = Clock()
    async with listening(smtp, "250 taken") as sink:
        service = process(mailing(asked, sink), clock)
        due = schedule(clock)
        job = await died_while_sending(service, due, once=True)
        clock.advance(61)
        await worked(service)
        await worked(service)
        assert sink.got == []
    failed = await state(service, job)
    assert failed.state is JobState.FAILED
    assert "nobody knows whether it was" in failed.problem


async def test_one_process_alone_may_ever_send_a_mail(asked: Asked) -> None:
    clock = Clock()
    service = process(asked.queries, clock)
    due = schedule(clock)
    (job,) = service.schedules.jobs([due], now=service.jobs.now)
    await service.jobs.add(job)
    first = await service.jobs.claim(job, owner="first")
    assert first is not None
    clock.advance(61)
    second = await service.jobs.claim(await state(service, job), owner="second")
    assert second is not None
    assert await service.jobs.hand_over(first, once=True) is None
    assert await service.jobs.hand_over(second, once=True) is not None
    assert await service.jobs.hand_over(second, once=True) is not None
    clock.advance(61)
    third = await service.jobs.claim(await state(service, job), owner="third")
    assert third is not None
    assert third.is_handed_over
    assert await service.jobs.hand_over(third, once=True) is None


async def test_a_webhook_gets_the_file_signed_and_under_one_id(asked: Asked) -> None:
    fill(asked)
    clock = Clock()
    async with listening(web, "503", "", "204") as sink:
        service = process(calling(asked), clock)
        url = f"http://127.0.0.1:{sink.port}/in?team=a"
        await service.schedules.add(schedule(clock, mail_to=[], webhook=url, format=Format.JSON))
        await worked(service)
        await worked(service)
    (job,) = await jobs_of(service)
    assert (job.state, len(sink.got)) == (JobState.DONE, 3)
    for one in sink.got:
        head, _, body = one.partition(b"\r\n\r\n")
        first, _, rest = head.partition(b"\r\n")
        headers = email.message_from_bytes(rest)
        assert first == b"POST /in?team=a HTTP/1.1"
        assert headers["X-Wua-Delivery"] == job.job_id
        moment, signature = headers["X-Wua-Signature"].split(",")
        signed = moment.removeprefix("t=").encode() + b"." + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert signature == f"v1={expected}"
        found = msgspec.json.decode(body)
        assert (found["delivery_id"], found["from"], found["site_id"]) == (
            job.job_id,
            job.since.isoformat(),
            "shop",
        )
        assert decoded(base64.b64decode(found["file"]))["template"] == "overview"


@pytest.mark.parametrize(("said", "tries"), [("302", 1), ("400", 1), ("410", 1), ("429", 3), ("500", 3)])
async def test_a_webhook_that_refuses_is_left_alone_one_that_cannot_is_asked_again(
    asked: Asked, said: str, tries: int
) -> None:
    clock = Clock()
    async with listening(web, said) as sink:
        service = process(calling(asked), clock)
        url = f"http://127.0.0.1:{sink.port}/"
        await service.schedules.add(schedule(clock, mail_to=[], webhook=url))
        await worked(service)
        await worked(service)
    (job,) = await jobs_of(service)
    assert (job.state, len(sink.got)) == (JobState.FAILED, tries)
    assert f"it answered {said}" in job.problem


async def test_a_webhook_whose_process_died_in_the_middle_is_called_again_under_the_same_id(
    asked: Asked,
) -> None:
    clock = Clock()
    async with listening(web, "200") as sink:
        service = process(calling(asked), clock)
        due = schedule(clock, mail_to=[], webhook=f"http://127.0.0.1:{sink.port}/")
        job = await died_while_sending(service, due, once=False)
        clock.advance(61)
        await worked(service)
        await worked(service)
    assert len(sink.got) == 1
    assert f"X-Wua-Delivery: {job.job_id}".encode() in sink.got[0]
    assert (await state(service, job)).state is JobState.DONE


async def test_a_webhook_into_our_network_is_not_called_when_that_is_not_allowed(asked: Asked) -> None:
    clock = Clock()
    async with listening(web, "200") as sink:
        service = process(calling(asked, private_webhooks=False), clock)
        url = f"http://127.0.0.1:{sink.port}/"
        await service.schedules.add(schedule(clock, mail_to=[], webhook=url))
        await worked(service)
        assert sink.got == []
    (job,) = await jobs_of(service)
    assert "our own network" in job.problem


async def test_what_a_removed_schedule_has_not_sent_is_not_sent(asked: Asked) -> None:
    clock = Clock()
    async with listening(smtp, "250 taken") as sink:
        service = process(mailing(asked, sink), clock)
        due = schedule(clock)
        await service.schedules.add(due)
        (job,) = service.schedules.jobs([due], now=service.jobs.now)
        await service.jobs.add(job)
        await service.schedules.remove(due.schedule_id)
        await worked(service)
        assert sink.got == []
    assert (await state(service, job)).state is JobState.DONE
    assert rows_of(asked, "report_schedules") == []
