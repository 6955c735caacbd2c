"""A report as JSON: as the API answers it."""

from __future__ import annotations

import msgspec

from web.reports.model import Report


def write(report: Report, **_: str) -> bytes:
    """The file."""
    return msgspec.json.encode(report)
