"""Simulated visitors: people with a place and a device, and programs."""

from __future__ import annotations

from random import Random

import msgspec

from app.events.wire import ClientHints
from app.traffic.audience import DEVICES, PROGRAMS, Place
from app.traffic.catalogue import Site

_DEVICE_SHARES = [device.share for device in DEVICES]
_PROGRAM_SHARES = [program.share for program in PROGRAMS]


class Visitor(msgspec.Struct, kw_only=True):
    """Who visits one site with one browser. ``account`` is who they are once they identify themselves.

    What changes is ``is_identified`` and ``last_at``, the time of their last event in ms.
    """

    visitor_id: str
    site: Site
    account: str
    variant: int
    user_agent: str
    ip: str
    hints: ClientHints = ClientHints()
    language: str = ""
    timezone: str = ""
    screen: tuple[int, int] = (0, 0)
    viewport: tuple[int, int] = (0, 0)
    latency: float = 1.0
    slowness: float = 1.0
    reports_shifts: bool = False
    webdriver: bool = False
    is_program: bool = False
    is_identified: bool = False
    last_at: int = 0


def new_person(site: Site, *, place: Place, account: str, rng: Random) -> Visitor:
    """Somebody who comes for the first time with this device."""
    device = rng.choices(DEVICES, _DEVICE_SHARES)[0]
    width, height = rng.choice(device.screens)
    if device.is_touch:
        viewport = (width, height - 110)
    else:
        viewport = (int(width * rng.choice((1.0, 1.0, 0.8, 0.6))), height - rng.randint(120, 180))
    return Visitor(
        visitor_id=uuid4(rng),
        site=site,
        account=account,
        variant=rng.randrange(len(site.experiment.variants)),
        user_agent=device.user_agent,
        ip=_address(place, rng),
        hints=device.hints,
        language=rng.choices(place.languages, range(len(place.languages) * 4, 0, -4))[0],
        timezone=place.timezone,
        screen=(width, height),
        viewport=viewport,
        latency=place.latency,
        slowness=device.slowness,
        reports_shifts=device.is_chromium,
    )


def new_program(site: Site, *, place: Place, rng: Random) -> Visitor:
    """A bot: it comes with an empty store each time, so that it is always new."""
    program = rng.choices(PROGRAMS, _PROGRAM_SHARES)[0]
    screen = (800, 600) if program.webdriver else (0, 0)
    return Visitor(
        visitor_id=uuid4(rng),
        site=site,
        account="",
        variant=0,
        user_agent=program.user_agent,
        ip=_address(place, rng),
        language="en-US" if program.webdriver else "",
        timezone="UTC" if program.webdriver else "",
        screen=screen,
        viewport=screen,
        webdriver=program.webdriver,
        is_program=True,
    )


def new_account(rng: Random) -> str:
    """A user id as a site might give it."""
    return f"u-{rng.getrandbits(40):010x}"


def uuid4(rng: Random) -> str:
    """A random UUID."""
    digits = f"{rng.getrandbits(120):030x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:]}"


def uuid7(at_ms: int, *, rng: Random) -> str:
    """A UUID of version 7: in the order of time."""
    time = f"{at_ms:012x}"
    digits = f"{rng.getrandbits(72):018x}"
    return f"{time[:8]}-{time[8:]}-7{digits[:3]}-b{digits[3:6]}-{digits[6:]}"


def _address(place: Place, rng: Random) -> str:
    if rng.random() < 0.4:
        network, _, first = place.ipv4.rpartition(".")
        return f"{network}.{int(first) + rng.randrange(16)}"
    return f"{place.ipv6}:{rng.getrandbits(16):x}::{rng.getrandbits(16):x}"
