"""A finished file of a schedule -> the addresses or the webhook that it is for.

Mail is sent at most once: that it is about to be is noted first, by one process only, ever; where that one
dies before it notes the end, nobody knows whether it was sent, and the report says so. A webhook is called
again then, under the same delivery id: a receiver who remembers ids gets it once.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable

import msgspec

from app.adapters import mail, webhook
from app.adapters.clock import Clock
from app.errors import SendUnavailableError
from app.report_settings import ReportSettings
from web.reports.model import Job
from web.reports.schedules import Schedule

#: The pause after the first try that failed; each one after it is twice as long.
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 300.0


class WebhookReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook gets; ``file`` is in base64."""

    delivery_id: str
    schedule_id: str
    due_at: str
    site_id: str
    template: str
    since: str = msgspec.field(name="from")
    until: str = msgspec.field(name="to")
    file_name: str
    media_type: str
    file: str


class Delivery:
    """Sends; each try in a thread."""

    def __init__(
        self, settings: ReportSettings, *, clock: Clock, first_pause_s: float = FIRST_PAUSE_S
    ) -> None:
        self._settings, self._clock, self._first_pause_s = settings, clock, first_pause_s

    async def send(self, job: Job, schedule: Schedule, data: bytes) -> None:
        """Return once it is taken. Raises SendUnavailableError after the last try, and what else stops it."""
        if schedule.webhook:
            await self._tried(self._call(job, schedule, data))
        else:
            await self._tried(self._letter(job, schedule, data))

    def _letter(self, job: Job, schedule: Schedule, data: bytes) -> Callable[[], None]:
        domain = self._settings.mail_from.partition("@")[2]
        letter = mail.Letter(
            message_id=f"<{job.job_id}@{domain}>",
            to=schedule.mail_to,
            subject=f"{job.title}, {job.since} to before {job.until}",
            text=f"The {schedule.cadence} report is attached: {job.file_name}\n",
            file_name=job.file_name,
            media_type=job.format.media_type,
            data=data,
        )
        return lambda: mail.send(letter, settings=self._settings)

    def _call(self, job: Job, schedule: Schedule, data: bytes) -> Callable[[], None]:
        body = WebhookReport(
            delivery_id=job.job_id,
            schedule_id=schedule.schedule_id,
            due_at=job.due_at.isoformat(),
            site_id=job.site_id,
            template=job.template,
            since=job.since.isoformat(),
            until=job.until.isoformat(),
            file_name=job.file_name,
            media_type=job.format.media_type,
            file=base64.b64encode(data).decode(),
        )
        call = webhook.Call(url=schedule.webhook, delivery_id=job.job_id, body=msgspec.json.encode(body))
        secret = self._settings.webhook_secret.get_secret_value()

        def post() -> None:
            webhook.post(
                call,
                signed=webhook.signature(call.body, secret=secret, now_ms=self._clock()),
                timeout_s=self._settings.send_timeout_s,
                may_be_private=self._settings.private_webhooks,
            )

        return post

    async def _tried(self, send: Callable[[], None]) -> None:
        """Try until it is taken or refused for good."""
        pause_s = self._first_pause_s
        for left in reversed(range(self._settings.send_tries)):
            try:
                await asyncio.to_thread(send)
            except SendUnavailableError:
                if not left:
                    raise
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                return
