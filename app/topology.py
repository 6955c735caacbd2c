"""THE graph: web_events -> ingest [visitors] -> events_in, sessions_in | dead letters, web_sessions."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import faust
import msgspec
from faust.exceptions import NotReady
from faust.types import TP
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from yarl import URL

from agents import ingest
from app import log
from app.adapters.address_seal import opening
from app.adapters.chunk_consumer import ChunkConsumer, ChunkTransport
from app.adapters.clickhouse import Sink
from app.adapters.clock import Clock, now_ms
from app.adapters.flow_control import FlowGate
from app.adapters.rules import rules_of
from app.adapters.whole_steps import WholeStepsApp
from app.core.blocks import Boundary, known_blocks
from app.core.pipeline import Enrich, closing
from app.core.rules import Rules
from app.events.dead_letter import DeadLetter
from app.events.sessions import ClosedSession
from app.events.state import VisitorState
from app.metrics import WorkerMetrics
from app.settings import ANY_ADDRESS, AppSettings, Settings
from app.topics import Topics, catalogue
from tables import visitors
from tables.visitors import VisitorStates
from web.inspect import pages, visitor_state

#: Chunks waiting for the agent, over all partitions; beyond, their partitions are paused.
MAX_WAITING_CHUNKS = 8


class Topology(msgspec.Struct, frozen=True, kw_only=True):
    """The built graph and its parts."""

    app: WholeStepsApp
    topics: Topics
    rules: Rules
    windows: VisitorStates
    outlets: ingest.Outlets
    sink: Sink
    metrics: WorkerMetrics


def build(
    settings: Settings,
    *,
    enrich: Enrich,
    on_fatal: Callable[[Exception], None],
    clock: Clock = now_ms,
    declare_topics: bool = True,
) -> Topology:
    """The whole graph, not yet started.

    ``on_fatal`` is called with an error that nothing could handle. ``declare_topics`` is off for a broker
    that makes topics by itself.
    """
    topics = catalogue(settings.broker)
    app = _faust_app(settings, declare_topics=declare_topics)
    rules = rules_of(settings)
    metrics = WorkerMetrics()
    sink = Sink(settings.clickhouse, metrics=metrics)
    windows = visitors.register(app, partitions=settings.broker.partitions, keep_ms=rules.reach_ms)
    _forget_revoked(app, windows, topics=topics)
    _use_chunks(app, settings, topics=topics, sink=sink, windows=windows)
    outlets = TopicOutlets(app, topics, settings)
    handler = ingest.BlockHandler(
        epoch=settings.broker.epoch,
        rules=rules,
        enrich=opening(enrich, settings, metrics=metrics),
        windows=windows,
        sink=sink,
        outlets=outlets,
        metrics=metrics,
        clock=clock,
    )
    source = _raw_topic(app, topics.events, settings)
    ingest.register(
        app,
        source=source,
        handler=handler,
        max_block_records=settings.ingest.block_max_events,
        on_fatal=on_fatal,
    )
    _declare_outputs(app, topics, settings)
    _register_topics_command(app, topics, settings)
    _serve_metrics(app, metrics)
    admin_key = settings.web.admin_key.get_secret_value()
    visitor_state.register(app, windows, admin_key=admin_key)
    pages.register(
        app,
        {windows.table.name: windows},
        rules=rules,
        topics=topics,
        key=admin_key,
        clock=clock,
    )
    topology = Topology(
        app=app,
        topics=topics,
        rules=rules,
        windows=windows,
        outlets=outlets,
        sink=sink,
        metrics=metrics,
    )
    _register_timers(topology, interval_s=settings.app.table_cleanup_interval_s, clock=clock)
    return topology


def _faust_app(settings: Settings, *, declare_topics: bool) -> WholeStepsApp:
    app = WholeStepsApp(
        settings.app.id,
        broker=settings.broker.url,
        store="rocksdb://",
        datadir=str(settings.app.data_dir),
        autodiscover=False,
        topic_partitions=settings.broker.partitions,
        topic_replication_factor=settings.broker.replication_factor,
        topic_allow_declare=declare_topics,
        topic_disable_leader=True,
        table_standby_replicas=settings.app.standby_replicas,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=settings.ingest.block_max_bytes,
        broker_session_timeout=settings.broker.session_timeout_s,
        broker_heartbeat_interval=settings.broker.heartbeat_interval_s,
        broker_commit_interval=1.0,
        # A state is one message; it grows with the ids that are remembered for a visitor.
        producer_max_batch_size=1024 * 1024,
        producer_max_request_size=4 * 1024 * 1024,
        stream_buffer_maxsize=MAX_WAITING_CHUNKS,
        stream_wait_empty=False,
        canonical_url=str(canonical_url(settings.app)),
        web_host=settings.app.web_host,
        web_bind=settings.app.web_host,
        web_port=settings.app.web_port,
        # Faust's own pages of tables ask for no key.
        web_tables_enabled=not settings.web.admin_key.get_secret_value(),
        # Our own handlers are set up by app.log; Faust must not replace them.
        loghandlers=[],
        logging_config=None,
        worker_redirect_stdouts=False,
    )
    # Before the first queue is made: a queue keeps the gate it was made with.
    app.flow_control = FlowGate()
    return app


def canonical_url(app: AppSettings) -> URL:
    """Where the other workers find this one's web server."""
    host = app.advertised_host or app.web_host
    if host in ANY_ADDRESS:
        host = socket.gethostname()
    return URL.build(scheme="http", host=host, port=app.web_port)


