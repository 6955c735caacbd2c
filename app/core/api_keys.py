"""What a key of the API opens: some scopes, of some sites."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import msgspec

#: In the place of site ids: every site, also those to come. No site can be called so.
ALL_SITES = "*"


class KeyScope(StrEnum):
    """What a key allows; ``admin`` allows the others too."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it stands; ``key_id`` names it and opens nothing."""

    key_id: str
    label: str
    scopes: frozenset[str]
    sites: frozenset[str]

    def allows(self, scope: KeyScope) -> bool:
        """Whether it has the scope."""
        return scope in self.scopes or KeyScope.ADMIN in self.scopes

    def opens(self, sites: Collection[str]) -> bool:
        """Whether it is of all these sites; what names no site is about all of them."""
        return ALL_SITES in self.sites or (bool(sites) and self.sites.issuperset(sites))


#: Who sends the key of web.admin_key, or asks where no key is needed.
OPERATOR = ApiKey(
    key_id="", label="operator", scopes=frozenset({KeyScope.ADMIN}), sites=frozenset({ALL_SITES})
)
