"""Exports of other tools as they would give them: say what matters of a row, the rest is filled in."""

from __future__ import annotations

import csv
import io
import itertools
import json
import uuid
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.factories import T0

UMAMI = (
    *("website_id", "session_id", "visit_id", "event_id", "hostname", "browser", "os", "device", "screen"),
    *("language", "country", "region", "city", "url_path", "url_query", "utm_source", "referrer_path"),
    *("referrer_query", "referrer_domain", "page_title", "gclid", "lcp", "inp", "cls", "fcp", "ttfb"),
    *("event_type", "event_name", "tag", "distinct_id", "created_at", "job_id"),
)

_numbers = itertools.count(1)


def umami_row(*, at: int = T0, **fields: str) -> dict[str, str]:
    """A page view in Umami's export; its times are UTC without saying so."""
    number = next(_numbers)
    made = {
        "website_id": "b1f0c9c2-6a4e-4d63-9a8e-2d6d0b3a7c11",
        "session_id": "s1",
        "visit_id": "a1",
        "event_id": str(uuid.UUID(int=(0xE << 100) | number)),
        "hostname": "shop.example",
        "browser": "chrome",
        "os": "Windows 10",
        "device": "laptop",
        "screen": "1920x1080",
        "language": "de-DE",
        "country": "DE",
        "region": "DE-BE",
        "city": "Berlin",
        "url_path": "/",
        "event_type": "1",
        "created_at": f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S}",
    }
    return {**made, **fields}


def umami_csv(rows: Iterable[Mapping[str, str]], *, columns: Sequence[str] = UMAMI) -> bytes:
    """The file as Umami writes it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def ga4_line(
    *, at: int = T0, name: str = "page_view", params: Mapping[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """An event in GA4's export; integers are texts, as BigQuery writes them."""
    told = {
        "ga_session_id": 1772445600,
        "page_location": "https://shop.example/",
        "page_title": "Shop",
        **(params or {}),
    }
    line = {
        "event_date": "20260302",
        "event_timestamp": str(at * 1000 + 123),
        "event_name": name,
        "event_params": [
            {"key": key, "value": {"string_value" if isinstance(value, str) else "int_value": str(value)}}
            for key, value in told.items()
        ],
        "event_bundle_sequence_id": str(next(_numbers)),
        "user_pseudo_id": "1001.1772445600",
        "device": {
            "category": "mobile",
            "operating_system": "Android",
            "operating_system_version": "Android 15",
            "language": "de-de",
            "web_info": {"browser": "Chrome", "browser_version": "138.0.7204.63", "hostname": "shop.example"},
        },
        "geo": {"continent": "Europe", "country": "Germany", "region": "Berlin", "city": "Berlin"},
        "traffic_source": {"name": "(direct)", "medium": "(none)", "source": "(direct)"},
        **fields,
    }
    return {key: value for key, value in line.items() if value is not ...}


def json_lines(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """A JSON object on each line."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def plausible_csv(columns: str, *rows: Sequence[object]) -> str:
    """A file of Plausible's export."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([columns.split(","), *rows])
    return text.getvalue()


VISITORS = "date,visitors,pageviews,bounces,visits,visit_duration"
SOURCES = (
    "date,source,referrer,utm_source,utm_medium,utm_campaign,utm_content,utm_term,pageviews,visitors,visits,"
    "visit_duration,bounces"
)


def plausible_files() -> dict[str, str]:
    """Two days of a small site, as Plausible exports them."""
    period = "20240301_20240302"
    return {
        f"imported_visitors_{period}.csv": plausible_csv(
            VISITORS, ("2024-03-01", 10, 31, 4, 12, 840), ("2024-03-02", 7, 15, 3, 7, 300)
        ),
        f"imported_pages_{period}.csv": plausible_csv(
            "date,hostname,page,visits,visitors,pageviews,total_scroll_depth,total_scroll_depth_visits",
            ("2024-03-01", "shop.example", "/", 11, 9, 20, "\\N", "\\N"),
            ("2024-03-01", "shop.example", "/a,b", 3, 3, 11, 40, 3),
        ),
        f"imported_sources_{period}.csv": plausible_csv(
            SOURCES,
            ("2024-03-01", "Google", "google.com", "", "", "", "", "", 20, 6, 7, 500, 2),
            ("2024-03-01", "Google", "google.de", "", "cpc", "spring", "", "", 4, 1, 1, 40, 0),
            ("2024-03-01", "", "", "", "", "", "", "", 7, 3, 4, 300, 2),
        ),
        f"imported_locations_{period}.csv": plausible_csv(
            "date,country,region,city,visitors,visits,visit_duration,bounces,pageviews",
            ("2024-03-01", "DE", "DE-BE", 2950159, 8, 9, 600, 3, 25),
            ("2024-03-01", "AT", "", 0, 2, 3, 240, 1, 6),
        ),
        f"imported_browsers_{period}.csv": plausible_csv(
            "date,browser,browser_version,visitors,visits,visit_duration,bounces,pageviews",
            ("2024-03-01", "Chrome", "122.0", 6, 8, 600, 2, 20),
            ("2024-03-01", "Chrome", "121.0", 4, 4, 240, 2, 11),
        ),
        f"imported_custom_events_{period}.csv": plausible_csv(
            "date,name,link_url,path,visitors,events", ("2024-03-02", "Signup", "", "", 2, 3)
        ),
    }


def zipped(file: Path, members: Mapping[str, str | bytes]) -> Path:
    """A zip of these members."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file
