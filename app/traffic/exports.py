"""What exports of other analytics tools have in common: times, names of devices, what is asked of them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo

import msgspec

from app.adapters.geo import country_named
from app.core.csv_records import Damaged, Record
from app.errors import ImportFileError
from app.events.vocabulary import DeviceClass, RejectReason
from app.events.wire import MAX_TIME_MS, Exported
from app.traffic.lines import BadLine, LineFault

#: What tools call devices; a name of ours is one of theirs, too.
_DEVICES = {
    "laptop": DeviceClass.DESKTOP,
    "smart tv": DeviceClass.TV,
    "smarttv": DeviceClass.TV,
    **{device.value: device for device in DeviceClass},
}
#: What tools call browsers and systems, in lower case -> what ua-parser calls them.
_BROWSERS = {
    "android": "Android",
    "android webview": "Chrome Mobile WebView",
    "chrome": "Chrome",
    "chromium-webview": "Chrome Mobile WebView",
    "crios": "Chrome Mobile iOS",
    "edge": "Edge",
    "edge-chromium": "Edge",
    "edge-ios": "Edge Mobile",
    "facebook": "Facebook",
    "firefox": "Firefox",
    "fxios": "Firefox iOS",
    "ie": "IE",
    "instagram": "Instagram",
    "internet explorer": "IE",
    "ios": "Mobile Safari",
    "ios-webview": "Mobile Safari UI/WKWebView",
    "kakaotalk": "KAKAOTALK",
    "miui": "MiuiBrowser",
    "opera": "Opera",
    "opera-mini": "Opera Mini",
    "safari": "Safari",
    "safari (in-app)": "Mobile Safari UI/WKWebView",
    "samsung": "Samsung Internet",
    "silk": "Amazon Silk",
    "yandexbrowser": "Yandex Browser",
}
_SYSTEMS = {
    "android os": "Android",
    "chrome os": "Chrome OS",
    "chromium os": "Chrome OS",
    "mac os": "Mac OS X",
    "macintosh": "Mac OS X",
    "macos": "Mac OS X",
}
#: What tools write where they know nothing.
_UNKNOWN = frozenset({"(not set)", "(other)", "<other>", "null", "unknown", "web"})
#: Bytes that are no UTF-8, as they are read.
_NO_TEXT = re.compile("[\udc80-\udcff]")
#: TRICKY: that of UTF-16 is how one of UTF-32 begins.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose events an export's are, when it is read, and what holds where it does not say.

    ``host`` is that of a page whose line names none, ``zone`` the zone of a time that names none.
    """

    site_id: str
    now_ms: int
    host: str
    zone: tzinfo = UTC


def exported(
    *, device: str, browser: str, os: str, country: str, version: str = "", region: str = "", city: str = ""
) -> Exported:
    """What an export says of a visitor, by our names; a name that is not known stays as it is.

    A number behind a system's name is its version (``Windows 10``).
    """
    name, _, number = _known(os).rpartition(" ")
    if not name or not number.replace(".", "").isdigit():
        name, number = _known(os), ""
    browser = _known(browser)
    return Exported(
        device_class=_DEVICES.get(device.lower(), DeviceClass.UNKNOWN),
        browser=_BROWSERS.get(browser.lower(), browser)[:64],
        browser_version=_known(version).partition(".")[0][:16],
        os=_SYSTEMS.get(name.lower(), name)[:64],
        os_version=number.partition(".")[0][:16],
        country=country_named(_known(country)),
        region=_known(region)[:128],
        city=_known(city)[:128],
    )


def text_lines(file: Iterable[bytes], *, name: str) -> Iterator[str]:
    """The lines of a file as text, line ends included, without a byte order mark.

    Of bytes that are no UTF-8 ``cells_of`` tells; ImportFileError where the first line has another encoding.
    """
    for number, line in enumerate(file):
        if number == 0 and (found := _other_encoding(line)):
            raise ImportFileError(
                f"{name}, line 1: {found}; expected UTF-8: export the file as UTF-8, or convert it, "
                "and import that"
            )
        bare = line if number else line.removeprefix(codecs.BOM_UTF8)
        yield bare.decode("utf-8", "surrogateescape")


def cells_of(record: Record | Damaged, *, width: int) -> list[str] | BadLine:
    """The cells of a record of ``text_lines``, none of a blank line, or why there are none to read."""
    if isinstance(record, Damaged):
        return BadLine(record.line, LineFault.MALFORMED_CSV, record.detail)
    cells = record.cells
    if cells and len(cells) != width:
        detail = f"{len(cells)} columns, the header has {width}"
        return BadLine(record.line, LineFault.WRONG_COLUMNS, detail)
    if _NO_TEXT.search("".join(cells)):
        return BadLine(record.line, RejectReason.INVALID_UTF8, "bytes that are no UTF-8")
    return cells


def time_ms(text: str, *, zone: tzinfo) -> int | None:
    """An ISO 8601 time in ms since 1970 UTC, in ``zone`` where it names none; None for any other text."""
    try:
        found = datetime.fromisoformat(text)
        at = int((found if found.tzinfo else found.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return at if 0 <= at <= MAX_TIME_MS else None


def _other_encoding(first_line: bytes) -> str:
    """What shows that a file is no UTF-8; empty for one that may be."""
    for mark, encoding in _MARKS.items():
        if first_line.startswith(mark):
            return f"a byte order mark of {encoding}"
    return "NUL bytes, as UTF-16 without a byte order mark has them" if b"\0" in first_line else ""


def _known(text: str) -> str:
    return "" if text.lower() in _UNKNOWN else text
