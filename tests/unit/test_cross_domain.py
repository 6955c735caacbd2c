"""The token that takes a visitor along to another domain: what it holds for, and what is refused."""

import re

import pytest

from app.core.cross_domain import Follower, read, sign
from tests.factories import T0

KEY = b"k" * 32
ADA = "01890000-0000-7000-8000-000000000ada"
BOB = "01890000-0000-7000-8000-000000000b0b"
SHOP = Follower(site_id="shop", user_agent="Firefox/140.0")
TOKEN = sign(ADA, SHOP, now_ms=T0, key=KEY)


def told(token=TOKEN, *, follower=SHOP, at=T0, key=KEY):
    return read(token, follower, now_ms=at, key=key)


def test_a_token_says_who_and_when_and_is_fit_for_an_address():
    assert re.fullmatch(rf"{ADA}\.{T0}\.[A-Za-z0-9_-]{{22}}", TOKEN)
    assert told() == ADA


@pytest.mark.parametrize(
    ("later_ms", "holds"),
    [(0, True), (120_000, True), (120_001, False), (-5_000, True), (-5_001, False), (10**9, False)],
)
def test_it_holds_for_two_minutes_and_is_not_of_the_future(later_ms, holds):
    assert (told(at=T0 + later_ms) == ADA) is holds


@pytest.mark.parametrize(
    "change",
    [
        {"follower": Follower(site_id="blog", user_agent=SHOP.user_agent)},
        {"follower": Follower(site_id="shop", user_agent="Firefox/141.0")},
        {"key": b"j" * 32},
        {"token": TOKEN.replace(ADA, BOB)},
        {"token": TOKEN.replace(ADA, ADA.upper())},
        {"token": TOKEN.replace(str(T0), str(T0 + 1))},
        {"token": TOKEN.replace(str(T0), f"0{T0}")},
        {"token": TOKEN.replace(f".{T0}", f"{T0}")},
        {"token": TOKEN[:-2] + ("A" if TOKEN[-2] != "A" else "B") + TOKEN[-1]},
    ],
)
def test_what_was_altered_or_is_of_somebody_else_names_nobody(change):
    assert told(**change) == ""


@pytest.mark.parametrize(
    "token",
    [
        "",
        "...",
        ADA,
        f"{ADA}.{T0}",
        f"{ADA}.{T0}.",
        f"{ADA}.{T0}.{'A' * 22}",
        f"{TOKEN}\n",
        f" {TOKEN}",
        f"{TOKEN}.{TOKEN}",
        f"{TOKEN}=",
        TOKEN.replace(str(T0), "\uff19" * 13),
        TOKEN.replace(str(T0), "9" * 5000),
        f"{ADA}.-1.{'A' * 22}",
        f"{'a' * 129}.{T0}.{'A' * 22}",
        "\0" * 30,
        "\ud800.1.2",
    ],
)
def test_garbage_names_nobody(token):
    assert told(token) == ""
