"""How much one network address may send."""

import pytest

from web.limits import RateLimit, network_of


def test_a_burst_is_given_at_once_and_then_the_rate():
    limit = RateLimit(rate_per_s=10, burst=20)
    assert limit.take("a", 20, now_s=0) == 0
    assert limit.take("a", 1, now_s=0) == pytest.approx(0.1)
    assert limit.take("a", 5, now_s=0.5) == 0
    assert limit.take("a", 1, now_s=0.5) > 0


@pytest.mark.parametrize(
    ("idle_s", "tokens", "wait_s"),
    [
        (0, 1, 0.1),
        (0.09, 1, 0.01),
        (0.1, 1, 0),
        (1, 10, 0),
        (1, 11, 0.1),
        (2, 20, 0),
        (1000, 20, 0),  # a bucket holds no more than its burst ...
        (1000, 21, 0),  # ... but gives more than it holds when it is full, and is in debt then
        (-5, 1, 0.1),  # a clock that was set back
    ],
)
def test_an_empty_bucket_fills_at_the_rate(idle_s, tokens, wait_s):
    limit = RateLimit(rate_per_s=10, burst=20)
    limit.take("a", 20, now_s=100)
    assert limit.take("a", tokens, now_s=100 + idle_s) == pytest.approx(wait_s)


def test_a_debt_is_paid_before_anything_is_given():
    limit = RateLimit(rate_per_s=10, burst=20)
    assert limit.take("a", 50, now_s=0) == 0
    assert limit.take("a", 1, now_s=0) == pytest.approx(3.1)
    assert limit.take("a", 0, now_s=0) == pytest.approx(3.0)
    assert limit.take("a", 1, now_s=3.1) == 0


def test_what_is_refused_costs_nothing():
    limit = RateLimit(rate_per_s=10, burst=20)
    limit.take("a", 15, now_s=0)
    for _ in range(3):
        assert limit.take("a", 6, now_s=0) == pytest.approx(0.1)
    assert limit.take("a", 5, now_s=0) == 0


def test_networks_do_not_share():
    limit = RateLimit(rate_per_s=1, burst=1)
    assert limit.take("a", 1, now_s=0) == 0
    assert limit.take("a", 1, now_s=0) > 0
    assert limit.take("b", 1, now_s=0) == 0


def test_a_rate_of_zero_limits_nothing_and_remembers_nobody():
    limit = RateLimit(rate_per_s=0, burst=1)
    assert limit.take("a", 10**9, now_s=0) == 0
    assert len(limit) == 0


def test_memory_is_bounded_and_the_least_recently_used_is_forgotten():
    limit = RateLimit(rate_per_s=1, burst=1, max_networks=3)
    for network in "abc":
        limit.take(network, 1, now_s=0)
    assert limit.take("a", 1, now_s=0) > 0  # used again, so that `b` is the oldest now
    limit.take("d", 1, now_s=0)
    assert len(limit) == 3
    assert limit.take("a", 1, now_s=0) > 0
    assert limit.take("b", 1, now_s=0) == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_address_shares_the_bucket_of_its_64(address, network):
    assert network_of(address) == network
