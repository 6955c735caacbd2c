"""What a visitor does on a simulated site: pages in their order and what happens on each; no times."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import msgspec

from app.events.vocabulary import EventType, ReservedName
from app.traffic.catalogue import Page, PageKind, Site, SiteKind

Value = str | int | float


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens on a page and makes an event."""

    event_type: EventType
    name: str = ""
    properties: msgspec.Raw = msgspec.Raw(b"{}")


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A page view and the actions on it, in their order."""

    page: Page
    query: str = ""
    actions: tuple[Action, ...] = ()


class Mind(msgspec.Struct, frozen=True, kw_only=True):
    """What sways a visitor: the variant that they are shown, their intent (1: usual), and an account."""

    variant: int
    intent: float = 1.0
    is_member: bool = False


def plan(site: Site, *, mind: Mind, rng: Random) -> list[Stop]:
    """The stops of one visit; never empty. The steps of a funnel come in their order."""
    return _PLANS[site.kind](site, mind, rng)


def out_of_date(site: Site, *, rng: Random) -> Stop:
    """The page that an old link leads to: it is not there any more."""
    return Stop(page=rng.choice(site.of(PageKind.MISSING)))


def properties(**values: Value) -> msgspec.Raw:
    """Properties as an event carries them."""
    return msgspec.Raw(msgspec.json.encode(values))


def popular(pages: tuple[Page, ...], *, rng: Random) -> Page:
    """One of the pages; the first are the most popular."""
    return pages[int(len(pages) * rng.random() ** 1.8)]


def _plan_shop(site: Site, mind: Mind, rng: Random) -> list[Stop]:
    """Landing, browsing, and for some: product -> cart -> checkout -> purchase."""
    stops = [_shop_page(site, rng)]
    if rng.random() < 0.1:
        newsletter = _custom(ReservedName.ALIAS, previous_id=f"newsletter-{rng.getrandbits(32):08x}")
        logged_in = (_form("login", fields=2), _custom(ReservedName.IDENTIFY), newsletter)
        stops.append(Stop(page=site.of(PageKind.HOME)[0], actions=logged_in))
    while rng.random() < 0.6 and len(stops) < 15:
        stops.append(_shop_page(site, rng))
    if rng.random() >= _chance(0.2, mind):
        return stops
    product = popular(site.of(PageKind.PRODUCT), rng=rng)
    quantity = 1 if product.price > 100 else rng.randint(1, 3)
    stops.append(Stop(page=product, actions=_add_to_cart(product, quantity)))
    stops.append(Stop(page=site.of(PageKind.CART)[0], actions=(_exposure(site, mind),)))
    if rng.random() < _converted(site, mind):
        stops += _order(site, product, quantity, rng)
    elif rng.random() < 0.78:
        stops += _order_given_up(site, rng)
    return stops


def _plan_blog(site: Site, mind: Mind, rng: Random) -> list[Stop]:
    """Mostly one article, read or left; some watch its video, some subscribe."""
    landing = popular(site.of(PageKind.ARTICLE), rng=rng) if rng.random() < 0.8 else site.pages[0]
    stops = [Stop(page=landing, actions=_reading(landing, rng))]
    while rng.random() < 0.42 and len(stops) < 10:
        kind = PageKind.ARTICLE if rng.random() < 0.75 else PageKind.LIST
        page = popular(site.of(kind), rng=rng)
        stops.append(Stop(page=page, actions=_reading(page, rng)))
    article = popular(site.of(PageKind.ARTICLE), rng=rng)
    if rng.random() < 0.6:
        subscribes = rng.random() < _converted(site, mind)
        then = (_form("newsletter", fields=1), _goal("newsletter")) if subscribes else ()
        stops.append(Stop(page=article, actions=(_exposure(site, mind), *then)))
    return stops


def _plan_saas(site: Site, mind: Mind, rng: Random) -> list[Stop]:
    """Members work in the app; others read, and for some: pricing -> sign-up -> app."""
    if mind.is_member:
        return _plan_member(site, rng)
    kinds = (PageKind.HOME, PageKind.LIST, PageKind.DOCS)
    stops = [Stop(page=popular(site.of(rng.choices(kinds, (5, 2, 3))[0]), rng=rng))]
    while rng.random() < 0.5 and len(stops) < 10:
        stops.append(Stop(page=popular(site.of(rng.choices(kinds, (1, 4, 3))[0]), rng=rng)))
    if rng.random() >= _chance(0.35, mind):
        return stops
    stops.append(Stop(page=site.of(PageKind.PRICING)[0], actions=(_exposure(site, mind),)))
    if rng.random() < _converted(site, mind):
        stops += _sign_up(site)
    elif rng.random() < 0.25:
        stops.append(Stop(page=site.of(PageKind.SIGNUP)[0]))
    return stops


def _plan_member(site: Site, rng: Random) -> list[Stop]:
    app = site.of(PageKind.APP)[0]
    actions = [_custom(ReservedName.IDENTIFY)]
    if rng.random() < 0.5:
        actions.append(_custom("roster_published", people=rng.randint(3, 40)))
    stops = [Stop(page=app, actions=tuple(actions))]
    while rng.random() < 0.4 and len(stops) < 8:
        stops.append(Stop(page=popular(site.of(PageKind.DOCS), rng=rng)))
    return stops


_PLANS: dict[SiteKind, Callable[[Site, Mind, Random], list[Stop]]] = {
    SiteKind.SHOP: _plan_shop,
    SiteKind.BLOG: _plan_blog,
    SiteKind.SAAS: _plan_saas,
}


def _chance(base: float, mind: Mind) -> float:
    return min(0.95, base * mind.intent)


def _converted(site: Site, mind: Mind) -> float:
    return _chance(site.experiment.rates[mind.variant], mind)


def _shop_page(site: Site, rng: Random) -> Stop:
    kinds = (PageKind.PRODUCT, PageKind.LIST, PageKind.HOME, PageKind.SEARCH)
    kind = rng.choices(kinds, (9, 5, 3, 1))[0]
    page = popular(site.of(kind), rng=rng)
    if kind is not PageKind.SEARCH:
        return Stop(page=page)
    words = rng.choice(("helmet", "city bike", "tyre 40", "lock"))
    found = _custom("search", words=len(words.split()), results=rng.randint(0, 30))
    return Stop(page=page, query=f"q={words.replace(' ', '+')}", actions=(found,))


def _add_to_cart(product: Page, quantity: int) -> tuple[Action, ...]:
    click = Action(
        event_type=EventType.CLICK,
        properties=properties(element="main > form > button.buy", text="Add to cart", x=0.78, y=0.34),
    )
    added = _custom("add_to_cart", product=product.path, price=product.price, quantity=quantity)
    return click, added


def _order(site: Site, product: Page, quantity: int, rng: Random) -> list[Stop]:
    buyer = (_custom(ReservedName.IDENTIFY),) if rng.random() < 0.6 else ()
    shipping = 0.0 if product.price * quantity > 60 else 4.9
    purchase = _custom(
        ReservedName.PURCHASE,
        revenue=round(product.price * quantity + shipping, 2),
        currency=site.currency,
        order_id=f"{site.site_id}-{rng.getrandbits(40):010x}",
    )
    checkout, to, payment = site.of(PageKind.CHECKOUT)
    return [
        Stop(page=checkout, actions=(*buyer, _form("checkout", fields=9))),
        Stop(page=to, actions=(_form("shipping", fields=2),)),
        Stop(page=payment, actions=(_form("payment", fields=4),)),
        Stop(page=site.of(PageKind.THANKS)[0], actions=(purchase,)),
    ]


def _order_given_up(site: Site, rng: Random) -> list[Stop]:
    """As far as the checkout came; most turn back where they see what shipping costs."""
    checkout, to, payment = site.of(PageKind.CHECKOUT)
    stops = [Stop(page=checkout)]
    if rng.random() < 0.9:
        stops.append(Stop(page=to))
        if rng.random() < 0.1:
            stops.append(Stop(page=payment))
    return stops


def _sign_up(site: Site) -> list[Stop]:
    done = (_form("signup", fields=3), _custom(ReservedName.IDENTIFY), _goal("signup"))
    return [
        Stop(page=site.of(PageKind.SIGNUP)[0], actions=done),
        Stop(page=site.of(PageKind.APP)[0], actions=(_custom("roster_created", people=1),)),
    ]


def _reading(page: Page, rng: Random) -> tuple[Action, ...]:
    actions = []
    if page.video and rng.random() < 0.35:
        started = properties(video=page.video, position_s=0)
        actions.append(Action(event_type=EventType.VIDEO_PLAY, properties=started))
    if page.kind is PageKind.ARTICLE and rng.random() < 0.03:
        actions.append(_custom("share", by=rng.choice(("link", "mail", "mastodon"))))
    return tuple(actions)


def _exposure(site: Site, mind: Mind) -> Action:
    experiment = site.experiment
    variant = experiment.variants[mind.variant]
    return _custom(ReservedName.EXPOSURE, experiment=experiment.name, variant=variant)


def _form(form: str, *, fields: int) -> Action:
    return Action(event_type=EventType.FORM_SUBMIT, properties=properties(form=form, fields=fields))


def _goal(goal: str) -> Action:
    return _custom(ReservedName.GOAL, goal=goal)


def _custom(name: str, **values: Value) -> Action:
    return Action(event_type=EventType.CUSTOM_EVENT, name=name, properties=properties(**values))
