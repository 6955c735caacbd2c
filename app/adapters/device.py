"""(user agent, client hints, screen) -> device class, browser and operating system; by ua-parser."""

from __future__ import annotations

import re
from functools import lru_cache

import ua_parser

from app.events.enriched import Device
from app.events.vocabulary import DeviceClass
from app.events.wire import ClientHints

#: Devices remembered; browsers tell less and less of themselves, so there are few different ones.
CACHED = 8192
#: A narrower screen is a phone's, whatever its browser pretends to be; CSS pixels.
PHONE_WIDTH = 600

#: TRICKY: AFT in capitals begins the model of a Fire TV; in small letters it ends "after" and "draft".
_TV = re.compile(
    r"\btv\b|(?:smart|apple|google|android|hbb|opera|philips)-?tv|\bcrkey\b|\bweb0s\b|\btizen\b(?!.*mobile)|netcast"
    r"|\bviera\b|\bbravia\b|\broku\b|\bvidaa\b|playstation [345]|\bxbox\b|(?-i:\bAFT[A-Z]+\b)",
    re.IGNORECASE,
)
#: "Tablet PC" is what Internet Explorer said on any Windows that could have been on one.
_TABLET = re.compile(r"\bipad\b|\btablet\b(?! pc)|\bkindle\b|\bsilk/|\bplaybook\b", re.IGNORECASE)
_MOBILE = re.compile(r"mobile|\bmidp\b|opera mini|up\.browser|(?<![a-z])maui\b", re.IGNORECASE)
#: Browsers say "Mobile" on an Android phone; apps that fetch a page by themselves say it nowhere.
_BROWSER = re.compile(r"Mozilla/|Opera/")
_MOBILE_OS = frozenset(
    {"iOS", "Windows Phone", "Windows Mobile", "Windows CE", "BlackBerry OS", "Firefox OS", "KaiOS"}
    | {"Symbian OS", "Symbian^3", "Nokia Series 40", "Bada", "MeeGo", "Maemo", "HarmonyOS"}
)
_DESKTOP_OS = frozenset(
    {"Windows", "Mac OS X", "Mac OS", "Linux", "Chrome OS", "Ubuntu", "Kubuntu", "Debian", "Fedora", "SUSE"}
    | {
        "Red Hat",
        "Gentoo",
        "Arch Linux",
        "Linux Mint",
        "Mandriva",
        "CentOS",
        "Slackware",
        "PCLinuxOS",
        "Mageia",
    }
    | {"FreeBSD", "OpenBSD", "NetBSD", "DragonFly BSD", "Solaris", "BeOS"}
)
#: What client hints call a platform -> what ua-parser calls it.
_PLATFORMS = {
    "Windows": "Windows",
    "macOS": "Mac OS X",
    "Linux": "Linux",
    "Android": "Android",
    "iOS": "iOS",
    "Chrome OS": "Chrome OS",
    "Chromium OS": "Chrome OS",
    "Fuchsia": "Fuchsia",
}
#: Windows before 10 has the number of its version behind the point.
_OLD_WINDOWS = {"0.1": "7", "0.2": "8", "0.3": "8"}
_BRAND = re.compile(r'"([^"]{1,64})"\s*;\s*v="(\d{1,5})')
#: Every Chromium says that it is one, and the first two are the browser that its user agent names.
_PLAIN_BRANDS = frozenset({"Chromium", "Google Chrome", "Android WebView", "HeadlessChrome"})
_NO_BRAND = re.compile(r"not.{0,3}a.{0,3}brand", re.IGNORECASE)


class DeviceParser:
    """Parses devices; answers are cached, for there are few different ones."""

    def __init__(self) -> None:
        # Here, and not at the first event, the parser loads its patterns.
        self._parse = ua_parser.parser.parse
        self._cached = lru_cache(maxsize=CACHED)(self._device)

    def parse(self, user_agent: str, *, hints: ClientHints, screen_width: int) -> Device:
        """The device: hints first where they say something, then the screen, then the user agent."""
        return self._cached(user_agent, hints, 0 < screen_width < PHONE_WIDTH)

    def _device(self, user_agent: str, hints: ClientHints, is_narrow: bool) -> Device:
        found = self._parse(user_agent)
        os, os_version = _os(found.os.family if found.os else "", (found.os and found.os.major) or "", hints)
        browser = found.user_agent
        family, version = _browser(
            browser.family if browser else "", (browser and browser.major) or "", hints
        )
        return Device(
            device_class=_device_class(user_agent, hints, os, is_narrow=is_narrow),
            browser=family[:64],
            browser_version=version[:16],
            os=os[:64],
            os_version=os_version[:16],
        )


def _browser(family: str, major: str, hints: ClientHints) -> tuple[str, str]:
    """The hints name a browser whose user agent is that of Chrome: Brave, Vivaldi and others."""
    if not family.startswith("Chrome"):
        return family, major
    for brand, version in _BRAND.findall(hints.brands):
        if brand not in _PLAIN_BRANDS and not _NO_BRAND.search(brand):
            return brand, version
    return family, major


def _os(family: str, major: str, hints: ClientHints) -> tuple[str, str]:
    """Browsers freeze the version in the user agent; the hints have the real one."""
    name = _PLATFORMS.get(hints.platform)
    if name is None:
        return family, major
    version = hints.platform_version.partition(".")[0]
    if not version.isascii() or not version.isdigit():
        return name, major if name == family else ""
    if name == "Windows":
        return name, _windows(int(version), hints.platform_version) or (major if name == family else "")
    return name, version


def _windows(version: int, full: str) -> str:
    """Microsoft counts platform versions: 13 and up is Windows 11, 1 to 12 is Windows 10."""
    if version == 0:
        return _OLD_WINDOWS.get(full[:3], "")
    return "11" if version >= 13 else "10"


def _device_class(user_agent: str, hints: ClientHints, os: str, *, is_narrow: bool) -> DeviceClass:
    says_mobile = hints.mobile if hints.mobile is not None else _MOBILE.search(user_agent) is not None
    if _TV.search(user_agent):
        return DeviceClass.TV
    if hints.mobile or is_narrow:
        return DeviceClass.MOBILE
    if _TABLET.search(user_agent):
        return DeviceClass.TABLET
    if os == "Android" and not says_mobile:
        return DeviceClass.TABLET if _BROWSER.match(user_agent) else DeviceClass.UNKNOWN
    if os == "Android" or os in _MOBILE_OS or says_mobile:
        return DeviceClass.MOBILE
    return DeviceClass.DESKTOP if os in _DESKTOP_OS else DeviceClass.UNKNOWN
