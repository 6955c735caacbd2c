"""Key or partition -> the worker that owns it, as the group's last assignment says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from faust.types import TP, TableT
from yarl import URL

from web.inspect.refusals import not_now

if TYPE_CHECKING:
    import faust


def is_settled(app: faust.App) -> bool:
    """Whether every store of this worker is whole.

    TRICKY: the end of one recovery says that no partition moves any more, also where they have begun to move
    again: what was read back has to be what the last assignment gave.
    """
    loose = cast(Any, app)
    recovery = loose.tables.recovery
    is_read_back = recovery._generation_id == loose.consumer_generation_id
    return is_read_back and not (
        loose.rebalancing or loose.in_recovery or recovery.signal_recovery_start.is_set()
    )


class Owners:
    """The owners of the partitions of one table."""

    def __init__(self, app: faust.App, table: TableT[bytes, Any]) -> None:
        self._app = app
        self._table = table

    @property
    def here(self) -> URL:
        """This worker."""
        return URL(str(self._app.conf.canonical_url))

    @property
    def changelog(self) -> str:
        """The topic that the table's partitions are those of."""
        return self._table.changelog_topic.get_topic_name()

    @property
    def is_settled(self) -> bool:
        """Whether every store of this worker is whole: nothing is being handed over or read back."""
        return is_settled(self._app)

    def by_partition(self) -> dict[int, URL]:
        """The owner of each partition that has one."""
        metadata = cast(Any, self._app).router.table_metadata(self._table.name)
        return {
            partition: URL(url)
            for url, topics in metadata.items()
            for partitions in topics.values()
            for partition in partitions
        }

    async def of(self, key: bytes) -> tuple[TP, URL]:
        """The changelog partition of a key, and the worker that owns it."""
        self.require_settled()
        app, topic = cast(Any, self._app), self.changelog
        # The router counts partitions by what the producer knows of the topic: let it learn of it first.
        await app.producer._ensure_producer().partitions_for(topic)
        try:
            owner = app.router.key_store(self._table.name, key)
        except KeyError as error:
            raise not_now(
                "no worker has the visitor's partition at the moment; ask again in a few seconds"
            ) from error
        return app.producer.key_partition(topic, key), owner

    def require_settled(self) -> None:
        """Refuse while a store of this worker may not be whole."""
        if not self.is_settled:
            raise not_now(
                f"the worker at {self.here} is taking over partitions: it reads its state back from the "
                "changelog; ask again in a few seconds"
            )

    def require_here(self, tp: TP) -> None:
        """Refuse for a partition that was not given to this worker: asking its store would open it."""
        if tp not in self._app.assignor.assigned_actives():
            raise not_now(
                f"partition {tp.partition} is being given to another worker; ask again in a few seconds"
            )
