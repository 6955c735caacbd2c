"""A state table -> its partitions: owner, keys, changelog, RocksDB; of other workers by asking them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec
from aiohttp import ClientError, ClientTimeout
from faust.types import TP
from yarl import URL

from app.events.state import VisitorState
from tables.bulk_state import Figures
from web.inspect.owners import Owners
from web.inspect.visitor_state import FORWARD_TIMEOUT_S, passed_on

if TYPE_CHECKING:
    import faust

#: How long Kafka may take to say where a changelog ends.
END_TIMEOUT_S = 3.0


class InspectedStore(Protocol):
    """A state store of visitors, as far as it is read here."""

    table: Any

    def page(
        self, partition: int, *, start: bytes | None = None, backwards: bool = False, limit: int
    ) -> list[tuple[bytes, VisitorState]]:
        """Up to ``limit`` keys with their states in order of key, from ``start`` (inclusive) on, or back."""

    def figures(self, partition: int) -> Figures | None:
        """What a partition's store holds."""


class PartitionStatus(StrEnum):
    """What is known of a partition: its store is whole, is being read back, nobody has it, or no answer."""

    ACTIVE = "active"
    RECOVERING = "recovering"
    UNASSIGNED = "unassigned"
    UNKNOWN = "unknown"


class PartitionView(msgspec.Struct, frozen=True, kw_only=True):
    """A partition of a table. None: not known.

    ``changelog_end`` is the offset of the next changelog message, ``stored_offset`` that of the last one that
    RocksDB holds, ``lag`` the messages between them. ``keys`` is an estimate unless ``keys_are_exact``.
    """

    partition: int
    status: PartitionStatus
    worker: str = ""
    is_here: bool = False
    keys: int | None = None
    keys_are_exact: bool = False
    changelog_end: int | None = None
    stored_offset: int | None = None
    lag: int | None = None
    size_bytes: int | None = None


class TableView(msgspec.Struct, frozen=True, kw_only=True):
    """A table with all its partitions; ``silent`` says of which workers nothing could be learnt, and why."""

    table: str
    about: str
    changelog: str
    worker: str
    partitions: list[PartitionView]
    silent: list[str] = []


class Tables:
    """What this worker knows of its tables, and what the others tell of theirs."""

    def __init__(self, app: faust.App, *, key: str) -> None:
        self._app = app
        self._key = key

    async def show(self, store: InspectedStore, *, alone: bool) -> TableView:
        """The table; ``alone``: other workers are not asked."""
        owners = Owners(self._app, store.table)
        own = await self._own(store, owners)
        others = sorted({str(url) for url in owners.by_partition().values()} - {str(owners.here)})
        answers = [] if alone else await asyncio.gather(*(self._ask(URL(url), store) for url in others))
        told = {one.partition: one for answer in answers if isinstance(answer, list) for one in answer}
        return TableView(
            table=store.table.name,
            about=store.table.help or "",
            changelog=owners.changelog,
            worker=str(owners.here),
            partitions=[told.get(one.partition, one) for one in own],
            silent=[answer for answer in answers if isinstance(answer, str)],
        )

    async def _own(self, store: InspectedStore, owners: Owners) -> list[PartitionView]:
        """Every partition, with what this worker knows of it."""
        placed, here = owners.by_partition(), owners.here
        mine = [partition for partition, url in placed.items() if url == here]
        ends = await self._ends([TP(owners.changelog, partition) for partition in mine])
        whole = PartitionStatus.ACTIVE if owners.is_settled else PartitionStatus.RECOVERING
        shown = []
        for partition in range(store.table.partitions):
            url = placed.get(partition)
            if url != here:
                status = PartitionStatus.UNASSIGNED if url is None else PartitionStatus.UNKNOWN
                shown.append(PartitionView(partition=partition, status=status, worker=str(url or "")))
                continue
            figures, end = store.figures(partition), ends.get(TP(owners.changelog, partition))
            plain = PartitionView(partition=partition, status=whole, worker=str(here), is_here=True)
            shown.append(with_figures(plain, figures, end=end))
        return shown

    async def _ends(self, changelogs: Sequence[TP]) -> dict[TP, int]:
        """Where the changelogs end; nothing where Kafka does not say in time."""
        consumer = cast(Any, self._app.consumer)
        if not changelogs:
            return {}
        # TRICKY: the consumer's thread sets the result; were the call cancelled, that would fail there.
        asked = asyncio.ensure_future(consumer.highwaters(*changelogs))
        done, _ = await asyncio.wait([asked], timeout=END_TIMEOUT_S)
        if not done:
            asked.add_done_callback(lambda late: late.cancelled() or late.exception())
            return {}
        failed = asked.cancelled() or asked.exception() is not None
        return {} if failed else dict(asked.result())

    async def _ask(self, owner: URL, store: InspectedStore) -> list[PartitionView] | str:
        """What another worker says of its partitions, or why it does not."""
        url = owner / "inspect" / "tables" / f"{store.table.name}.json"
        try:
            async with cast(Any, self._app).http_client.get(
                url, headers=passed_on(self._key), timeout=ClientTimeout(total=FORWARD_TIMEOUT_S)
            ) as answer:
                body = await answer.read()
                if answer.status != 200:
                    return f"the worker at {owner} answers {answer.status}"
                said = msgspec.json.decode(body, type=TableView)
        except (ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            return (
                f"the worker at {owner} does not tell ({error!r}); check its port and app.advertised_host, "
                "or whether it has just ended"
            )
        mine = (one for one in said.partitions if one.is_here)
        return [msgspec.structs.replace(one, is_here=False) for one in mine]


def with_figures(plain: PartitionView, figures: Figures | None, *, end: int | None) -> PartitionView:
    """The partition with what its store and its changelog say."""
    known = msgspec.structs.replace(plain, changelog_end=end)
    if figures is None:
        return known
    behind = None if end is None else max(0, end - 1 - (-1 if figures.offset is None else figures.offset))
    return msgspec.structs.replace(
        known,
        keys=figures.keys,
        keys_are_exact=figures.is_exact,
        stored_offset=figures.offset,
        lag=behind,
        size_bytes=figures.size_bytes,
    )
