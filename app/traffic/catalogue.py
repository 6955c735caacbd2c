"""The simulated sites: their pages, products, campaigns and experiments. Tables, no logic."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.site_settings import SiteSettings


class PageKind(StrEnum):
    """What a page is for."""

    HOME = "home"
    LIST = "list"
    SEARCH = "search"
    PRODUCT = "product"
    ARTICLE = "article"
    DOCS = "docs"
    CART = "cart"
    CHECKOUT = "checkout"
    THANKS = "thanks"
    PRICING = "pricing"
    SIGNUP = "signup"
    APP = "app"
    MISSING = "missing"


class SiteKind(StrEnum):
    """What visitors come for; decides how they go through the site."""

    SHOP = "shop"
    BLOG = "blog"
    SAAS = "saas"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page; ``weight`` multiplies its load times, ``read_s`` is how long it is usually looked at.

    ``slowdown`` multiplies its weight once it became slower, which is in the traffic's last days.
    """

    kind: PageKind
    path: str
    title: str
    weight: float = 1.0
    slowdown: float = 1.0
    read_s: float = 25.0
    price: float = 0.0
    video: str = ""


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An A/B test; ``rates`` are the true conversion rates of those who are exposed, by variant."""

    name: str
    variants: tuple[str, ...]
    rates: tuple[float, ...]


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site, its share of all visits and its part of the world (see ``audience.PLACES``).

    ``campaigns`` is what its advertisements are called, ``terms`` what it is searched for by.
    """

    site_id: str
    kind: SiteKind
    domain: str
    timezone: str
    share: float
    places: tuple[str, ...]
    pages: tuple[Page, ...]
    campaigns: tuple[str, ...]
    terms: tuple[str, ...]
    experiment: Experiment
    currency: str = "EUR"

    def of(self, kind: PageKind) -> tuple[Page, ...]:
        """Its pages of one kind."""
        return tuple(page for page in self.pages if page.kind is kind)

    @property
    def slowed(self) -> Site:
        """The site as it is once its pages became slower."""
        pages = tuple(
            msgspec.structs.replace(page, weight=page.weight * page.slowdown) for page in self.pages
        )
        return msgspec.structs.replace(self, pages=pages)


def simulated_sites() -> dict[str, SiteSettings]:
    """What the settings should say of the simulated sites, by site id."""
    return {site.site_id: SiteSettings(timezone=site.timezone, domains=(site.domain,)) for site in SITES}


def _products(*rows: tuple[str, str, float]) -> tuple[Page, ...]:
    return tuple(
        Page(kind=PageKind.PRODUCT, path=f"/products/{slug}", title=title, weight=1.1, read_s=35, price=price)
        for slug, title, price in rows
    )


def _articles(*rows: tuple[str, str, float, str]) -> tuple[Page, ...]:
    return tuple(
        Page(kind=PageKind.ARTICLE, path=f"/posts/{slug}", title=title, read_s=read_s, video=video)
        for slug, title, read_s, video in rows
    )


def _docs(*rows: tuple[str, str]) -> tuple[Page, ...]:
    return tuple(
        Page(kind=PageKind.DOCS, path=f"/docs/{slug}", title=title, weight=0.6, read_s=60)
        for slug, title in rows
    )


SHOP = Site(
    site_id="shop",
    kind=SiteKind.SHOP,
    domain="shop.example",
    timezone="Europe/Berlin",
    share=0.45,
    places=("DE", "AT", "FR", "GB", "ES", "PL", "US"),
    pages=(
        Page(kind=PageKind.HOME, path="/", title="Bicycles and parts", weight=1.3, read_s=15),
        Page(
            kind=PageKind.LIST, path="/category/city", title="City bikes", weight=1.2, slowdown=2.2, read_s=20
        ),
        Page(kind=PageKind.LIST, path="/category/gravel", title="Gravel bikes", weight=1.2, read_s=20),
        Page(kind=PageKind.LIST, path="/category/parts", title="Parts", weight=1.4, read_s=20),
        Page(kind=PageKind.SEARCH, path="/search", title="Search results", weight=1.5, read_s=12),
        *_products(
            ("commuter-7", "Commuter 7 city bike", 749.0),
            ("gravel-one", "Gravel One", 1899.0),
            ("helmet-air", "Air helmet", 89.9),
            ("bell-brass", "Brass bell", 19.5),
            ("pannier-20", "Pannier 20 l", 64.0),
            ("lock-u13", "U-lock 13 mm", 49.9),
            ("light-set", "Light set", 39.9),
            ("saddle-gel", "Gel saddle", 34.5),
            ("chain-11s", "Chain, 11-speed", 27.9),
            ("tyre-40", "Tyre 700 x 40", 44.9),
            ("pump-mini", "Mini pump", 24.0),
            ("kids-16", "Kids 16 bike", 329.0),
        ),
        Page(kind=PageKind.CART, path="/cart", title="Your cart", weight=0.7, read_s=20),
        Page(kind=PageKind.CHECKOUT, path="/checkout", title="Checkout", weight=0.8, read_s=60),
        Page(kind=PageKind.CHECKOUT, path="/checkout/shipping", title="Shipping", weight=0.8, read_s=30),
        Page(kind=PageKind.CHECKOUT, path="/checkout/payment", title="Payment", weight=0.9, read_s=45),
        Page(kind=PageKind.THANKS, path="/order/thanks", title="Thank you", weight=0.6, read_s=10),
        Page(kind=PageKind.MISSING, path="/sale/winter", title="Page not found", weight=0.5, read_s=8),
    ),
    campaigns=("spring_sale", "brand", "helmets", "newsletter_week"),
    terms=("city bike", "gravel bike", "bike helmet", "u-lock", "pannier 20 l"),
    experiment=Experiment(name="checkout_button", variants=("control", "express"), rates=(0.28, 0.56)),
)

