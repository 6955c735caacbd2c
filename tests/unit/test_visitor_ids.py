"""Visitor ids without cookies: stable for a day, unlinkable over days, whole visits around midnight."""

import stat
import uuid

import msgspec
import pytest

from app.adapters.visitor_ids import VisitorIds
from app.core.visitor_ids import Asker, derive, registrable_domain, truncated
from tests.factories import DAY, HOUR, MINUTE, T0

MIDNIGHT = T0 - T0 % DAY + DAY
ADA = Asker(site_id="shop", ip="203.0.113.77", user_agent="Firefox", host="www.shop.example")


def other(**fields):
    return msgspec.structs.replace(ADA, **fields)


@pytest.mark.parametrize(
    "same", [other(ip="203.0.113.1"), other(host="shop.example"), other(host="blog.shop.example")]
)
def test_neighbours_and_hosts_of_one_domain_are_one(same):
    assert derive(same, salt=b"s") == derive(ADA, salt=b"s")


@pytest.mark.parametrize(
    "another",
    [
        other(ip="203.0.114.77"),
        other(ip="2001:db8::1"),
        other(ip=""),
        other(user_agent="Safari"),
        other(host="elsewhere.example"),
        other(site_id="blog"),
        other(site_id="sho", ip="", user_agent="pFirefox"),
    ],
)
def test_any_other_is_another(another):
    assert derive(another, salt=b"s") != derive(ADA, salt=b"s")
    assert derive(ADA, salt=b"t") != derive(ADA, salt=b"s")


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("", ""),
        ("nowhere", ""),
    ],
)
def test_of_an_address_the_neighbourhood_is_left(ip, network):
    assert truncated(ip) == network


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.shop.example", "shop.example"),
        ("shop.example", "shop.example"),
        ("localhost", "localhost"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
        ("www.example.de", "example.de"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("", ""),
    ],
)
def test_the_registrable_domain(host, domain):
    assert registrable_domain(host) == domain


def test_an_id_is_the_same_all_day_and_over_a_restart(tmp_path):
    ids = VisitorIds(tmp_path)
    first = ids.find(ADA, now_ms=MIDNIGHT + HOUR)
    assert ids.find(ADA, now_ms=MIDNIGHT + DAY - 1) == first
    assert VisitorIds(tmp_path).find(ADA, now_ms=MIDNIGHT + 2 * HOUR) == first
    assert uuid.UUID(first).hex == first


def test_another_directory_gives_another_id(tmp_path):
    found = {VisitorIds(tmp_path / name).find(ADA, now_ms=T0) for name in "ab"}
    assert len(found) == 2


def test_the_salt_is_for_this_user_alone_and_gone_the_next_day(tmp_path):
    ids = VisitorIds(tmp_path)
    ids.find(ADA, now_ms=MIDNIGHT - HOUR)
    (file,) = tmp_path.iterdir()
    assert file.name == "2026-03-02.salt"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    ids.forget(now_ms=MIDNIGHT)
    assert list(tmp_path.iterdir()) == []
    ids.find(ADA, now_ms=MIDNIGHT)
    assert [file.name for file in tmp_path.iterdir()] == ["2026-03-03.salt"]


def test_another_name_of_the_salt_that_a_killed_process_left_is_gone_too(tmp_path):
    ids = VisitorIds(tmp_path)
    ids.find(ADA, now_ms=MIDNIGHT - HOUR)
    (file,) = tmp_path.iterdir()
    (tmp_path / f"{file.stem}.ab.draft").hardlink_to(file)
    ids.forget(now_ms=MIDNIGHT)
    assert list(tmp_path.iterdir()) == []


def test_a_start_deletes_what_was_left_over(tmp_path):
    VisitorIds(tmp_path).find(ADA, now_ms=MIDNIGHT - DAY)
    VisitorIds(tmp_path).forget(now_ms=MIDNIGHT + HOUR)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("seen", "asked", "is_same"),
    [
        (-10 * MINUTE, 0, True),
        (-10 * MINUTE, 20 * MINUTE, True),  # exactly half an hour
        (-10 * MINUTE, 20 * MINUTE + 1, False),
        (-30 * MINUTE, 0, True),
        (-30 * MINUTE - 1, 0, False),
        (-1, 30 * MINUTE - 1, True),
        (-1, 30 * MINUTE, False),
        (-2 * HOUR, 5 * MINUTE, False),
    ],
)
def test_around_midnight_a_visit_goes_on(tmp_path, seen, asked, is_same):
    ids = VisitorIds(tmp_path)
    yesterday = ids.find(ADA, now_ms=MIDNIGHT + seen)
    assert (ids.find(ADA, now_ms=MIDNIGHT + asked) == yesterday) is is_same


def test_a_visit_over_midnight_stays_one_for_as_long_as_it_is_busy(tmp_path):
    ids = VisitorIds(tmp_path)
    visits = [ids.find(ADA, now_ms=MIDNIGHT + at * MINUTE) for at in (-5, 20, 29)]
    assert len(set(visits)) == 1
    assert ids.find(ADA, now_ms=MIDNIGHT + 30 * MINUTE) != visits[0]


def test_who_comes_first_after_midnight_is_of_the_new_day(tmp_path):
    ids = VisitorIds(tmp_path)
    ids.find(other(user_agent="Safari"), now_ms=MIDNIGHT - MINUTE)
    new = ids.find(ADA, now_ms=MIDNIGHT + MINUTE)
    assert ids.find(ADA, now_ms=MIDNIGHT + HOUR) == new


def test_what_is_remembered_of_midnight_is_bounded_and_then_forgotten(tmp_path):
    ids = VisitorIds(tmp_path, max_seen=2)
    people = [other(user_agent=name) for name in "abc"]
    before = [ids.find(one, now_ms=MIDNIGHT - 1) for one in people]
    assert len(ids._seen) == 2
    after = [ids.find(one, now_ms=MIDNIGHT) for one in people]
    assert [one == two for one, two in zip(before, after, strict=True)] == [False, True, True]
    ids.forget(now_ms=MIDNIGHT + 30 * MINUTE)
    assert len(ids._seen) == 0
    assert len(ids._salts) == 1


def test_two_processes_share_the_salt_and_a_broken_file_is_made_anew(tmp_path):
    one, two = VisitorIds(tmp_path), VisitorIds(tmp_path)
    assert one.find(ADA, now_ms=T0) == two.find(ADA, now_ms=T0)
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"cut off")
    again = VisitorIds(tmp_path).find(ADA, now_ms=T0)
    assert VisitorIds(tmp_path).find(ADA, now_ms=T0) == again
    assert len(file.read_bytes()) == 32


def test_without_a_directory_ids_live_as_long_as_the_process(tmp_path):
    (tmp_path / "file").write_text("no directory")
    ids = VisitorIds(tmp_path / "file")
    assert ids.find(ADA, now_ms=T0) == ids.find(ADA, now_ms=T0 + MINUTE)
