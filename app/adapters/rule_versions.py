"""Tables, settings and libraries that decide -> short digests; another one where any of them is another."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

import msgspec

from app.adapters.watched_file import short_hash
from app.core.channels import ChannelRules

#: The modules whose tables and patterns decide. A remark in them counts, too: better once too often.
MODULES = (
    "app/adapters/bots.py",
    "app/adapters/device.py",
    "app/adapters/enricher.py",
    "app/adapters/geo.py",
    "app/adapters/spam_referrers.py",
    "app/core/channels.py",
    "app/core/clicks.py",
    "app/core/hosts.py",
    "app/core/pages.py",
    "app/core/payments.py",
    "app/core/sources.py",
    "app/core/sources_apps.py",
    "app/core/sources_search.py",
    "app/core/traffic.py",
    "app/events/enriched.py",
)
#: Libraries that decide by their own data. The last is there or not, and reads patterns otherwise.
LIBRARIES = ("ua-parser", "ua-parser-builtins", "is-bot", "tzdata", "ua-parser-rs")


@cache
def tables_version() -> str:
    """Of what is the same for every site; nothing of it changes while a process lives."""
    parts = []
    for module in MODULES:
        package, _, name = module.partition("/")
        parts.append(files(package).joinpath(name).read_text("utf-8"))
    return digest_of_parts(*parts, *(f"{name}={_installed(name)}" for name in LIBRARIES))


def site_version(*, domains: frozenset[str], channels: ChannelRules) -> str:
    """Of what a site decides by beside that."""
    rules = msgspec.json.encode(list(channels), order="deterministic").decode()
    return digest_of_parts(*sorted(domains), rules)


def digest_of_parts(*parts: str) -> str:
    """Twelve hexadecimal digits; the same for the same texts in the same order."""
    digest = short_hash()
    for part in parts:
        text = part.replace("\r\n", "\n").encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


def _installed(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
