"""The settable rules, as the pure core takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

import msgspec

from app.core.channels import NO_RULES, ChannelRules
from app.events.wire import MAX_FUTURE_MS


class SessionRules(msgspec.Struct, frozen=True, kw_only=True):
    """The session window: inactivity gap, grace period, cap (0: none), bounce threshold; in ms.

    ``split_at_midnight``: a day of the site is a session's bound. ``split_at_campaign``: an event that comes
    from another campaign than the session so far begins a new one. A session of at least ``bot_min_events``
    events, more than ``bot_events_per_minute`` of them (0: no limit), is a bot's.
    """

    gap_ms: int
    grace_ms: int
    cap_ms: int
    bounce_engaged_ms: int
    dedup_ids: int
    split_at_midnight: bool = False
    split_at_campaign: bool = False
    bot_events_per_minute: int = 0
    bot_min_events: int = 1


class SiteRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is particular to a site: where its days begin, what is its own, what counts as conversion.

    ``channels`` come before the published rules. ``sessions`` are its own session rules; None: those of all
    sites. ``scrub_pii``: whether what looks like personal data is taken out of URLs, titles and properties.
    ``version``: a digest of what the site decides source and channel by.
    """

    zone: tzinfo
    domains: frozenset[str]
    conversion_events: frozenset[str]
    query_allow_list: frozenset[str]
    channels: ChannelRules = NO_RULES
    sessions: SessionRules | None = None
    scrub_pii: bool = True
    version: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Every rule that a worker folds events by."""

    sessions: SessionRules
    default_site: SiteRules
    sites: Mapping[str, SiteRules]

    def site(self, site_id: str) -> SiteRules:
        """Rules of a site; the defaults where it has none of its own."""
        return self.sites.get(site_id, self.default_site)

    def sessions_of(self, site_id: str) -> SessionRules:
        """Session rules of a site."""
        return self.site(site_id).sessions or self.sessions

    @property
    def reach_ms(self) -> int:
        """How long after its last receipt a window can still be reached by an event, on any site."""
        own = [site.sessions for site in (self.default_site, *self.sites.values()) if site.sessions]
        return max(rules.gap_ms + rules.grace_ms for rules in (self.sessions, *own)) + MAX_FUTURE_MS
