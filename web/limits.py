"""How much one network address may send: a token bucket for each, in bounded memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

#: Addresses remembered; about 20 MB when full.
MAX_NETWORKS = 65_536
#: A household or a server has at least this much of IPv6 to itself.
IPV6_PREFIX = 64


class RateLimit:
    """Token buckets that hold ``burst`` tokens and gain ``rate_per_s``; a rate of 0 limits nothing.

    Beyond ``max_networks`` the least recently used bucket is forgotten, which at worst is a full bucket for
    an address that has not sent for a while.
    """

    def __init__(self, *, rate_per_s: float, burst: int, max_networks: int = MAX_NETWORKS) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._max_networks = max_networks
        #: For each network: tokens left, and when that was so, in seconds.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, network: str, tokens: int, *, now_s: float) -> float:
        """0 when the tokens were taken, else after how many seconds to try again; nothing is taken then.

        More than a whole bucket is given when the bucket is full, and leaves it in debt.
        """
        if self._rate_per_s == 0:
            return 0.0
        left, since_s = self._buckets.get(network, (float(self._burst), now_s))
        # A clock that was set back adds nothing.
        left = min(self._burst, left + max(0.0, now_s - since_s) * self._rate_per_s)
        missing = min(tokens, self._burst) - left
        if missing > 0:
            self._keep(network, left, now_s)
            return missing / self._rate_per_s
        self._keep(network, left - tokens, now_s)
        return 0.0

    def left(self, network: str, *, now_s: float) -> tuple[int, float]:
        """How many whole tokens there are to take, and after how many seconds the bucket is full again."""
        if self._rate_per_s == 0:
            return self._burst, 0.0
        left, since_s = self._buckets.get(network, (float(self._burst), now_s))
        left = min(self._burst, left + max(0.0, now_s - since_s) * self._rate_per_s)
        return max(0, int(left)), (self._burst - left) / self._rate_per_s

    def _keep(self, network: str, left: float, now_s: float) -> None:
        self._buckets[network] = (left, now_s)
        self._buckets.move_to_end(network)
        if len(self._buckets) > self._max_networks:
            self._buckets.popitem(last=False)


def network_of(address: str) -> str:
    """Whose bucket an address shares: an IPv4 address its own, an IPv6 address that of its /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((int(parsed), IPV6_PREFIX), strict=False))
