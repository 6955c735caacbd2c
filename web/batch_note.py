"""What the log line of a request says of the events that it brought; web/middleware.py writes it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request

#: Sites named in one line; who posts may name any where the settings name none.
MAX_SITES = 10
_KEY_LETTERS = 8


class BatchNote(msgspec.Struct):
    """Filled in while a batch is handled: numbers, sites and the key, nothing of who sent it.

    ``key``: the first letters of the digest of the write key or secret; empty where none of ours was given.
    ``bytes``: of the body, unpacked. ``sites`` are those whose events the sender may post.
    """

    events: int = 0
    bytes: int = 0
    accepted: int = 0
    refused: int = 0
    opted_out: int = 0
    key: str = ""
    sites: set[str] = msgspec.field(default_factory=set)

    def add_site(self, site_id: str) -> None:
        """Name the site, unless enough are named."""
        if len(self.sites) < MAX_SITES:
            self.sites.add(site_id)

    def add_key(self, digest: str) -> None:
        """Name the key by its digest, which `server_keys` in the settings begin with."""
        self.key = digest[:_KEY_LETTERS]

    def told(self) -> dict[str, Any]:
        """The fields of the line."""
        return {
            "sites": sorted(self.sites),
            "key": self.key,
            "events": self.events,
            "accepted": self.accepted,
            "refused": self.refused,
            "opted_out": self.opted_out,
            "bytes_in": self.bytes,
        }


def note_of(request: Request) -> BatchNote:
    """The note of this request, begun by who asks first."""
    if not hasattr(request.state, "batch"):
        request.state.batch = BatchNote()
    note: BatchNote = request.state.batch
    return note