def _use_chunks(
    app: faust.App, settings: Settings, *, topics: Topics, sink: Sink, windows: VisitorStates
) -> None:
    epoch = settings.broker.epoch

    async def plan(tp: TP, offset: int) -> Sequence[Boundary]:
        # The claims first: what a former owner still writes after this, it has claimed.
        claims = await windows.take(tp.partition)
        ledger = await sink.blocks_since(epoch=epoch, partition=tp.partition, offset=offset)
        blocks = known_blocks(ledger, claims, epoch=epoch, offset=offset)
        sink.expect_again(blocks)
        return blocks

    app.transport = ChunkTransport(
        app.conf.broker_consumer,
        app,
        chunk_topics=[topics.events],
        max_records=settings.ingest.block_max_events,
        planner=plan,
    )


def _forget_revoked(app: faust.App, windows: VisitorStates, *, topics: Topics) -> None:
    """What is remembered about a partition is out of date once another worker has had it."""

    async def forget_revoked(_: faust.App, revoked: set[TP], **__: Any) -> None:
        for tp in revoked:
            if tp.topic == topics.events:
                windows.forget(tp.partition)

    app.on_partitions_revoked.connect(cast(Any, forget_revoked))


def _raw_topic(app: faust.App, name: str, settings: Settings) -> Any:
    return app.topic(
        name,
        key_serializer="raw",
        value_serializer="raw",
        partitions=settings.broker.partitions,
        replicas=settings.broker.replication_factor,
        # TRICKY: Faust makes a source topic only when it is called internal; one that is missing when the
        # worker joins its group would stay unassigned until the next rebalance.
        internal=True,
    )


def _declare_outputs(app: faust.App, topics: Topics, settings: Settings) -> None:
    """Make the topics that the worker writes to when it starts: sending to a missing one would wait."""

    async def declare_outputs() -> None:
        for name in (topics.dead_letters, topics.sessions):
            try:
                await _raw_topic(app, name, settings).maybe_declare()
            except NotReady:
                # The producer is gone: the worker was told to stop while it was starting.
                if app.should_stop:
                    return
                raise

    app.task()(declare_outputs)


