"""Who asks, without a cookie -> a visitor id that lives as long as its salt."""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_network

import msgspec

#: How an id begins that a page without cookies gave itself; it ends with the page.
OF_A_PAGE = "~"
#: What is left of an address: a neighbourhood, not a household.
IPV4_PREFIX, IPV6_PREFIX = 24, 48
#: Below a country's domain, under which everybody may register: example.co.uk, and not co.uk, is one owner's.
_SHARED = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ne", "net", "or", "org"})


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """What tells visitors apart where no id was given; ``host`` is that of the page."""

    site_id: str
    ip: str
    user_agent: str
    host: str


def derive(asker: Asker, *, salt: bytes) -> str:
    """32 hex digits: the same for the same neighbourhood, user agent and domain, under one salt."""
    seed = "\0".join([asker.site_id, truncated(asker.ip), asker.user_agent, registrable_domain(asker.host)])
    return hmac.new(salt, seed.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def truncated(ip: str) -> str:
    """The network of an address: of IPv4 its /24, of IPv6 its /48; empty for what is no address."""
    prefix = IPV6_PREFIX if ":" in ip else IPV4_PREFIX
    try:
        return str(ip_network(f"{ip}/{prefix}", strict=False))
    except ValueError:
        return ""


def registrable_domain(host: str) -> str:
    """The part of a host name that one owner registered, by a rule of thumb; an address is its own."""
    labels = host.split(".")
    if labels[-1].isdigit():
        return host
    is_shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED
    return ".".join(labels[-3:] if is_shared else labels[-2:])
