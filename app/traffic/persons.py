"""A person -> erased from state store and tables, with the proof; or everything that is held of the person.

Order of an erasure: a message makes the worker forget each visitor; once that is committed, no block before
it can be written again; then the tables are cleared, and asked what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from app.adapters.clickhouse import open_client
from app.adapters.clickhouse.persons import PersonRows
from app.adapters.producer import Headers, Message
from app.adapters.topic_retention import kept_topics
from app.adapters.worker_state import ask
from app.core.erasures import HEADERS, erase_message
from app.errors import ErasureError, NotFoundError, WorkerUnavailableError
from app.events.persons import (
    ErasedState,
    ErasedTable,
    ErasureReport,
    HeldRows,
    KeptTopic,
    Person,
    PersonExport,
    StateAnswer,
)
from app.settings import ClickHouseSettings, Settings

T = TypeVar("T")

#: A user may turn up as another visitor while the visitors known so far are being forgotten.
ROUNDS = 5
#: A deletion rewrites the parts that hold the rows.
PATIENCE_S = 3600.0

#: (site, visitor) -> the state as JSON, None where there is none; raises WorkerUnavailableError.
AskState = Callable[[str, str], Awaitable[bytes | None]]


class Sends(Protocol):
    """Sends to the events topic, and knows when all is handled."""

    async def send(self, batch: Sequence[Message], *, headers: Sequence[Headers] = ()) -> None:
        """Return once all are acknowledged."""

    async def drain(self) -> None:
        """Return once the workers have handled and committed all of it."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked for: a visitor id or a user id of a site, one of them."""

    site_id: str
    visitor: str = ""
    user: str = ""


def worker_at(url: str, settings: Settings) -> AskState:
    """Asks the worker whose web server is at ``url``, with the admin key of the settings."""
    key = settings.web.admin_key.get_secret_value()

    async def ask_worker(site: str, visitor: str) -> bytes | None:
        try:
            return await asyncio.to_thread(ask, url, site=site, visitor=visitor, key=key)
        except NotFoundError:
            return None

    return ask_worker