def _register_topics_command(app: faust.App, topics: Topics, settings: Settings) -> None:
    """``faust -A app.worker:worker topics``: the topics of the graph, and what each is for."""

    async def topics_command(command: Any) -> None:
        """List the topics that the worker reads and writes."""
        changelogs = [table.changelog_topic_name for table in app.tables.values()]
        rows = [
            (topics.events, "source, read in blocks; key site:visitor"),
            (topics.dead_letters, "refused messages, with reason and payload"),
            (topics.sessions, "closed sessions, as JSON; key site:visitor"),
            *((name, "changelog of a table") for name in changelogs),
        ]
        partitions = settings.broker.partitions
        command.say(
            command.tabulate(
                [(name, partitions, use) for name, use in rows], headers=["topic", "partitions", "use"]
            )
        )

    topics_command.__name__ = "topics"
    cast(Any, app).command()(topics_command)


class TopicOutlets:
    """The topics that the graph writes beside the sink."""

    def __init__(self, app: faust.App, topics: Topics, settings: Settings) -> None:
        self._dead_letters = _raw_topic(app, topics.dead_letters, settings)
        self._sessions = _raw_topic(app, topics.sessions, settings)
        self._encoder = msgspec.json.Encoder()

    async def send_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Return once the broker has the letters."""
        await self._send(self._dead_letters, letters)

    async def send_sessions(self, sessions: Sequence[ClosedSession]) -> None:
        """Return once the broker has the sessions."""
        await self._send(self._sessions, sessions)

    async def _send(self, topic: Any, messages: Sequence[DeadLetter] | Sequence[ClosedSession]) -> None:
        sent = [await topic.send(key=one.key, value=self._encoder.encode(one)) for one in messages]
        await asyncio.gather(*sent)


def _serve_metrics(app: faust.App, metrics: WorkerMetrics) -> None:
    """``/metrics`` of Faust's own web server."""

    async def show_metrics(web: Any, _: Any) -> Any:
        # Faust's response takes the type only as a header, for it has parameters.
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.bytes(generate_latest(metrics.registry), headers=headers)

    app.page("/metrics", name="metrics")(show_metrics)


def _register_timers(topology: Topology, *, interval_s: float, clock: Clock) -> None:
    app, metrics = topology.app, topology.metrics

    async def refresh_metrics() -> None:
        metrics.refresh(now_s=clock() / 1000)
        for tp, waiting in lag(topology).items():
            metrics.lag.labels(tp.partition).set(waiting)

    async def evict_idle_visitors() -> None:
        await evict_idle(topology, wall_ms=clock())

    app.timer(interval=1.0, name="metrics")(refresh_metrics)
    app.timer(interval=interval_s, name="evict")(evict_idle_visitors)


async def evict_idle(topology: Topology, *, wall_ms: int) -> None:
    """Drop the visitors whom no event can reach any more, and publish their sessions.

    None while a store may not be whole, nor once the app stops; a partition that was begun is finished.
    """
    app, windows = topology.app, topology.windows
    if app.should_stop or app.rebalancing or app.in_recovery:
        return

    async def close(states: Mapping[bytes, VisitorState]) -> None:
        await topology.outlets.send_sessions(closing(states, rules=topology.rules))

    for tp, waiting in lag(topology).items():
        dropped = await windows.evict(
            tp.partition, wall_ms=None if waiting else wall_ms, close=close, step=app.whole_step
        )
        if dropped:
            log.get("visitors").info("visitors.evicted", partition=tp.partition, dropped=dropped)
        if app.should_stop:
            # A look at a store that is closed would open it again.
            return
        topology.metrics.state_keys.labels(tp.partition).set(windows.count(tp.partition))


def lag(topology: Topology) -> dict[TP, int]:
    """Events of each partition owned here that are not yet handled; empty until partitions are owned."""
    consumer = cast(ChunkConsumer, topology.app.consumer)
    return {
        tp: max(0, (consumer.highwater(tp) or 0) - consumer.handled(tp))
        for tp in consumer.assignment()
        if tp.topic == topology.topics.events
    }
