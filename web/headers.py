"""Request headers -> what a sender lacks that every browser sends, if it claims to be one.

Browsers name the languages of their user in every request. Chromium also says what a request is for
(``Sec-Fetch-*``) and who it is (``Sec-CH-UA``) to every host that it trusts: over HTTPS, and on the machine
itself. Few would take the trouble to imitate them all; a request that has but one of the two is let pass, for
there are builds of Chromium without hints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

#: The first Chromium that sends client hints by itself; ``Sec-Fetch-*`` came before.
FIRST_WITH_HINTS = 89
#: Any of them will do.
METADATA = ("sec-ch-ua", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")

_CHROMIUM = re.compile(r"\bChrome/(\d{1,4})\.")


class Lacking(msgspec.Struct, frozen=True):
    """What is missing of the headers of a browser: in any request, and in one from a page over HTTPS."""

    always: bool = False
    when_secure: bool = False

    def at(self, url: str) -> bool:
        """Whether anything is missing in a request from the page at ``url``."""
        return self.always or (self.when_secure and url[:8].lower() == "https://")


def read_lacking(headers: Mapping[str, str]) -> Lacking:
    """What the browser that the user agent claims to be would have sent besides."""
    user_agent = headers.get("user-agent", "")
    if not user_agent.startswith("Mozilla/"):
        return Lacking()
    version = _CHROMIUM.search(user_agent)
    return Lacking(
        always=not headers.get("accept-language", "").strip(),
        when_secure=version is not None
        and int(version[1]) >= FIRST_WITH_HINTS
        and not any(headers.get(name) for name in METADATA),
    )
