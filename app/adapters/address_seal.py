"""A network address <-> the sealed text that stands for it in the events topic.

AES-256-GCM-SIV (RFC 8452) with a random nonce, so that nobody sees which events have the same address; unlike
with GCM, a nonce that comes twice gives no key away. Bound to visitor and event id: moved to another event it
cannot be opened. No text comes twice, so that a cache of opened ones would not pay.
"""

from __future__ import annotations

import binascii
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from app import log
from app.adapters.secret_file import kept_secret
from app.core.pipeline import Enrich
from app.core.rules import SiteRules
from app.events.enriched import Enrichment
from app.events.rejects import Reject
from app.events.wire import WebEvent
from app.metrics import WorkerMetrics
from app.settings import Settings

#: In ``app.data_dir``, if no key is set. Not among the salts, where the collector clears drafts of secrets.
KEY_FILE = Path("keys") / "address.key"
#: Begins a sealed address; no plain one does.
MARK = "wua1."
WARN_EVERY_S = 60.0

_NONCE_BYTES = 12
#: Nonce, 16 bytes of address and the tag in base64 without "=": with the mark the 64 that ``ip`` takes.
_SEALED_LETTERS = 59
_IPV4 = bytes(10) + b"\xff\xff"
_ENCODER = msgspec.json.Encoder()
_LOG = log.get("enrich")


class AddressSeal:
    """Seals and opens under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCMSIV(key)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """One with the key that is set, else with that of the data directory, where it is made if need be."""
        given = settings.ingest.address_key.get_secret_value()
        return cls(bytes.fromhex(given) if given else kept_secret(settings.app.data_dir / KEY_FILE))

    def seal(self, event: WebEvent) -> str:
        """The event's address as it may stand in Kafka: sealed; empty where it is no address."""
        if event.ip.startswith(MARK):
            return event.ip
        plain = _packed(event.ip)
        if plain is None:
            return ""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, plain, _bound_to(event))
        return MARK + binascii.b2a_base64(sealed, newline=False)[:_SEALED_LETTERS].decode()

    def open(self, event: WebEvent) -> str | None:
        """The event's address, plain ones as they are; None for what this key did not seal for this event."""
        if not event.ip.startswith(MARK):
            return event.ip
        try:
            sealed = binascii.a2b_base64(event.ip[len(MARK) :] + "=")
            plain = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(event))
        except (InvalidTag, ValueError):
            return None
        if plain.startswith(_IPV4):
            return socket.inet_ntop(socket.AF_INET, plain[len(_IPV4) :])
        return socket.inet_ntop(socket.AF_INET6, plain)

    def message(self, event: WebEvent) -> tuple[bytes, bytes]:
        """Key and value of the event's message, with its address sealed."""
        if event.ip:
            event = msgspec.structs.replace(event, ip=self.seal(event))
        return event.key, _ENCODER.encode(event)


class Opening:
    """Enriches events whose addresses are sealed; what cannot be opened is enriched without a place."""

    def __init__(
        self,
        enrich: Enrich,
        *,
        seal: AddressSeal,
        metrics: WorkerMetrics,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._enrich = enrich
        self._seal = seal
        self._unopened = metrics.unopened
        self._now_s = now_s
        self._quiet_until_s = -WARN_EVERY_S

    def __call__(self, event: WebEvent, *, site: SiteRules) -> Enrichment | Reject:
        """What is known about the event."""
        if event.ip.startswith(MARK):
            address = self._seal.open(event)
            if address is None:
                self._tell()
            event = msgspec.structs.replace(event, ip=address or "")
        return self._enrich(event, site=site)

    def _tell(self) -> None:
        self._unopened.inc()
        now_s = self._now_s()
        if now_s < self._quiet_until_s:
            return
        self._quiet_until_s = now_s + WARN_EVERY_S
        _LOG.warning(
            "address.not_opened",
            what="network addresses were sealed under another key: these events have no place by address",
            to_do="give web servers, workers and `wua` one WUA_INGEST__ADDRESS_KEY (`openssl rand -hex 32`)",
        )


def opening(enrich: Enrich, settings: Settings, *, metrics: WorkerMetrics) -> Enrich:
    """``enrich`` behind the opening of addresses; as it is where the settings name no use for one."""
    if not settings.geo.mmdb_path and not settings.bots.networks_path:
        return enrich
    return Opening(enrich, seal=AddressSeal.of(settings), metrics=metrics)


def _bound_to(event: WebEvent) -> bytes:
    return f"{event.site_id}:{event.visitor_id}\0{event.event_id}".encode()


def _packed(ip: str) -> bytes | None:
    """The address in 16 bytes, or None for what is none."""
    try:
        if ":" in ip:
            return socket.inet_pton(socket.AF_INET6, ip)
        return _IPV4 + socket.inet_pton(socket.AF_INET, ip)
    except (OSError, ValueError):
        return None
