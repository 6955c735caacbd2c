"""(address, time zone) -> country, region, city; by a MaxMind-format database, else by the time zone."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import maxminddb

from app.adapters.watched_file import WatchedFile
from app.errors import SettingsError
from app.events.enriched import Geo

NOWHERE = Geo()

#: Names for an offset, not for a place, though tzdata links them to a city.
_OFFSETS = frozenset({"CET", "EET", "EST", "HST", "MET", "MST", "WET"})
#: TRICKY: tzdata links these old names to a zone with the same clock in another country.
_ELSEWHERE = {
    "Africa/Asmera": "ER",
    "Africa/Timbuktu": "ML",
    "America/Coral_Harbour": "CA",
    "America/Virgin": "VI",
    "Antarctica/South_Pole": "AQ",
    "Atlantic/Jan_Mayen": "SJ",
    "Iceland": "IS",
    "Pacific/Johnston": "UM",
    "Pacific/Ponape": "FM",
    "Pacific/Truk": "FM",
    "Pacific/Yap": "FM",
}


#: What others call a country that tzdata calls otherwise.
_OTHER_NAMES = {
    "american samoa": "AS",
    "bosnia and herzegovina": "BA",
    "congo - brazzaville": "CG",
    "congo - kinshasa": "CD",
    "czechia": "CZ",
    "eswatini": "SZ",
    "hong kong sar china": "HK",
    "kosovo": "XK",
    "macao": "MO",
    "north korea": "KP",
    "south korea": "KR",
    "samoa": "WS",
    "timor-leste": "TL",
    "trinidad and tobago": "TT",
    "türkiye": "TR",
    "u.s. virgin islands": "VI",
    "united kingdom": "GB",
}


class GeoLookup:
    """Finds places. An address is looked up and forgotten: nothing is cached by it.

    The database is opened anew when its file was replaced. It has to be replaced whole, by a rename, as
    programs that fetch it do: it is read where it lies.
    """

    def __init__(self, mmdb_path: str) -> None:
        self._file = WatchedFile(Path(mmdb_path), read=_open, name="geo") if mmdb_path else None
        self._by_zone = countries_by_zone()

    @property
    def version(self) -> str:
        """A digest of the file; empty without one."""
        return self._file.version if self._file is not None else ""

    def find(self, ip: str, *, timezone: str) -> Geo:
        """Where ``ip`` is by the database; the country of ``timezone`` where there is none or no answer."""
        found = _by_address(self._file.value(), ip) if self._file is not None and ip else None
        return found or self._by_zone.get(timezone, NOWHERE)


@cache
def countries_by_zone() -> dict[str, Geo]:
    """Each IANA time zone, old names too, and its country; names of no one country are left out."""
    data = files("tzdata") / "zoneinfo"
    rows = [line.split("\t") for line in (data / "zone.tab").read_text("utf-8").splitlines()]
    found = {row[2]: Geo(country=row[0]) for row in rows if not row[0].startswith("#")}
    found |= {name: Geo(country=country) for name, country in _ELSEWHERE.items()}
    for line in (data / "tzdata.zi").read_text("utf-8").splitlines():
        if line.startswith("L "):
            _, target, alias = line.split()
            if target in found and alias not in _OFFSETS:
                found.setdefault(alias, found[target])
    return found


def country_named(text: str) -> str:
    """The ISO 3166-1 alpha-2 code of a country by its code or English name; empty for any other text."""
    name = text.strip()
    if len(name) == 2 and name.isascii() and name.isalpha():
        return name.upper()
    return countries_by_name().get(name.lower(), "")


@cache
def countries_by_name() -> dict[str, str]:
    """English names in lower case, as tzdata and as other tools have them, and their codes."""
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    plain = {name.lower(): code for code, name in rows}
    return {name.replace(" & ", " and "): code for name, code in plain.items()} | plain | _OTHER_NAMES


def _open(path: Path) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise SettingsError(
            f"geo.mmdb_path = {path}: {error}; name a readable file in MaxMind's format, or leave it empty "
            "for countries by time zone"
        ) from error


def _by_address(reader: maxminddb.Reader, ip: str) -> Geo | None:
    try:
        record: Any = reader.get(ip)
    except (ValueError, TypeError, maxminddb.InvalidDatabaseError):
        # No address (with a NUL in it: a TypeError), one that this database has no room for (IPv6 in one of
        # IPv4), or a damaged entry.
        return None
    if not isinstance(record, dict):
        return None
    country = _part(record, "country").get("iso_code")
    if not isinstance(country, str) or not country:
        return None
    regions = record.get("subdivisions")
    region = regions[0] if isinstance(regions, list) and regions else None
    return Geo(country=country.upper(), region=_english(region), city=_english(record.get("city")))


def _english(place: Any) -> str:
    name = _part(place, "names").get("en", "")
    return name if isinstance(name, str) else ""


def _part(record: Any, name: str) -> dict[str, Any]:
    part = record.get(name) if isinstance(record, dict) else None
    return part if isinstance(part, dict) else {}
