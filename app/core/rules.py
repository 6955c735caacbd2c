"""The settable rules, as the pure core takes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

import msgspec


class SessionRules(msgspec.Struct, frozen=True, kw_only=True):
    """The session window: inactivity gap, grace period, cap (0: none), bounce threshold; in ms."""

    gap_ms: int
    grace_ms: int
    cap_ms: int
    bounce_engaged_ms: int
    dedup_ids: int


class SiteRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is particular to a site: where its days begin, what is its own, what counts as conversion."""

    zone: tzinfo
    domains: frozenset[str]
    conversion_events: frozenset[str]
    query_allow_list: frozenset[str]


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Every rule that a worker folds events by."""

    sessions: SessionRules
    default_site: SiteRules
    sites: Mapping[str, SiteRules]

    def site(self, site_id: str) -> SiteRules:
        """Rules of a site; the defaults where it has none of its own."""
        return self.sites.get(site_id, self.default_site)
