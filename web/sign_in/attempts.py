"""How often a password may be tried: for each name and each network a token bucket, in this process."""

from __future__ import annotations

import math

from app.adapters.clock import Clock
from web.limits import RateLimit

#: At once, and then one in so many seconds.
NAME_BURST, NAME_EVERY_S = 5, 60
NETWORK_BURST, NETWORK_EVERY_S = 20, 15


class Attempts:
    """A try takes a token of both, whether it succeeds or not."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._names = RateLimit(rate_per_s=1 / NAME_EVERY_S, burst=NAME_BURST)
        self._networks = RateLimit(rate_per_s=1 / NETWORK_EVERY_S, burst=NETWORK_BURST)

    def wait_s(self, *, name: str, network: str) -> int:
        """0 where it may be tried now, else after how many seconds. A name need not be anybody's."""
        now_s = self._clock() / 1000
        wait_s = self._networks.take(network, 1, now_s=now_s) or self._names.take(name, 1, now_s=now_s)
        return math.ceil(wait_s)
