"""Countries by time zone, places by a database, and databases that are none."""

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from structlog.testing import capture_logs

from app.adapters import watched_file
from app.adapters.geo import GeoLookup, countries_by_zone
from app.errors import SettingsError
from app.events.enriched import Geo
from tests.watching import read_again

BERLIN = {
    "country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}},
    "subdivisions": [{"iso_code": "BE", "names": {"en": "State of Berlin", "de": "Land Berlin"}}],
    "city": {"names": {"en": "Berlin", "fr": "Berlin (ville)"}},
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for network, record in {
        "192.0.2.0/25": BERLIN,
        "198.51.100.0/24": {"country": {"iso_code": "fr"}},
        "203.0.113.0/25": {"registered_country": {"iso_code": "US"}},
        "203.0.113.128/25": {"country": "a text", "city": ["a list"]},
        "192.0.2.128/25": {"country": {"iso_code": "IN"}, "subdivisions": [], "city": {"names": {"hi": "x"}}},
        "2001:db8::/32": BERLIN,
    }.items():
        writer.insert_network(IPSet([network]), record)
    path = tmp_path_factory.mktemp("geo") / "places.mmdb"
    writer.to_db_file(str(path))
    return GeoLookup(str(path))


@pytest.mark.parametrize(
    ("timezone", "country"),
    [
        ("Europe/Berlin", "DE"),
        ("Europe/Busingen", "DE"),
        ("Europe/Oslo", "NO"),
        ("Europe/Amsterdam", "NL"),
        ("Asia/Calcutta", "IN"),
        ("Asia/Kolkata", "IN"),
        ("Asia/Saigon", "VN"),
        ("Europe/Kiev", "UA"),
        ("America/Buenos_Aires", "AR"),
        ("America/New_York", "US"),
        ("US/Pacific", "US"),
        ("Canada/Atlantic", "CA"),
        ("America/Montreal", "CA"),
        ("Australia/ACT", "AU"),
        ("GB", "GB"),
        ("Japan", "JP"),
        ("PRC", "CN"),
        ("Hongkong", "HK"),
        # tzdata links these to a city in another country
        ("Iceland", "IS"),
        ("Atlantic/Reykjavik", "IS"),
        ("Africa/Timbuktu", "ML"),
        ("Africa/Asmera", "ER"),
        ("America/Virgin", "VI"),
        ("America/Coral_Harbour", "CA"),
        ("Pacific/Truk", "FM"),
        ("Atlantic/Jan_Mayen", "SJ"),
        # no place
        ("UTC", ""),
        ("GMT", ""),
        ("Etc/GMT+5", ""),
        ("CET", ""),
        ("EST", ""),
        ("EST5EDT", ""),
        ("WET", ""),
        ("Factory", ""),
        ("", ""),
        ("Mars/Olympus_Mons", ""),
        ("europe/berlin", ""),
    ],
)
def test_the_country_of_a_time_zone(timezone, country):
    assert GeoLookup("").find("192.0.2.1", timezone=timezone) == Geo(country=country)


def test_every_zone_with_a_place_has_a_country():
    names = (files("tzdata") / "zones").read_text("utf-8").split()
    without = {name for name in names if name not in countries_by_zone()}
    assert without <= {name for name in names if name.startswith("Etc/") or "/" not in name}
    assert len(names) - len(without) > 500


@pytest.mark.parametrize(
    ("ip", "found"),
    [
        ("192.0.2.1", Geo(country="DE", region="State of Berlin", city="Berlin")),
        ("2001:db8::7", Geo(country="DE", region="State of Berlin", city="Berlin")),
        ("198.51.100.9", Geo(country="FR")),
        ("192.0.2.200", Geo(country="IN")),
    ],
)
def test_the_database_comes_before_the_time_zone(database, ip, found):
    assert database.find(ip, timezone="Asia/Tokyo") == found


@pytest.mark.parametrize(
    "ip",
    [
        "8.8.8.8",
        "203.0.113.1",
        "203.0.113.200",
        "10.0.0.1",
        "::1",
        "",
        "no address",
        "192.0.2",
        "192.0.2.1:80",
        "999.1.1.1",
        "1" * 64,
    ],
)
def test_without_an_answer_the_time_zone_counts(database, ip):
    assert database.find(ip, timezone="Asia/Tokyo") == Geo(country="JP")


@given(ip=st.text(max_size=64), timezone=st.text(max_size=64))
def test_no_text_raises(database, ip, timezone):
    assert isinstance(database.find(ip, timezone=timezone), Geo)


def test_ipv6_in_a_database_of_ipv4_only_counts_as_unknown(tmp_path):
    writer = MMDBWriter(ip_version=4)
    writer.insert_network(IPSet(["192.0.2.0/24"]), BERLIN)
    writer.to_db_file(str(tmp_path / "v4.mmdb"))
    lookup = GeoLookup(str(tmp_path / "v4.mmdb"))
    assert lookup.find("192.0.2.1", timezone="").country == "DE"
    assert lookup.find("2001:db8::1", timezone="Asia/Tokyo").country == "JP"


def test_a_missing_database_says_which_file_and_what_to_do(tmp_path):
    path = str(tmp_path / "gone.mmdb")
    with pytest.raises(SettingsError, match=r"geo\.mmdb_path = .*gone\.mmdb.*leave it empty"):
        GeoLookup(path)


@pytest.mark.parametrize("content", [b"", b"not a database", b"\x00" * 4096, b"\xab\xcd\xefMaxMind.com"])
def test_a_broken_database_says_which_file_and_what_to_do(tmp_path, content):
    path = tmp_path / "broken.mmdb"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"broken\.mmdb.*MaxMind's format"):
        GeoLookup(str(path))


def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(SettingsError, match="MaxMind's format"):
        GeoLookup(str(tmp_path))


def written(path, country):
    writer = MMDBWriter(ip_version=4)
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": country}})
    writer.to_db_file(str(path))


def test_a_database_that_was_replaced_is_opened_anew_and_a_broken_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(watched_file, "LOOKS_EVERY_S", 0.0)
    path, new = tmp_path / "places.mmdb", tmp_path / "new.mmdb"
    written(path, "DE")
    lookup = GeoLookup(str(path))
    assert lookup.find("192.0.2.1", timezone="").country == "DE"
    written(new, "FR")
    new.rename(path)
    read_again(lambda: lookup.find("192.0.2.1", timezone=""))
    assert lookup.find("192.0.2.1", timezone="").country == "FR"
    new.write_bytes(b"half a downl")
    new.rename(path)
    with capture_logs() as lines:
        read_again(lambda: lookup.find("192.0.2.1", timezone=""))
        assert lookup.find("192.0.2.1", timezone="").country == "FR"
        assert lookup.find("198.51.100.1", timezone="Asia/Tokyo").country == "JP"
    assert [line["event"] for line in lines] == ["geo.kept"]
    path.unlink()
    assert lookup.find("192.0.2.1", timezone="").country == "FR"
