"""Who may post events of which site: pages by write key and origin, servers by a secret."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from app.core.keys import digest_of, is_among
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason, Step
from app.settings import Settings
from web.cors import Origins
from web.sender import Sender


class PageClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What a page posts under: its write key, its origin (empty: none), the host that it reached us by."""

    key: str
    origin: str
    host: str


class Permits:
    """Answers by the settings of the sites."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sites = settings.sites or {"": settings.default_site}
        self._write_keys = frozenset(key for site in self._sites.values() for key in site.write_keys)
        self.origins = Origins(settings)

    def is_write_key(self, key: str) -> bool:
        """Whether any site has this write key."""
        return key in self._write_keys

    def secret_digest(self, secret: str) -> str | None:
        """The digest of a secret that opens a site; None for one that opens none."""
        digest = digest_of(secret)
        known = [one for site in self._sites.values() for one in site.server_keys]
        return digest if is_among(digest, known) else None

    def is_opted_out(self, site_id: str, sender: Sender) -> bool:
        """Whether the sender's browser asks not to be tracked, and the site respects it."""
        site = self._settings.site(site_id)
        return (sender.gpc and site.respect_gpc) or (sender.dnt and site.respect_dnt)

    def refuse_page(self, site_id: str, claim: PageClaim) -> Reject | None:
        """Why a page may not post events of the site, or None where it may."""
        if unknown := self._refuse_unknown(site_id):
            return unknown
        keys = self._settings.site(site_id).write_keys
        if keys and claim.key not in keys:
            return _refuse(
                RejectReason.WRONG_WRITE_KEY,
                "site_id",
                "this site takes events with one of its write keys only; add it to the address as ?key=KEY",
            )
        if not self.origins.allow(claim.origin, host=claim.host, site_id=site_id):
            return _refuse(
                RejectReason.FORBIDDEN_ORIGIN,
                "site_id",
                "pages of this origin may not post events of this site",
            )
        return None

    def refuse_server(self, site_id: str, *, digest: str) -> Reject | None:
        """Why the server whose secret has this digest may not post events of the site, or None."""
        if unknown := self._refuse_unknown(site_id):
            return unknown
        if not is_among(digest, self._settings.site(site_id).server_keys):
            return _refuse(RejectReason.FORBIDDEN_SITE, "site_id", "the secret key is not one of this site's")
        return None

    def _refuse_unknown(self, site_id: str) -> Reject | None:
        if not self._settings.sites or site_id in self._settings.sites:
            return None
        return _refuse(RejectReason.UNKNOWN_SITE, "site_id", "no such site is configured here")


def read_claim(request: Request) -> PageClaim:
    """What a page posts under. Its key stands in the address: sendBeacon can set no header."""
    headers = request.headers
    return PageClaim(
        key=request.query_params.get("key", ""),
        origin=headers.get("origin", ""),
        host=headers.get("host", ""),
    )


def _refuse(reason: RejectReason, field: str, detail: str) -> Reject:
    return Reject(reason=reason, step=Step.VALIDATE, field=field, detail=detail)
