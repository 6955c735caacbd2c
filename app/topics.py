"""The typed catalogue of topics."""

from __future__ import annotations

import msgspec

from app.settings import BrokerSettings


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the topics that this deployment reads and writes.

    events: key ``site_id:visitor_id``, value a WebEvent as JSON; read in blocks.
    dead_letters: key ``topic:partition:offset`` of the refused message, value a DeadLetter as JSON.
    sessions: key ``site_id:visitor_id``, value a ClosedSession as JSON, for other teams.
    """

    events: str
    dead_letters: str
    sessions: str


def catalogue(settings: BrokerSettings) -> Topics:
    """The topics as the settings name them."""
    return Topics(
        events=settings.events_topic,
        dead_letters=settings.dead_letter_topic,
        sessions=settings.sessions_topic,
    )
