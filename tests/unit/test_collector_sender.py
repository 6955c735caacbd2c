"""What a request says about its sender, and how much of it is believed."""

import pytest
from starlette.requests import Request

from app.errors import SettingsError
from app.events.wire import ClientHints
from app.settings import Settings, load
from web.sender import client_address, merge_hints, networks, read_sender

TRUSTED = networks(["10.0.0.0/8", "2001:db8:ffff::/48"])


def request(*headers, peer="198.51.100.7"):
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return Request({"type": "http", "headers": raw, "client": (peer, 1) if peer else None})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.1"], "198.51.100.7"),  # not from a proxy of ours: not believed
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.1"], "203.0.113.1"),  # the left one was there before our proxy
        ("10.0.0.1", ["6.6.6.6, 203.0.113.1, 10.0.0.2"], "203.0.113.1"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.1"], "203.0.113.1"),  # two headers are one list
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.1:5123"], "203.0.113.1"),
        ("10.0.0.1", ["[2001:db8::1]:5123"], "2001:db8::1"),
        ("10.0.0.1", ["2001:DB8::1"], "2001:db8::1"),
        ("2001:db8:ffff::1", ["203.0.113.1"], "203.0.113.1"),
        ("::ffff:10.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("::ffff:198.51.100.7", [], "198.51.100.7"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("", ["203.0.113.1"], ""),
        ("testclient", ["203.0.113.1"], ""),
    ],
)
def test_the_address_is_the_rightmost_that_no_proxy_of_ours_has(peer, forwarded, address):
    assert client_address(peer, forwarded, trusted=TRUSTED) == address


def test_without_trusted_proxies_the_peer_is_the_sender():
    assert client_address("10.0.0.1", ["203.0.113.1"], trusted=()) == "10.0.0.1"


def test_a_request_without_anything_says_nothing():
    sender = read_sender(request(peer=""), trusted=())
    assert (sender.ip, sender.user_agent, sender.client_hints) == ("", "", ClientHints())


def test_client_hints_are_read_from_structured_headers():
    brands = '"Chromium";v="140", "Not=A?Brand";v="24"'
    sender = read_sender(
        request(
            ("sec-ch-ua", brands),
            ("sec-ch-ua-mobile", "?1"),
            ("sec-ch-ua-platform", '"Android"'),
            ("sec-ch-ua-platform-version", '"15.0.0"'),
            ("sec-ch-ua-model", '"Pixel 9"'),
        ),
        trusted=(),
    )
    assert sender.client_hints == ClientHints(
        platform="Android", platform_version="15.0.0", model="Pixel 9", mobile=True, brands=brands
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sec-ch-ua-platform", "x" * 65),
        ("sec-ch-ua-model", "x" * 100_000),
        ("sec-ch-ua", "x" * 257),
        ("sec-ch-ua-mobile", "yes"),
    ],
)
def test_a_hint_that_is_no_hint_says_nothing(name, value):
    assert read_sender(request((name, value)), trusted=()).client_hints == ClientHints()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Mozilla/5.0", "Mozilla/5.0"),
        ("x" * 2000, "x" * 1024),
        ("a\x00b\x1b[31m\x85", "ab[31m"),
        ("Caf\xe9", "Caf\xe9"),
    ],
)
def test_a_user_agent_is_bounded_and_printable(sent, kept):
    assert read_sender(request(("user-agent", sent)), trusted=()).user_agent == kept


def test_what_the_script_found_out_goes_before_headers():
    said = ClientHints(platform="Windows", mobile=False)
    sent = ClientHints(platform="Linux", mobile=True, model="Pixel 9")
    assert merge_hints(said, sent) == ClientHints(platform="Windows", mobile=False, model="Pixel 9")
    assert merge_hints(ClientHints(), sent) == sent


def test_a_proxy_that_is_no_network_is_refused_with_the_settings(tmp_path):
    file = tmp_path / "faust.yml"
    file.write_text("web: {trusted_proxies: [proxy.internal]}")
    with pytest.raises(SettingsError, match=r"web.trusted_proxies.*expected networks such as 10.0.0.0/8"):
        load(files=(file,))
    assert Settings(web={"trusted_proxies": ["10.0.0.1/8", "::1"]}).web.trusted_proxies == (
        "10.0.0.1/8",
        "::1",
    )
