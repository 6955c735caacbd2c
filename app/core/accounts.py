"""Who sees the dashboard: people with roles at sites, and links that show one site."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from app.core.api_keys import ALL_SITES, ApiKey, KeyScope

#: As people sign in: a word or a mail address, in lower case.
_NAME = re.compile(r"[a-z0-9._%+@-]{1,128}")
MIN_PASSWORD = 12
#: In characters: argon2 takes more, and time for it.
MAX_PASSWORD = 256


class Role(StrEnum):
    """What a person may do at a site; each has what the ones before it have."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"


SCOPES: Mapping[Role, frozenset[KeyScope]] = {
    Role.VIEWER: frozenset({KeyScope.READ}),
    Role.EDITOR: frozenset({KeyScope.READ, KeyScope.WRITE}),
    Role.ADMIN: frozenset(KeyScope),
}


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A person; an empty ``password_hash`` opens nothing: who has it signs in by the OpenID provider."""

    account_id: str
    name: str
    roles: Mapping[str, Role]
    password_hash: str = ""
    subject: str = ""

    @property
    def credential(self) -> str:
        """Tells one password from the next; nothing can be made of it."""
        return hashlib.sha256(self.password_hash.encode()).hexdigest()[:16]


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A link that shows ``site_id``: with ``filter`` alone where there is one, and ``page`` first."""

    share_id: str
    digest: str
    site_id: str
    label: str = ""
    page: str = "/"
    filter: str = ""
    password_hash: str = ""
    frame_ancestors: tuple[str, ...] = ()

    def proof(self, issued_s: str) -> str:
        """That its password was given at this time: nobody can make it who has no row of the link."""
        key = f"{self.digest} {self.password_hash}".encode()
        return hmac.new(key, issued_s.encode(), hashlib.sha256).hexdigest()


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks: a person, somebody with a link, or a person with a link to a site of others.

    ``csrf`` is what the viewer's pages send along with what changes something; empty where no cookie was
    needed to know the viewer.
    """

    account: Account | None = None
    share: Share | None = None
    csrf: str = ""
    session_id: str = ""

    @property
    def roles(self) -> dict[str, Role]:
        """Site, or ``*`` for all -> role."""
        own = dict(self.account.roles) if self.account else {}
        if self.share and not own.keys() & {self.share.site_id, ALL_SITES}:
            own[self.share.site_id] = Role.VIEWER
        return own

    @property
    def sees_all(self) -> bool:
        """Whether every site is open, also those to come."""
        return ALL_SITES in self.roles

    def may(self, scope: KeyScope, site_id: str) -> bool:
        """Whether it has the scope at the site; ``*`` asks for all of them."""
        return self.key_for(scope).opens([site_id])

    def sites(self, known: Iterable[str]) -> list[str]:
        """The sites to choose from: of ``known`` those that are open, and those that a role names."""
        named = set(self.roles) - {ALL_SITES}
        return sorted(named | set(known) if self.sees_all else named)

    def key_for(self, scope: KeyScope) -> ApiKey:
        """What it is to the API: a key of the sites where it has the scope."""
        roles = self.roles
        return ApiKey(
            # Those who have the same link do not share a limit.
            key_id=f"account {self.account.account_id}" if self.account else "",
            label=self.account.name if self.account else "link",
            scopes=frozenset(one for role in roles.values() for one in SCOPES[role]),
            sites=frozenset(site for site, role in roles.items() if scope in SCOPES[role]),
        )

    def shown_by_link(self, sites: Iterable[str]) -> Share | None:
        """The link, where it alone opens one of these sites."""
        own = self.account.roles if self.account else {}
        share = self.share
        if share is None or own.keys() & {share.site_id, ALL_SITES}:
            return None
        return share if share.site_id in sites else None


def name_of(text: str) -> str | None:
    """A name as it is kept; None for what is none."""
    name = unicodedata.normalize("NFKC", text).strip().lower()
    return name if _NAME.fullmatch(name) else None


def password_fault(password: str, *, name: str) -> str:
    """Why it is no password to take; empty where it is.

    Length counts, not the kinds of letters (NIST SP 800-63B).
    """
    if len(password) < MIN_PASSWORD:
        return f"the password is too short: at least {MIN_PASSWORD} characters, such as four words"
    if len(password) > MAX_PASSWORD:
        return f"the password is too long: at most {MAX_PASSWORD} characters"
    if name and name in password.lower():
        return "the password has the name in it"
    if len(set(password)) < 5:
        return "the password is a few characters again and again"
    return ""
