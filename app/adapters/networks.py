"""A file of networks -> whether an address is in one of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from pathlib import Path
from typing import TypeVar

import msgspec

from app.adapters.watched_file import WatchedFile, listed
from app.errors import SettingsError

SETTING = "bots.networks_path"

Network = IPv4Network | IPv6Network
N = TypeVar("N", IPv4Network, IPv6Network)


class Ranges(msgspec.Struct, frozen=True, gc=False):
    """Addresses as numbers: where each range begins and ends, both in it, in order and without overlap."""

    first: tuple[int, ...]
    last: tuple[int, ...]

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.first, number)
        return place > 0 and number <= self.last[place - 1]


class NetworkFile:
    """The networks that a file names, one a line. Without a path there are none."""

    def __init__(self, path: str) -> None:
        self._file = WatchedFile(Path(path), read=_read, name="networks") if path else None

    @property
    def version(self) -> str:
        """A digest of the file; empty without one."""
        return self._file.version if self._file is not None else ""

    def __contains__(self, ip: str) -> bool:
        """Whether one of the networks has the address; what is no address is in none."""
        if self._file is None or not ip:
            return False
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        address = mapped or address
        return int(address) in self._file.value()[address.version]


def _read(path: Path) -> dict[int, Ranges]:
    networks = [_network(text, at=at) for text, at in listed(path, setting=SETTING)]
    return {
        4: _ranges(network for network in networks if isinstance(network, IPv4Network)),
        6: _ranges(network for network in networks if isinstance(network, IPv6Network)),
    }


def _network(text: str, *, at: str) -> Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise SettingsError(
            f"{at}: {error}; expected a network such as 192.0.2.0/24 or 2001:db8::/32"
        ) from error


def _ranges(networks: Iterable[N]) -> Ranges:
    merged = list(collapse_addresses(networks))
    return Ranges(
        tuple(int(network.network_address) for network in merged),
        tuple(int(network.broadcast_address) for network in merged),
    )
