"""GET /inspect/... of a worker's own web server: tables, partitions, keys and the graph; read only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import msgspec
from faust.types import TP
from yarl import URL

from app.adapters.clock import Clock
from app.core.calendar import moment
from app.core.rules import Rules
from app.topics import Topics
from web.inspect.access import require_key
from web.inspect.answering import STATIC, Answers, Shown, refused, wants_json
from web.inspect.browsing import keys_at, place_of
from web.inspect.graph import graph_of
from web.inspect.layout import draw
from web.inspect.owners import Owners, is_settled
from web.inspect.refusals import Link, RefusalError, not_now
from web.inspect.tables_shown import InspectedStore, Tables, TableView
from web.inspect.visitor_state import FORWARDED, no_state
from web.inspect.windows_shown import key_view, split

if TYPE_CHECKING:
    import faust

ROOT = "/inspect/"
_CSS = "text/css; charset=utf-8"
STYLES = {"palette.css": _CSS, "inspect.css": _CSS, "inspect.svg": "image/svg+xml"}
#: How long a browser may keep them, in seconds.
STYLES_MAX_AGE_S = 300

Handler = Callable[..., Awaitable[Shown]]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is and has. ``is_settled``: no partition is being handed over or read back here."""

    app_id: str
    version: str
    worker: str
    is_settled: bool
    tables: list[TableView]


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for is kept by another worker: which, and where it is there."""

    detail: str
    partition: int
    worker: str
    url: str


class Inspection:
    """The pages of one worker over its ``stores``, by the name of their table."""

    def __init__(
        self,
        app: faust.App,
        stores: Mapping[str, InspectedStore],
        *,
        rules: Rules,
        topics: Topics,
        key: str,
    ) -> None:
        self._app = app
        self._stores = stores
        self._rules = rules
        self._topics = topics
        self._tables = Tables(app, key=key)

    @property
    def here(self) -> str:
        """The URL of this worker."""
        return str(cast(Any, self._app).conf.canonical_url)

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Path, name and handler of each page; the last takes whatever is left."""
        table = ROOT + "tables/{table:[^/]+?}"
        return [
            ("/inspect", "root", self.to_root),
            (ROOT + r"{_:(index\.json)?}", "overview", self.overview),
            (ROOT + r"topology{_:(\.json)?}", "topology", self.topology),
            (table + r"{_:(\.json)?}", "table", self.table),
            (table + r"/key{_:(\.json)?}", "key", self.key),
            (table + r"/partitions/{partition:[^/]+?}{_:(\.json)?}", "partition", self.partition),
            (ROOT + "{_:.*}", "unknown", self.unknown),
        ]

    async def to_root(self, _: Any) -> Shown:
        """The way to the first page."""
        there = {"Location": ROOT}
        value = {"detail": f"the pages begin at {ROOT}"}
        return Shown(template="moved.html", value=value, status=HTTPStatus.PERMANENT_REDIRECT, headers=there)

    async def overview(self, request: Any) -> Shown:
        """Every table with its partitions."""
        alone = FORWARDED in request.headers
        tables = await asyncio.gather(
            *(self._tables.show(store, alone=alone) for store in self._stores.values())
        )
        loose = cast(Any, self._app)
        value = Overview(
            app_id=loose.conf.id,
            version=version("web-user-analytics"),
            worker=self.here,
            is_settled=is_settled(self._app),
            tables=list(tables),
        )
        return Shown(template="overview.html", value=value)

    async def table(self, request: Any, *, table: str) -> Shown:
        """One table with its partitions."""
        shown = await self._tables.show(self._store(table), alone=FORWARDED in request.headers)
        return Shown(template="table.html", value=shown)

    async def partition(self, request: Any, *, table: str, partition: str) -> Shown:
        """A page of the keys of a partition, or the worker that has it."""
        store = self._store(table)
        number = self._number(store, partition)
        place = place_of(request.query)
        owners = Owners(self._app, store.table)
        owners.require_settled()
        owner = owners.by_partition().get(number)
        if owner is None:
            raise not_now(f"no worker has partition {number} at the moment; ask again in a few seconds")
        if owner != owners.here:
            return elsewhere(request, f"Partition {number} of {table}", partition=number, owner=owner)
        owners.require_here(TP(owners.changelog, number))
        value = keys_at(store, number, place, worker=str(owner))
        return Shown(template="partition.html", value=value, beside={"place": place})

    async def key(self, request: Any, *, table: str) -> Shown:
        """All that is kept under a key, or the worker that has it."""
        store = self._store(table)
        key = asked_key(request.query)
        owners = Owners(self._app, store.table)
        tp, owner = await owners.of(key)
        what = f"The key {key.decode()}"
        if owner != owners.here:
            return elsewhere(request, what, partition=tp.partition, owner=owner)
        owners.require_here(tp)
        # By a page of one: that passes over what is about the partition itself.
        state = dict(store.page(tp.partition, start=key, limit=1)).get(key)
        if state is None:
            missing = no_state(*split(key))
            raise RefusalError(
                missing.status, missing.detail, there=(_partition_link(table, tp.partition), *self._there())
            )
        value = key_view(
            key, state, table=table, worker=str(owner), partition=tp.partition, rules=self._rules
        )
        return Shown(template="key.html", value=value)

    async def topology(self, _: Any) -> Shown:
        """The graph of the app, drawn."""
        graph = graph_of(self._app, self._topics)
        return Shown(template="topology.html", value=graph, beside={"drawing": draw(graph)})

    async def unknown(self, request: Any) -> Shown:
        """Nothing, and what there is."""
        raise RefusalError(
            HTTPStatus.NOT_FOUND, f"there is no page {request.path!r}; there are these", there=self._there()
        )

    def _store(self, table: str) -> InspectedStore:
        if table in self._stores:
            return self._stores[table]
        raise RefusalError(
            HTTPStatus.NOT_FOUND,
            f"the app has no table {table!r}; it has {', '.join(sorted(self._stores))}",
            there=self._there(),
        )

    @staticmethod
    def _number(store: InspectedStore, partition: str) -> int:
        count: int = store.table.partitions
        if partition.isascii() and partition.isdigit() and int(partition) < count:
            return int(partition)
        name = store.table.name
        raise RefusalError(
            HTTPStatus.NOT_FOUND,
            f"{name} has no partition {partition!r}; it has 0 to {count - 1}",
            there=tuple(_partition_link(name, number) for number in range(count)),
        )

    def _there(self) -> tuple[Link, ...]:
        tables = (Link(f"{ROOT}tables/{quote(name, safe='')}", f"table {name}") for name in self._stores)
        return Link(ROOT, "all tables"), *tables, Link(f"{ROOT}topology", "topology")


