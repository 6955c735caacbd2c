"""A file of hosts -> whether a referrer is on one of them: sites that call, and never linked."""

from __future__ import annotations

from pathlib import Path

from app.adapters.watched_file import WatchedFile, listed
from app.core.hosts import is_below
from app.core.pages import read_address
from app.core.traffic import linking_host
from app.errors import SettingsError

SETTING = "bots.spam_referrers_path"


class SpamReferrers:
    """The hosts that a file names, one a line, each with all below it. Without a path there are none."""

    def __init__(self, path: str) -> None:
        self._file = WatchedFile(Path(path), read=_read, name="spam_referrers") if path else None

    @property
    def version(self) -> str:
        """A digest of the file; empty without one."""
        return self._file.version if self._file is not None else ""

    def __contains__(self, referrer: str) -> bool:
        """Whether the page that linked is on one of the hosts; what is no page's URL is on none."""
        return (
            self._file is not None and bool(referrer) and is_below(linking_host(referrer), self._file.value())
        )


def _read(path: Path) -> frozenset[str]:
    return frozenset(_host(text, at=at) for text, at in listed(path, setting=SETTING))


def _host(text: str, *, at: str) -> str:
    try:
        if "/" in text or "." not in text.strip("."):
            raise ValueError("a slash in it, or no dot")
        host = read_address(f"http://{text.strip('.')}").host
    except ValueError as error:
        raise SettingsError(f"{at}: {text[:80]!r}: {error}; expected a host such as spam.example") from error
    return host.removeprefix("www.")
