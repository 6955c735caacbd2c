"""Networks of an operator's file: what is in them, what is wrong with a line, and a file that changes."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters import watched_file
from app.adapters.networks import NetworkFile
from app.errors import SettingsError
from tests.watching import read_again

FILE = """
# Clouds
192.0.2.0/25        # a comment behind it
192.0.2.64/26
198.51.100.7
203.0.113.77/24

2001:db8::/32
"""


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "clouds.txt"
    made.write_text(FILE)
    return made


@pytest.mark.parametrize(
    ("ip", "is_in"),
    [
        ("192.0.1.255", False),
        ("192.0.2.0", True),
        ("192.0.2.127", True),
        ("192.0.2.128", False),
        ("198.51.100.6", False),
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("203.0.113.0", True),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("2001:db7:ffff::", False),
        ("2001:db8::", True),
        ("2001:DB8:ffff:ffff:ffff:ffff:ffff:ffff", True),
        ("2001:db9::", False),
        ("::ffff:192.0.2.1", True),
        ("::", False),
        ("", False),
        ("no address", False),
        ("192.0.2.1:80", False),
        ("192.0.2.1\x00", False),
    ],
)
def test_an_address_is_in_a_network_or_not(path, ip, is_in):
    assert (ip in NetworkFile(str(path))) is is_in


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=8),
    st.lists(st.integers(0, 2**32 - 1), max_size=8),
)
def test_any_networks_hold_what_the_library_says(tmp_path_factory, drawn, addresses):
    known = [ipaddress.ip_network((number, length), strict=False) for number, length in drawn]
    file = tmp_path_factory.mktemp("networks") / "any.txt"
    file.write_text("\n".join(map(str, known)))
    found = NetworkFile(str(file))
    edges = [int(edge) for one in known for edge in (one.network_address, one.broadcast_address)]
    near = {(edge + step) % 2**32 for edge in edges for step in (-1, 0, 1)}
    for number in {*addresses, *near}:
        address = ipaddress.IPv4Address(number)
        assert (str(address) in found) is any(address in one for one in known)


def test_without_a_file_no_address_is_in_one():
    assert "192.0.2.1" not in NetworkFile("")


@pytest.mark.parametrize("line", ["192.0.2.0/33", "nonsense", "192.0.2.0 192.0.2.9", "2001:db8::/129"])
def test_a_bad_line_is_named_with_file_and_number(path, line):
    path.write_text(f"{FILE}{line}\n")
    with pytest.raises(SettingsError, match=r"clouds\.txt, line 9: .*expected a network such as"):
        NetworkFile(str(path))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named_with_the_setting(path, content):
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"bots\.networks_path = .*clouds\.txt.*leave it empty"):
        NetworkFile(str(path))


def test_a_file_that_changes_is_read_anew(path, monkeypatch):
    monkeypatch.setattr(watched_file, "LOOKS_EVERY_S", 0.0)
    file = NetworkFile(str(path))
    assert "10.0.0.1" not in file
    path.write_text("10.0.0.0/8\n")
    read_again(lambda: "10.0.0.1" in file)
    assert "10.0.0.1" in file
    assert "192.0.2.0" not in file
