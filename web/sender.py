"""What a request says about its sender: address, user agent, client hints. Bounded, whatever was sent.

A posted event is stamped with it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

import msgspec
from starlette.requests import Request

from app.events.vocabulary import Origin
from app.events.wire import ClientEvent, ClientHints, WebEvent
from web.headers import Lacking, read_lacking

MAX_USER_AGENT = 1024
MAX_BRANDS = 256
MAX_HINT = 64

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who posted; ``ip`` is empty where the server cannot know it.

    ``gpc``, ``dnt``: the browser asks not to be tracked, by Global Privacy Control or by Do Not Track.
    """

    ip: str
    user_agent: str
    client_hints: ClientHints
    lacking: Lacking = Lacking()
    gpc: bool = False
    dnt: bool = False


def read_sender(request: Request, *, trusted: Sequence[Network], check_headers: bool = True) -> Sender:
    """The sender of a request that came directly or through ``trusted`` proxies.

    ``check_headers``: whether it matters that it lacks what a browser sends.
    """
    headers = request.headers
    peer = request.client.host if request.client else ""
    return Sender(
        ip=client_address(peer, headers.getlist("x-forwarded-for"), trusted=trusted),
        user_agent=_clean(headers.get("user-agent", ""))[:MAX_USER_AGENT],
        client_hints=read_hints(headers),
        lacking=read_lacking(headers) if check_headers else Lacking(),
        gpc=headers.get("sec-gpc", "").strip() == "1",
        dnt=headers.get("dnt", "").strip() == "1",
    )


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks that ``web.trusted_proxies`` names."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def client_address(peer: str, forwarded: Sequence[str], *, trusted: Sequence[Network]) -> str:
    """The rightmost address that no trusted proxy has: anything further left, its sender may have invented.

    ``forwarded`` are the values of X-Forwarded-For in their order. Empty when ``peer`` is no address.
    """
    address = _parse(peer)
    if address is None:
        return ""
    hops = [hop for value in forwarded for hop in value.split(",")]
    while hops and _is_in(address, trusted):
        before = _parse(hops.pop())
        if before is None:
            break
        address = before
    return str(address)


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Whether the one at the other end of the connection is a trusted proxy."""
    address = _parse(peer)
    return address is not None and _is_in(address, trusted)


def read_hints(headers: Mapping[str, str]) -> ClientHints:
    """What the ``Sec-CH-UA-*`` headers say; one that is too long says nothing."""
    return ClientHints(
        platform=_hint(headers, "sec-ch-ua-platform"),
        platform_version=_hint(headers, "sec-ch-ua-platform-version"),
        model=_hint(headers, "sec-ch-ua-model"),
        mobile={"?1": True, "?0": False}.get(headers.get("sec-ch-ua-mobile", "").strip()),
        brands=_bounded(
            headers.get("sec-ch-ua-full-version-list", "") or headers.get("sec-ch-ua", ""), MAX_BRANDS
        ),
    )


def merge_hints(said: ClientHints, sent: ClientHints) -> ClientHints:
    """What the page's script found out, and where it found nothing what the browser sent as headers."""
    return ClientHints(
        platform=said.platform or sent.platform,
        platform_version=said.platform_version or sent.platform_version,
        model=said.model or sent.model,
        mobile=sent.mobile if said.mobile is None else said.mobile,
        brands=said.brands or sent.brands,
    )


def stamp(posted: ClientEvent, sender: Sender, *, visitor_id: str, received_at: int) -> WebEvent:
    """The event as it goes to Kafka: what was posted, and what only the collector knows."""
    fields = {name: getattr(posted, name) for name in posted.__struct_fields__}
    fields["visitor_id"] = visitor_id
    fields["client_hints"] = merge_hints(posted.client_hints, sender.client_hints)
    return WebEvent(
        **fields,
        received_at=received_at,
        ip=sender.ip,
        user_agent=sender.user_agent,
        missing_headers=sender.lacking.at(posted.url),
        origin=Origin.BROWSER,
    )


def read_address(text: str) -> str:
    """The address in its short form; empty for what is none."""
    address = _parse(text)
    return "" if address is None else str(address)


def _parse(text: str) -> _Address | None:
    """An address as proxies write it: also ``1.2.3.4:80``, ``[::1]:80``, and IPv4 within IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_in(address: _Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _hint(headers: Mapping[str, str], name: str) -> str:
    """A quoted string of structured headers, without its quotes."""
    return _bounded(headers.get(name, "").strip().strip('"'), MAX_HINT)


def _bounded(text: str, most: int) -> str:
    cleaned = _clean(text)
    return cleaned if len(cleaned) <= most else ""


def _clean(text: str) -> str:
    """Without control characters, which the worker would refuse the whole event for."""
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable())
