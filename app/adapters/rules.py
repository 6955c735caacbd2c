"""Settings -> the rules that the pure core folds and judges by."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from app.adapters.rule_versions import site_version
from app.core.channels import ChannelRule, ChannelRules
from app.core.rules import Rules, SessionRules, SiteRules
from app.settings import Settings
from app.site_settings import SiteSettings


def rules_of(settings: Settings) -> Rules:
    """The settings as the pure core takes them."""
    sessions = SessionRules(**settings.sessions.model_dump(), dedup_ids=settings.ingest.dedup_ids_per_visitor)
    return Rules(
        sessions=sessions,
        default_site=_site_rules(settings.default_site, sessions=sessions),
        sites={site_id: _site_rules(site, sessions=sessions) for site_id, site in settings.sites.items()},
    )


def _site_rules(site: SiteSettings, *, sessions: SessionRules) -> SiteRules:
    own = site.sessions.model_dump(exclude_none=True)
    domains = frozenset(site.domains)
    channels = ChannelRules(
        ChannelRule(channel=rule.channel, **{name: text.lower() for name, text in rule.told().items()})
        for rule in site.channels
    )
    return SiteRules(
        zone=ZoneInfo(site.timezone),
        domains=domains,
        conversion_events=frozenset(site.conversion_events),
        query_allow_list=frozenset(site.query_allow_list),
        channels=channels,
        sessions=msgspec.structs.replace(sessions, **own) if own else None,
        scrub_pii=site.scrub_pii,
        version=site_version(domains=domains, channels=channels),
    )
