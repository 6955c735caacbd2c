"""Page -> what its visitors click: links and buttons, and what looks like one and does nothing."""

from __future__ import annotations

from random import Random

import msgspec

from app.events.vocabulary import EventType
from app.traffic.catalogue import Page, PageKind
from app.traffic.journeys import Action, properties

#: Of clicks on what does nothing, those that become a run of angry ones; the pause between two of them.
_ANGRY = 0.25
_PAUSE_MS = (120, 240)


class _Target(msgspec.Struct, frozen=True):
    """An element, its text, where it is as shares of the page, and whether it does nothing."""

    element: str
    text: str
    x: float
    y: float
    is_mute: bool = False


_MENU = _Target("header > nav > a.menu", "Menu", 0.9, 0.02)
_CONTACT = _Target("footer > a", "Contact", 0.2, 0.97)
_MORE = _Target("main > a.more", "Read more", 0.3, 0.55)
_PICTURE = _Target("main > figure > img", "", 0.5, 0.3, is_mute=True)
_USUAL = (_MENU, _MORE, _PICTURE, _CONTACT)
#: The most clicked first.
_TARGETS = {
    PageKind.LIST: (
        _Target("main > ul > li > a.card", "Details", 0.25, 0.22),
        _Target("main > ul > li > a.card", "Details", 0.7, 0.22),
        _Target("main > form > select.sort", "", 0.85, 0.08),
        _MENU,
    ),
    PageKind.PRODUCT: (
        _Target("main > figure > img", "", 0.3, 0.24, is_mute=True),
        _Target("main > form > select.size", "", 0.78, 0.28),
        _Target("main > nav > a.crumb", "Back to the list", 0.12, 0.07),
        _Target("main > section > a.reviews", "Reviews", 0.4, 0.7),
        _MENU,
    ),
    PageKind.CART: (
        _Target("main > a.checkout", "To the checkout", 0.8, 0.62),
        _Target("main > aside > p.voucher", "", 0.78, 0.45, is_mute=True),
        _Target("main > ul > li > button.remove", "Remove", 0.6, 0.25),
    ),
    PageKind.CHECKOUT: (
        _Target("main > form > button.next", "Continue", 0.6, 0.82),
        _Target("main > aside > p.shipping", "", 0.82, 0.4, is_mute=True),
    ),
    PageKind.PRICING: (
        _Target("main > a.try", "Try it", 0.5, 0.6),
        _Target("main > table > tr > td.price", "", 0.62, 0.34, is_mute=True),
        _MENU,
    ),
}


def click(page: Page, *, rng: Random) -> Action:
    """One click somewhere on the page."""
    return _at(_target(page, rng), rng, spread=0.03)


def clicks(page: Page, *, rng: Random) -> list[tuple[int, Action]]:
    """One click, or on what does nothing a run of them within a second; with ms since the first."""
    target = _target(page, rng)
    if not target.is_mute or rng.random() >= _ANGRY:
        return [(0, _at(target, rng, spread=0.03))]
    place = msgspec.structs.replace(
        target, x=target.x + rng.uniform(-0.05, 0.05), y=target.y + rng.uniform(-0.03, 0.03)
    )
    run, after_ms = [], 0
    for _ in range(rng.randint(3, 5)):
        run.append((after_ms, _at(place, rng, spread=0.002)))
        after_ms += rng.randint(*_PAUSE_MS)
    return run


def _target(page: Page, rng: Random) -> _Target:
    """One of the page's; the first are clicked most."""
    targets = _TARGETS.get(page.kind, _USUAL)
    return targets[int(len(targets) * rng.random() ** 1.3)]


def _at(target: _Target, rng: Random, *, spread: float) -> Action:
    return Action(
        event_type=EventType.CLICK,
        properties=properties(
            element=target.element,
            text=target.text,
            x=round(min(1.0, max(0.0, rng.gauss(target.x, spread))), 3),
            y=round(min(1.0, max(0.0, rng.gauss(target.y, spread))), 3),
        ),
    )