BLOG = Site(
    site_id="blog",
    kind=SiteKind.BLOG,
    domain="blog.example",
    timezone="America/New_York",
    share=0.33,
    places=("US", "US-W", "CA", "GB", "IN", "BR", "AU"),
    pages=(
        Page(kind=PageKind.HOME, path="/", title="Notes on slow cooking", read_s=20),
        Page(kind=PageKind.LIST, path="/topics/bread", title="Bread", read_s=18),
        Page(kind=PageKind.LIST, path="/topics/soups", title="Soups", read_s=18),
        Page(kind=PageKind.SEARCH, path="/search", title="Search", read_s=10),
        *_articles(
            ("sourdough-from-zero", "Sourdough from zero", 150, "sourdough-fold"),
            ("ramen-broth", "A ramen broth that takes two days", 130, "broth"),
            ("onion-soup", "Onion soup", 90, ""),
            ("rye-bread", "Rye bread", 110, "rye-shaping"),
            ("beans", "In praise of beans", 80, ""),
            ("cast-iron", "Cast iron care", 70, ""),
            ("stock-freezer", "A freezer full of stock", 60, ""),
            ("pizza-dough", "Pizza dough, three days", 120, "pizza-stretch"),
            ("braise", "How to braise anything", 140, ""),
            ("knives", "Two knives are enough", 75, ""),
            ("pickles", "Quick pickles", 45, ""),
            ("granola", "Granola", 40, ""),
        ),
        Page(kind=PageKind.MISSING, path="/2019/soda-bread", title="Page not found", weight=0.5, read_s=8),
    ),
    campaigns=("newsletter_sunday", "bread_course"),
    terms=("sourdough recipe", "ramen broth", "onion soup", "rye bread", "pizza dough"),
    experiment=Experiment(name="subscribe_box", variants=("bottom", "middle"), rates=(0.035, 0.07)),
)

SAAS = Site(
    site_id="saas",
    kind=SiteKind.SAAS,
    domain="saas.example",
    # Half an hour off the full hours of UTC: days and hours of this site test what is rounded where.
    timezone="Asia/Kolkata",
    share=0.22,
    places=("IN", "US", "US-W", "GB", "DE", "JP", "AU"),
    currency="USD",
    pages=(
        Page(kind=PageKind.HOME, path="/", title="Rosters without spreadsheets", weight=1.4, read_s=30),
        Page(kind=PageKind.LIST, path="/features", title="Features", weight=1.2, slowdown=2.2, read_s=40),
        Page(kind=PageKind.LIST, path="/customers", title="Customers", weight=1.1, read_s=25),
        Page(kind=PageKind.SEARCH, path="/docs/search", title="Search the docs", weight=0.7, read_s=10),
        *_docs(
            ("quickstart", "Quickstart"),
            ("import", "Import a roster"),
            ("api", "API reference"),
            ("webhooks", "Webhooks"),
            ("permissions", "Permissions"),
        ),
        Page(kind=PageKind.PRICING, path="/pricing", title="Pricing", read_s=45, price=29.0),
        Page(kind=PageKind.SIGNUP, path="/signup", title="Create your account", weight=0.8, read_s=40),
        Page(kind=PageKind.APP, path="/app", title="Your rosters", weight=1.6, read_s=120),
        Page(kind=PageKind.MISSING, path="/docs/v1/api", title="Page not found", weight=0.5, read_s=8),
    ),
    campaigns=("brand", "roster_software", "webinar"),
    terms=("shift planner", "staff roster", "roster software", "rota template"),
    experiment=Experiment(name="pricing_table", variants=("three_plans", "two_plans"), rates=(0.12, 0.45)),
)

SITES = (SHOP, BLOG, SAAS)
