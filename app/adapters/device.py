"""(user agent, client hints, screen) -> device class, browser and operating system; by ua-parser."""

from __future__ import annotations

from functools import lru_cache

import ua_parser
from ua_parser import Result

from app.events.enriched import Device
from app.events.vocabulary import DeviceClass
from app.events.wire import ClientHints

CACHED = 16_384
#: A narrower screen is a phone's where nothing else tells; CSS pixels.
PHONE_WIDTH = 600

_TV = ("smart-tv", "smarttv", "appletv", "apple tv", "googletv", "hbbtv", "crkey", "roku", "bravia", "aftt")
_TABLET = ("ipad", "tablet", "kindle", "silk/", "playbook")
_MOBILE_OS = frozenset({"iOS", "Windows Phone", "BlackBerry OS", "Firefox OS", "KaiOS", "Symbian OS"})
_DESKTOP_OS = frozenset({"Windows", "Mac OS X", "macOS", "Linux", "Ubuntu", "Fedora", "Chrome OS", "FreeBSD"})
#: What client hints call a platform -> what ua-parser calls it.
_PLATFORMS = {"macOS": "Mac OS X", "Chromium OS": "Chrome OS"}


class DeviceParser:
    """Parses devices; answers are cached, for there are few different ones."""

    def __init__(self) -> None:
        self._cached = lru_cache(maxsize=CACHED)(_device)

    def parse(self, user_agent: str, *, hints: ClientHints, screen_width: int) -> Device:
        """The device: hints first where they say something, then the user agent, then the screen."""
        return self._cached(user_agent, hints, 0 < screen_width < PHONE_WIDTH)


def _device(user_agent: str, hints: ClientHints, is_narrow: bool) -> Device:
    found = ua_parser.parse(user_agent)
    browser, os = found.user_agent, found.os
    os_name, os_version = _os(os.family if os else "", (os.major if os else "") or "", hints)
    return Device(
        device_class=_device_class(user_agent.lower(), found, hints, os_name, is_narrow=is_narrow),
        browser=browser.family if browser else "",
        browser_version=(browser.major if browser else "") or "",
        os=os_name,
        os_version=os_version,
    )


def _os(family: str, major: str, hints: ClientHints) -> tuple[str, str]:
    """Browsers freeze the version in the user agent; the hints have the real one."""
    if not hints.platform:
        return family, major
    name = _PLATFORMS.get(hints.platform, hints.platform)
    version = hints.platform_version.partition(".")[0]
    if name == "Windows" and version.isdigit():
        # Microsoft: 13 and up is Windows 11, 1 to 10 is Windows 10.
        return name, "11" if int(version) >= 13 else "10" if int(version) > 0 else major
    return name, version or (major if name == family else "")


def _device_class(
    agent: str, found: Result, hints: ClientHints, os_name: str, *, is_narrow: bool
) -> DeviceClass:
    if any(mark in agent for mark in _TV) or " tv " in agent:
        return DeviceClass.TV
    if hints.mobile:
        return DeviceClass.MOBILE
    if any(mark in agent for mark in _TABLET):
        return DeviceClass.TABLET
    if os_name == "Android":
        return DeviceClass.MOBILE if "mobile" in agent else DeviceClass.TABLET
    if os_name in _MOBILE_OS or "mobile" in agent:
        return DeviceClass.MOBILE
    if os_name in _DESKTOP_OS:
        return DeviceClass.DESKTOP
    if is_narrow:
        return DeviceClass.MOBILE
    return DeviceClass.DESKTOP if found.os and found.user_agent else DeviceClass.UNKNOWN
