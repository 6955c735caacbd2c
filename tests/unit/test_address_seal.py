"""A network address is sealed before Kafka has it, and opened by who has the key, for that event alone."""

import msgspec
import pytest
from structlog.testing import capture_logs

from app.adapters.address_seal import KEY_FILE, MARK, WARN_EVERY_S, AddressSeal, Opening, opening
from app.core.decode import decode_web_event
from app.metrics import WorkerMetrics
from app.settings import Settings
from tests.factories import event_id, plain_enrichment, rules, web_event

ADDRESSES = ["203.0.113.9", "0.0.0.0", "2001:db8::1", "::", "2001:db8:1111:2222:3333:4444:5555:6666"]
SITE = rules().site("shop")
SEAL = AddressSeal(b"k" * 32)
STRANGER = AddressSeal(b"x" * 32)


def sealed(seal=SEAL, **fields):
    """The event as a worker reads it."""
    key, value = seal.message(web_event(**fields))
    event = decode_web_event(value)
    assert event.key == key
    return event


@pytest.mark.parametrize("ip", ADDRESSES)
def test_what_is_sealed_is_opened_and_fits_the_wire_contract(ip):
    event = sealed(ip=ip)
    assert event.ip.startswith(MARK)
    assert ip not in event.ip
    assert SEAL.open(event) == ip


def test_ipv4_within_ipv6_is_ipv4():
    assert SEAL.open(sealed(ip="::ffff:203.0.113.9")) == "203.0.113.9"


def test_sealed_addresses_tell_neither_their_length_nor_which_are_the_same():
    same_id = event_id()
    found = [sealed(ip=ip, event_id=same_id).ip for ip in [*ADDRESSES, *ADDRESSES]]
    assert len({len(text) for text in found}) == 1
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "moved",
    [{"event_id": event_id()}, {"visitor_id": "v2"}, {"site_id": "blog"}, {"ip": MARK}, {"ip": MARK + "é"}],
)
def test_moved_to_another_event_or_cut_off_it_cannot_be_opened(moved):
    assert SEAL.open(msgspec.structs.replace(sealed(ip="203.0.113.9"), **moved)) is None


@pytest.mark.parametrize("letter", [len(MARK), 30, 63])
def test_an_altered_one_cannot_be_opened(letter):
    event = sealed(ip="203.0.113.9")
    other = "A" if event.ip[letter] != "A" else "Q"
    altered = event.ip[:letter] + other + event.ip[letter + 1 :]
    assert SEAL.open(msgspec.structs.replace(event, ip=altered)) is None


@pytest.mark.parametrize("text", ["", "somewhere", "203.0.113.9/nonsense", "203.0.113.999", "fe80::1%eth0"])
def test_what_is_no_address_is_left_out(text):
    assert sealed(ip=text).ip == ""


def test_sealing_twice_is_sealing_once():
    event = sealed(ip="203.0.113.9")
    assert SEAL.seal(event) == event.ip


def test_a_plain_address_is_taken_as_it_is():
    assert SEAL.open(web_event(ip="203.0.113.9")) == "203.0.113.9"


def test_processes_over_one_directory_share_a_key(tmp_path):
    settings = Settings(app={"data_dir": tmp_path})
    event = sealed(AddressSeal.of(settings), ip="203.0.113.9")
    assert AddressSeal.of(settings).open(event) == "203.0.113.9"
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_processes_of_one_setting_share_a_key(tmp_path):
    one, other = (
        Settings(app={"data_dir": tmp_path / name}, ingest={"address_key": "ab" * 32}) for name in "ab"
    )
    assert AddressSeal.of(other).open(sealed(AddressSeal.of(one), ip="2001:db8::1")) == "2001:db8::1"
    assert not any(tmp_path.iterdir())


class Seen:
    """Enriches, and notes the addresses that it is given."""

    def __init__(self):
        self.addresses = []

    def __call__(self, event, *, site):
        self.addresses.append(event.ip)
        return plain_enrichment(event, site=site)


def test_the_worker_enriches_by_the_opened_address():
    seen, metrics = Seen(), WorkerMetrics()
    enrich = Opening(seen, seal=SEAL, metrics=metrics)
    for event in (sealed(ip="203.0.113.9"), web_event(ip="203.0.113.8"), web_event()):
        assert enrich(event, site=SITE).page.path == "/"
    assert seen.addresses == ["203.0.113.9", "203.0.113.8", ""]
    assert metrics.registry.get_sample_value("wua_addresses_unopened_total") == 0


def test_what_cannot_be_opened_loses_no_event_and_is_told_once_a_minute():
    seen, metrics, now_s = Seen(), WorkerMetrics(), [1000.0]
    enrich = Opening(seen, seal=SEAL, metrics=metrics, now_s=lambda: now_s[0])
    with capture_logs() as lines:
        for wait_s in (0.0, 1.0, WARN_EVERY_S):
            now_s[0] += wait_s
            assert enrich(sealed(STRANGER, ip="203.0.113.9"), site=SITE).page.path == "/"
    assert seen.addresses == ["", "", ""]
    assert metrics.registry.get_sample_value("wua_addresses_unopened_total") == 3
    told = [line for line in lines if line["event"] == "address.not_opened"]
    assert len(told) == 2
    assert "WUA_INGEST__ADDRESS_KEY" in told[0]["to_do"]


@pytest.mark.parametrize(
    ("settings", "is_opened"),
    [
        ({}, False),
        ({"geo": {"mmdb_path": "places.mmdb"}}, True),
        ({"bots": {"networks_path": "networks.txt"}}, True),
    ],
)
def test_an_address_that_nothing_asks_for_stays_sealed(tmp_path, settings, is_opened):
    seen, loaded = Seen(), Settings(app={"data_dir": tmp_path}, **settings)
    event = sealed(AddressSeal.of(loaded), ip="203.0.113.9")
    opening(seen, loaded, metrics=WorkerMetrics())(event, site=SITE)
    assert seen.addresses == ["203.0.113.9" if is_opened else event.ip]
