"""GET /api/v1/settings: what faust.yml and the environment say, without secrets. For administrators only."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.rule_versions import tables_version
from app.adapters.rules import rules_of
from app.core.api_keys import KeyScope
from app.settings import Settings, told
from web.api.asking import query_of
from web.api.endpoints import Context, Endpoint
from web.api.presenting import json_response


class ConfiguredSite(msgspec.Struct, frozen=True, kw_only=True):
    """A site as faust.yml has it; ``write_keys`` are shown by its pages and no secret.

    ``server_keys``: how many; ``rules``: a digest of what the site decides source and channel by;
    ``retention_days``: None, it keeps everything.
    """

    id: str
    timezone: str
    domains: list[str]
    origins: list[str] | None
    conversion_events: list[str]
    query_allow_list: list[str]
    channels: list[dict[str, str]]
    write_keys: list[str]
    server_keys: int
    scrub_pii: bool
    cookieless: bool
    respect_gpc: bool
    respect_dnt: bool
    retention_days: int | None
    rules: str


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """Sites, the version of the rules that all of them share, and every other setting by its key."""

    sites: list[ConfiguredSite]
    rules: str
    settings: dict[str, str]


async def show(request: Request, context: Context) -> Response:
    """Everything that can be set, as it is."""
    query_of(request, allowed=())
    settings = context.queries.settings
    sites = [_site(site_id, settings) for site_id in sorted(settings.sites)]
    return json_response(Configuration(sites=sites, rules=tables_version(), settings=told(settings)))


def _site(site_id: str, settings: Settings) -> ConfiguredSite:
    site = settings.site(site_id)
    same = (
        "timezone",
        "scrub_pii",
        "cookieless",
        "respect_gpc",
        "respect_dnt",
        "retention_days",
    )
    return ConfiguredSite(
        id=site_id,
        domains=list(site.domains),
        origins=None if site.origins is None else list(site.origins),
        conversion_events=list(site.conversion_events),
        query_allow_list=list(site.query_allow_list),
        channels=[rule.model_dump(mode="json") for rule in site.channels],
        write_keys=list(site.write_keys),
        server_keys=len(site.server_keys),
        rules=rules_of(settings).site(site_id).version,
        **{name: getattr(site, name) for name in same},
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/settings",
        summary="Sites, the version of the rules, and every setting as it is, without secrets",
        handler=show,
        answer=Configuration,
        is_personal=True,
        scope=KeyScope.ADMIN,
    ),
)
