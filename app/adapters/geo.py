"""(address, time zone) -> country, region, city; by a MaxMind-format database, else by the time zone."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import maxminddb

from app.errors import SettingsError
from app.events.enriched import Geo

NOWHERE = Geo()


class GeoLookup:
    """Finds places. An address is looked up and forgotten: nothing is cached by it."""

    def __init__(self, mmdb_path: str) -> None:
        self._reader = _open(mmdb_path) if mmdb_path else None

    def find(self, ip: str, *, timezone: str) -> Geo:
        """Where ``ip`` is by the database; the country of ``timezone`` where there is none or no answer."""
        if self._reader is not None and ip and (found := self._by_address(ip)):
            return found
        return _by_zone().get(timezone, NOWHERE)

    def _by_address(self, ip: str) -> Geo | None:
        assert self._reader is not None
        try:
            record: Any = self._reader.get(ip)
        except ValueError:
            return None
        country = record.get("country", {}).get("iso_code", "") if isinstance(record, dict) else ""
        if not country:
            return None
        regions = record.get("subdivisions") or [{}]
        return Geo(country=country, region=_name(regions[0]), city=_name(record.get("city", {})))


def _open(path: str) -> maxminddb.Reader:
    try:
        return maxminddb.open_database(path)
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise SettingsError(
            f"geo.mmdb_path = {path}: {error}; name a readable file in MaxMind's format, or leave it empty "
            "for countries by time zone"
        ) from error


def _name(place: dict[str, Any]) -> str:
    return str(place.get("names", {}).get("en", ""))


@cache
def _by_zone() -> dict[str, Geo]:
    """Each IANA time zone, old names too, and its country; zones of no one country are left out."""
    data = files("tzdata") / "zoneinfo"
    rows = [line.split("\t") for line in (data / "zone.tab").read_text("utf-8").splitlines()]
    found = {row[2]: Geo(country=row[0]) for row in rows if not row[0].startswith("#")}
    for line in (data / "tzdata.zi").read_text("utf-8").splitlines():
        if line.startswith("L "):
            _, target, alias = line.split()
            if target in found:
                found.setdefault(alias, found[target])
    return found