class Persons:
    """Finds, exports and erases one person; ``state`` asks the state store."""

    def __init__(self, settings: Settings, asked: Asked, *, state: AskState) -> None:
        self._settings = settings
        self._asked = asked
        self._state = state

    async def held(self) -> tuple[Person, list[HeldRows]]:
        """Who is meant, and how many rows each table holds of the person."""

        def look(rows: PersonRows) -> tuple[Person, list[HeldRows]]:
            person = self._find(rows)
            return person, rows.held(person)

        return await self._work(look, readonly=True)

    async def export(self, *, now_ms: int) -> PersonExport:
        """Everything that tables and state store hold of the person; NotFoundError where that is nothing."""

        def read(rows: PersonRows) -> tuple[Person, dict[str, list[dict[str, Any]]]]:
            person = self._find(rows)
            return person, rows.rows(person)

        person, tables = await self._work(read, readonly=True)
        windows, missing = [], []
        for visitor in person.visitors:
            try:
                raw = await self._state(person.site_id, visitor)
            except WorkerUnavailableError as error:
                missing.append(f"open windows of {visitor}: {error}")
                break
            windows += [] if raw is None else [msgspec.json.decode(raw)]
        if not any(tables.values()) and not windows and not missing:
            raise NotFoundError(f"nothing is held of {_name(self._asked)}")
        return PersonExport(
            site_id=person.site_id,
            visitor_ids=person.visitors,
            user_ids=person.users,
            exported_at=now_ms,
            tables=tables,
            open_windows=windows,
            missing=missing,
        )

    async def erase(self, feeder: Sends) -> ErasureReport:
        """Forget and remove the person; what is left is in the report.

        Raises BrokerUnavailableError where no worker has handled the message in time: nothing is removed
        from the tables then. To run again is safe.
        """
        if self._settings.clickhouse.cluster:
            raise ErasureError(
                f"clickhouse.cluster = {self._settings.clickhouse.cluster!r}: rows are moved on one server, "
                "not on a cluster; run it for each server of its own, with clickhouse.cluster empty"
            )
        person = await self._forget(feeder)

        def clear(rows: PersonRows) -> tuple[list[HeldRows], list[HeldRows]]:
            before = rows.held(person)
            rows.erase(person)
            return before, rows.held(person)

        before, after = await self._work(clear, readonly=False)
        tables = [
            ErasedTable(table=one.table, removed=had.rows, left=one.rows, query=one.query)
            for had, one in zip(before, after, strict=True)
        ]
        states = [await self._look(person.site_id, visitor) for visitor in person.visitors]
        is_present = any(state.answer is StateAnswer.PRESENT for state in states)
        return ErasureReport(
            site_id=person.site_id,
            visitor_ids=person.visitors,
            user_ids=person.users,
            was_known=any(had.rows for had in before),
            is_complete=not is_present and not any(one.left for one in tables),
            tables=tables,
            states=states,
            topics=await self._topics(),
        )

    async def _forget(self, feeder: Sends) -> Person:
        """Let the workers forget each visitor of the person; who that turned out to be."""
        person = await self._work(lambda rows: rows.erasable(self._find(rows)), readonly=True)
        forgotten: set[str] = set()
        for _ in range(ROUNDS):
            new = [visitor for visitor in person.visitors if visitor not in forgotten]
            if not new:
                return person
            await feeder.send(
                [erase_message(person.site_id, visitor) for visitor in new], headers=[HEADERS] * len(new)
            )
            await feeder.drain()
            forgotten.update(new)
            person = await self._work(self._find, readonly=True)
        raise ErasureError(
            f"{_name(self._asked)} keeps turning up as new visitors; stop what sends these events, then run "
            "it again"
        )

    async def _look(self, site_id: str, visitor: str) -> ErasedState:
        try:
            raw = await self._state(site_id, visitor)
        except WorkerUnavailableError as error:
            return ErasedState(visitor_id=visitor, answer=StateAnswer.NOT_ASKED, detail=str(error))
        if raw is None:
            return ErasedState(visitor_id=visitor, answer=StateAnswer.GONE)
        detail = "the visitor has sent events since; end that, then run it again"
        return ErasedState(visitor_id=visitor, answer=StateAnswer.PRESENT, detail=detail)

    async def _topics(self) -> list[KeptTopic]:
        broker, app = self._settings.broker, self._settings.app
        holds = (
            (broker.events_topic, "events as they were sent, with the address"),
            (broker.dead_letter_topic, "refused events, without the address"),
            (broker.sessions_topic, "closed sessions, with visitor and user id"),
            (f"{app.id}-visitors-changelog", "open windows, until its clean-up meets the deletion"),
        )
        return await kept_topics(broker, holds)

    def _find(self, rows: PersonRows) -> Person:
        asked = self._asked
        return rows.person(asked.site_id, visitor=asked.visitor, user=asked.user)

    async def _work(self, work: Callable[[PersonRows], T], *, readonly: bool) -> T:
        return await asyncio.to_thread(_with_rows, self._settings.clickhouse, work, readonly=readonly)


def _with_rows(clickhouse: ClickHouseSettings, work: Callable[[PersonRows], T], *, readonly: bool) -> T:
    patient = clickhouse.model_copy(update={"insert_timeout_s": PATIENCE_S})
    client: Client | None = None
    try:
        client = open_client(patient, readonly=readonly)
        return work(PersonRows(client, database=clickhouse.database))
    except ClickHouseError as error:
        raise ErasureError(f"ClickHouse cannot be asked: {error}; check clickhouse.url") from error
    finally:
        if client is not None:
            with suppress(ClickHouseError):
                client.close()


def _name(asked: Asked) -> str:
    which = f"visitor {asked.visitor!r}" if asked.visitor else f"user {asked.user!r}"
    return f"{which} of site {asked.site_id!r}"
