"""Where a data directory's ClickHouse can be asked: a running stack's front, or the directory itself."""

from __future__ import annotations

import contextlib
import http.client
import urllib.request
from collections.abc import Iterator
from pathlib import Path

#: A running stack writes the URL of its front here, for other processes.
FRONT_FILE = "clickhouse.url"


@contextlib.contextmanager
def published(url: str, data_dir: Path) -> Iterator[None]:
    """Tell other processes that the directory's engine answers at ``url``, for as long as the block lasts."""
    file = data_dir / FRONT_FILE
    file.write_text(url, encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def clickhouse_url(data_dir: Path) -> str:
    """``clickhouse.url`` for a data directory: of the stack that runs over it, else chDB in this process."""
    file = data_dir / FRONT_FILE
    if file.is_file():
        url = file.read_text(encoding="utf-8").strip()
        if _answers(url):
            return url
    return f"chdb://{(data_dir / 'clickhouse').resolve()}"


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=2) as answer:  # noqa: S310 - our own loopback URL
            return bool(answer.status == 200)
    except (OSError, ValueError, http.client.HTTPException):
        return False  # nobody is there, somebody else is, or the file was cut short
