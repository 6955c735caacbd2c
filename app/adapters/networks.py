"""A file of networks -> whether an address is in one of them."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network
from pathlib import Path
from typing import TypeVar

import msgspec

from app import log
from app.errors import SettingsError

#: How long after a change of the file the old networks may still count.
LOOKS_EVERY_S = 10.0

Network = IPv4Network | IPv6Network
N = TypeVar("N", IPv4Network, IPv6Network)


class Ranges(msgspec.Struct, frozen=True, gc=False):
    """Addresses as numbers: where each range begins and ends, both in it, in order and without overlap."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self.first, number)
        return place > 0 and number <= self.last[place - 1]


class NetworkFile:
    """The networks that a file names, one a line; ``#`` begins a comment. Without a path there are none.

    The file is read anew when it has changed. What cannot be read then is an error in the log, and the
    networks of before stay; at the start it is a SettingsError.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self._ranges: dict[int, Ranges] = {}
        self._log = log.get("networks")
        if self._path is not None:
            self._seen = _stamp(self._path)
            self._ranges = _read(self._path)
            self._look_at = time.monotonic() + LOOKS_EVERY_S

    def __contains__(self, ip: str) -> bool:
        """Whether one of the networks has the address; what is no address is in none."""
        if self._path is None or not ip:
            return False
        if time.monotonic() >= self._look_at:
            self.refresh()
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        address = mapped or address
        return int(address) in self._ranges.get(address.version, Ranges())

    def refresh(self) -> None:
        """Read the file again if it is not the one that was read last."""
        if self._path is None:
            return
        self._look_at = time.monotonic() + LOOKS_EVERY_S
        stamp = _stamp(self._path)
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._ranges = _read(self._path)
        except SettingsError as error:
            self._log.error("networks.kept", reason=str(error), to_do="mend the file; the old networks count")
        else:
            self._log.info("networks.read", path=str(self._path))


def _stamp(path: Path) -> tuple[int, ...]:
    """What differs when a file was written or replaced; empty where there is none."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> dict[int, Ranges]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"bots.networks_path = {path}: {error}; name a readable text file, or leave it empty"
        ) from error
    networks = [
        _network(text, at=f"{path}, line {number}")
        for number, line in enumerate(lines, start=1)
        if (text := line.partition("#")[0].strip())
    ]
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