def asked_key(query: Mapping[str, str]) -> bytes:
    """The key that a query string names: raw, or by the visitor's site and id."""
    site, visitor = query.get("site_id", "").strip(), query.get("visitor_id", "").strip()
    key = query.get("key", "") or (f"{site}:{visitor}" if site and visitor else "")
    if not key:
        raise RefusalError(
            HTTPStatus.BAD_REQUEST, "name a visitor by `site_id` and `visitor_id`, or a key by `key`"
        )
    return key.encode()


def elsewhere(request: Any, what: str, *, partition: int, owner: URL) -> Shown:
    """Who has it: for a person with a link, a program is sent there."""
    url = str(owner.join(URL(request.rel_url.raw_path_qs, encoded=True)))
    detail = f"{what} is kept by the worker at {owner}"
    return Shown(
        template="elsewhere.html",
        value=Elsewhere(detail=detail, partition=partition, worker=str(owner), url=url),
        json_status=HTTPStatus.TEMPORARY_REDIRECT,
        json_headers={"Location": url},
    )


def _partition_link(table: str, number: int) -> Link:
    return Link(f"{ROOT}tables/{quote(table, safe='')}/partitions/{number}", f"partition {number} of {table}")


def register(
    app: faust.App,
    stores: Mapping[str, InspectedStore],
    *,
    rules: Rules,
    topics: Topics,
    key: str,
    clock: Clock,
) -> None:
    """Add the pages to the worker's web server; where ``key`` is set, they are for who sends it."""
    inspection = Inspection(app, stores, rules=rules, topics=topics, key=key)
    answers = Answers(now=lambda: moment(clock()), worker=lambda: inspection.here)
    for path, name, handler in inspection.routes():
        app.page(path, name=f"inspect_{name}")(_answering(handler, answers, key=key))
    for file, kind in STYLES.items():
        app.page(f"/static/{file}", name=file)(_file(file, kind))


def _answering(handler: Handler, answers: Answers, *, key: str) -> Any:
    async def answer(view: Any, request: Any, _: str = "", **match: str) -> Any:
        try:
            require_key(request.headers, key=key, as_json=wants_json(request))
            shown = await handler(request, **match)
        except RefusalError as error:
            shown = refused(error)
        return answers.make(view, request, shown)

    return answer


def _file(name: str, kind: str) -> Any:
    body = (STATIC / name).read_bytes()
    headers = {
        "Content-Type": kind,
        "Cache-Control": f"max-age={STYLES_MAX_AGE_S}",
        "X-Content-Type-Options": "nosniff",
    }

    async def show_file(view: Any, _: Any) -> Any:
        return view.bytes(body, headers=headers)

    return show_file
