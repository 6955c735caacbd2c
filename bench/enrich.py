"""access log -> microseconds an event that the first look for personal data and each part of the enrich step
take, caches cold and warm.

    python -m bench.enrich [LOG]        # ../shared/data/apache_2015.log where no other is named

A measurement, not a test. Cold is the first reading of the log, warm the best of five more.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from app.adapters.bots import BotDetector
from app.adapters.device import DeviceParser
from app.adapters.enricher import Enricher
from app.adapters.geo import GeoLookup
from app.core.pages import clean_page
from app.core.rules import SiteRules
from app.core.scrub import may_hold_pii
from app.core.traffic import classify_traffic
from app.events.wire import WebEvent
from app.traffic.access_log import PageRule, VisitorKey, read_access_log

DEFAULT_LOG = Path(__file__).parents[2] / "shared" / "data" / "apache_2015.log"
ROUNDS = 5
SITE = SiteRules(
    zone=ZoneInfo("UTC"),
    domains=frozenset({"semicomplete.com"}),
    conversion_events=frozenset(),
    query_allow_list=frozenset({"q"}),
)
OWN = SITE.domains | {"www.semicomplete.com"}

Part = Callable[[WebEvent], object]


def main() -> int:
    """Print the table; 2 where there is no log."""
    log = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_LOG
    if not log.is_file():
        sys.stderr.write(f"{log}: no such file; name an access log in the combined format\n")
        return 2
    events = read_events(log)
    table = Table(title=f"{len(events):,} events of {log.name}, microseconds an event")
    for column in ("part", "cold", "warm"):
        table.add_column(column, justify="left" if column == "part" else "right")
    with tempfile.TemporaryDirectory() as folder:
        for name, part in parts(Path(folder)).items():
            cold = measure(part, events)
            warm = min(measure(part, events) for _ in range(ROUNDS))
            table.add_row(name, f"{cold:.2f}", f"{warm:.2f}")
    Console().print(table)
    return 0


def read_events(log: Path) -> list[WebEvent]:
    """A page view for each request in the log."""
    with log.open("rb") as lines:
        answers = read_access_log(
            lines,
            site_id="semicomplete.com",
            visitor=VisitorKey.IP,
            pages=PageRule.ALL,
            now_ms=time.time_ns() // 1_000_000,
            file_id=log.name,
        )
        return [answer for answer in answers if isinstance(answer, WebEvent)]


def parts(folder: Path) -> dict[str, Part]:
    """The whole and its parts. The whole comes last, and then only its own caches are cold."""
    devices, bots, zones, places = DeviceParser(), BotDetector(), GeoLookup(""), GeoLookup(database(folder))
    enricher = Enricher()
    return {
        "look for personal data": may_hold_pii,
        "page": lambda e: clean_page(e.url, allow=SITE.query_allow_list),
        "traffic": lambda e: classify_traffic(url=e.url, referrer=e.referrer, own_domains=OWN),
        "device": lambda e: devices.parse(e.user_agent, hints=e.client_hints, screen_width=e.screen_width),
        "bot": lambda e: bots.judge(e.user_agent),
        "geo by time zone": lambda e: zones.find(e.ip, timezone="Asia/Calcutta"),
        "geo by address": lambda e: places.find(e.ip, timezone=""),
        "all, geo by time zone": lambda e: enricher(e, site=SITE),
    }


def database(folder: Path) -> str:
    """A database that has a city for half of all addresses."""
    from mmdb_writer import MMDBWriter  # noqa: PLC0415 - of the test extras
    from netaddr import IPSet  # type: ignore[import-untyped]  # noqa: PLC0415 - comes with it

    writer = MMDBWriter(ip_version=4)
    for first in range(0, 256, 2):
        writer.insert_network(
            IPSet([f"{first}.0.0.0/8"]),
            {
                "country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}},
                "subdivisions": [{"iso_code": "BE", "names": {"en": "State of Berlin"}}],
                "city": {"names": {"en": f"City {first}"}},
            },
        )
    path = folder / "places.mmdb"
    writer.to_db_file(str(path))
    return str(path)


def measure(part: Part, events: list[WebEvent]) -> float:
    """Microseconds an event, the loop included."""
    started = time.perf_counter()
    for event in events:
        part(event)
    return (time.perf_counter() - started) / len(events) * 1e6


if __name__ == "__main__":
    raise SystemExit(main())
