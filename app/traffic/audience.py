"""Who visits the simulated sites: places, devices, ways in, and programs. Tables, no logic.

Addresses come from the ranges reserved for documentation (RFC 5737, RFC 3849): each place has its own
networks, so that a test can build a geographic database for them.
"""

from __future__ import annotations

import msgspec

from app.events.wire import ClientHints


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where visitors live; ``ipv4`` is the first of 16 addresses, ``ipv6`` the prefix of a /48."""

    code: str
    country: str
    timezone: str
    languages: tuple[str, ...]
    share: float
    latency: float
    ipv4: str
    ipv6: str


class DeviceModel(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of device and browser; ``slowness`` multiplies load times.

    ``viewport`` is the browser window: all of the screen's width on a phone. Only Chromium reports layout
    shifts and client hints.
    """

    share: float
    user_agent: str
    screens: tuple[tuple[int, int], ...]
    hints: ClientHints = ClientHints()
    slowness: float = 1.0
    is_touch: bool = False
    is_chromium: bool = False


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A way to a site: the referrer and query a visit starts with.

    ``intent`` multiplies the chance to convert. ``{campaign}`` and ``{term}`` are replaced by one of the
    site's, ``{click}`` by a random click id. ``is_regular``: taken by those who have been here before.
    ``is_search``: by search results, some of which are out of date.
    """

    share: float
    referrer: str = ""
    query: str = ""
    intent: float = 1.0
    is_regular: bool = False
    is_search: bool = False


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A bot. One that drives a browser (``webdriver``) also clicks and has a screen."""

    share: float
    user_agent: str
    webdriver: bool = False


def _place(
    number: int, code: str, timezone: str, languages: tuple[str, ...], share: float, latency: float
) -> Place:
    network = ("192.0.2", "198.51.100", "203.0.113")[number % 3]
    return Place(
        code=code,
        country=code[:2],
        timezone=timezone,
        languages=languages,
        share=share,
        latency=latency,
        ipv4=f"{network}.{number // 3 * 16}",
        ipv6=f"2001:db8:{number + 1:x}",
    )


PLACES = {
    place.code: place
    for place in (
        _place(0, "DE", "Europe/Berlin", ("de-DE", "de", "en-US"), 5.0, 0.7),
        _place(1, "AT", "Europe/Vienna", ("de-AT", "de"), 0.8, 0.8),
        _place(2, "FR", "Europe/Paris", ("fr-FR", "fr"), 1.6, 0.8),
        _place(3, "GB", "Europe/London", ("en-GB",), 2.2, 0.8),
        _place(4, "ES", "Europe/Madrid", ("es-ES", "ca"), 0.9, 0.9),
        _place(5, "PL", "Europe/Warsaw", ("pl-PL", "pl"), 0.9, 0.9),
        _place(6, "US", "America/New_York", ("en-US", "es-US"), 4.0, 1.0),
        _place(7, "US-W", "America/Los_Angeles", ("en-US", "zh-CN"), 2.6, 1.1),
        _place(8, "CA", "America/Toronto", ("en-CA", "fr-CA"), 1.0, 1.0),
        _place(9, "BR", "America/Sao_Paulo", ("pt-BR",), 1.2, 1.7),
        _place(10, "IN", "Asia/Kolkata", ("en-IN", "hi-IN"), 3.0, 1.8),
        _place(11, "JP", "Asia/Tokyo", ("ja-JP", "ja"), 1.0, 1.2),
        _place(12, "AU", "Australia/Sydney", ("en-AU",), 0.9, 1.4),
    )
}

_CHROME = '"Chromium";v="138", "Google Chrome";v="138", "Not)A;Brand";v="8"'
_EDGE = '"Chromium";v="138", "Microsoft Edge";v="138", "Not)A;Brand";v="8"'
_SAMSUNG = '"Chromium";v="130", "Samsung Internet";v="28", "Not?A_Brand";v="99"'
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_WIN = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_ANDROID = "Mozilla/5.0 (Linux; Android 10; K)"


def _hints(
    platform: str, version: str, *, brands: str = _CHROME, model: str = "", mobile: bool = False
) -> ClientHints:
    return ClientHints(platform=platform, platform_version=version, brands=brands, model=model, mobile=mobile)


_WIDE = ((1920, 1080), (2560, 1440), (1536, 864), (1366, 768))
_APPLE = ((1440, 900), (1512, 982), (1728, 1117))
_PHONES = ((412, 915), (360, 800), (384, 832))
_IPHONES = ((393, 852), (390, 844), (430, 932), (375, 667))

DEVICES = (
    DeviceModel(
        share=24,
        user_agent=f"{_WIN} {_BLINK} Chrome/138.0.0.0 Safari/537.36",
        screens=_WIDE,
        hints=_hints("Windows", "15.0.0"),
        is_chromium=True,
    ),
    DeviceModel(
        share=8,
        user_agent=f"{_WIN} {_BLINK} Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
        screens=_WIDE,
        hints=_hints("Windows", "10.0.0", brands=_EDGE),
        is_chromium=True,
    ),
    DeviceModel(
        share=4,
        user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
        screens=_WIDE,
    ),
    DeviceModel(
        share=6,
        user_agent=f"{_MAC} {_BLINK} Chrome/138.0.0.0 Safari/537.36",
        screens=_APPLE,
        hints=_hints("macOS", "15.5.0"),
        slowness=0.8,
        is_chromium=True,
    ),
    DeviceModel(
        share=6, user_agent=f"{_MAC} {_WEBKIT} Version/18.5 Safari/605.1.15", screens=_APPLE, slowness=0.8
    ),
    DeviceModel(
        share=2,
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        screens=_WIDE,
    ),
    DeviceModel(
        share=22,
        user_agent=f"{_ANDROID} {_BLINK} Chrome/138.0.0.0 Mobile Safari/537.36",
        screens=_PHONES,
        hints=_hints("Android", "15.0.0", model="Pixel 8", mobile=True),
        slowness=1.9,
        is_touch=True,
        is_chromium=True,
    ),
    DeviceModel(
        share=5,
        user_agent=f"{_ANDROID} {_BLINK} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        screens=_PHONES,
        hints=_hints("Android", "14.0.0", brands=_SAMSUNG, model="SM-A546B", mobile=True),
        slowness=2.3,
        is_touch=True,
        is_chromium=True,
    ),
    DeviceModel(
        share=19,
        user_agent=f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_WEBKIT} "
        "Version/18.5 Mobile/15E148 Safari/604.1",
        screens=_IPHONES,
        slowness=1.4,
        is_touch=True,
    ),
    DeviceModel(
        share=2.5,
        user_agent=f"Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) {_WEBKIT} "
        "Version/17.6 Mobile/15E148 Safari/604.1",
        screens=((820, 1180), (1024, 1366)),
        slowness=1.2,
        is_touch=True,
    ),
    DeviceModel(
        share=1,
        user_agent=f"{_ANDROID} {_BLINK} Chrome/138.0.0.0 Safari/537.36",
        screens=((800, 1280), (1200, 1920)),
        hints=_hints("Android", "14.0.0", model="SM-X210"),
        slowness=1.8,
        is_touch=True,
        is_chromium=True,
    ),
    DeviceModel(
        share=0.5,
        user_agent="Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) "
        "94.0.4606.31/7.0 TV Safari/537.36",
        screens=((1920, 1080),),
        slowness=3.0,
    ),
)

_CPC = "utm_medium=cpc&utm_campaign={campaign}"

ENTRIES = (
    Entry(share=20, is_regular=True, intent=1.1),
    Entry(share=26, referrer="https://www.google.com/", is_search=True),
    Entry(share=3, referrer="https://www.bing.com/search?q={term}", is_search=True),
    Entry(share=2.5, referrer="https://duckduckgo.com/", is_search=True),
    Entry(share=1, referrer="https://www.ecosia.org/search?q={term}", is_search=True),
    Entry(share=3, referrer="https://www.facebook.com/", intent=0.6),
    Entry(share=3, referrer="https://l.instagram.com/", intent=0.5),
    Entry(share=2, referrer="https://t.co/", intent=0.5),
    Entry(share=2, referrer="https://www.reddit.com/", intent=0.7),
    Entry(share=1.5, referrer="https://www.linkedin.com/", intent=0.8),
    Entry(share=1.5, referrer="https://www.youtube.com/", intent=0.7),
    Entry(share=2.5, referrer="https://chatgpt.com/", query="utm_source=chatgpt.com", intent=1.4),
    Entry(share=1, referrer="https://www.perplexity.ai/", intent=1.3),
    Entry(share=0.5, referrer="https://claude.ai/", intent=1.3),
    Entry(share=0.5, referrer="https://gemini.google.com/", intent=1.2),
    Entry(
        share=7,
        query="utm_source=newsletter&utm_medium=email&utm_campaign={campaign}",
        intent=1.8,
        is_regular=True,
    ),
    Entry(share=1, referrer="https://mail.google.com/", intent=1.1, is_regular=True),
    Entry(
        share=7,
        referrer="https://www.google.com/",
        query=f"utm_source=google&{_CPC}&utm_term={{term}}&gclid={{click}}",
        intent=1.15,
    ),
    Entry(
        share=1.5,
        referrer="https://www.bing.com/",
        query=f"utm_source=bing&{_CPC}&msclkid={{click}}",
        intent=1.15,
    ),
    Entry(
        share=4,
        referrer="https://l.facebook.com/",
        query="utm_source=facebook&utm_medium=paid_social&utm_campaign={campaign}&fbclid={click}",
        intent=0.8,
    ),
    Entry(share=1, query="utm_source=dv360&utm_medium=display&utm_campaign={campaign}", intent=0.4),
    Entry(share=1, query="utm_source=youtube&utm_medium=paid_video&utm_campaign={campaign}", intent=0.5),
    Entry(
        share=1.5,
        referrer="https://deals.example/",
        query="utm_source=deals&utm_medium=affiliate&utm_campaign={campaign}",
        intent=1.2,
    ),
    Entry(share=0.5, query="utm_source=sms&utm_medium=sms&utm_campaign={campaign}", is_regular=True),
    Entry(share=0.5, query="utm_source=app&utm_medium=push&utm_campaign={campaign}", is_regular=True),
    Entry(share=2.5, referrer="https://news.ycombinator.com/", intent=0.5),
    Entry(share=3, referrer="https://friends.example/links"),
    Entry(share=1, referrer="https://forum.example/t/1204", intent=1.1),
)

PROGRAMS = (
    Program(share=24, user_agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
    Program(share=12, user_agent="Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
    Program(
        share=12,
        user_agent="Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; "
        "+https://openai.com/gptbot)",
    ),
    Program(
        share=9,
        user_agent="Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; "
        "+claudebot@anthropic.com)",
    ),
    Program(
        share=5,
        user_agent="Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; "
        "+https://openai.com/bot",
    ),
    Program(share=9, user_agent="Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"),
    Program(share=5, user_agent="Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"),
    Program(
        share=4,
        user_agent="Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    ),
    Program(
        share=4,
        user_agent=f"Mozilla/5.0 (Linux; Android 11; moto g power (2022)) {_BLINK} Chrome/136.0.0.0 "
        "Mobile Safari/537.36 Chrome-Lighthouse",
    ),
    Program(
        share=10,
        user_agent=f"Mozilla/5.0 (X11; Linux x86_64) {_BLINK} HeadlessChrome/138.0.0.0 Safari/537.36",
        webdriver=True,
    ),
    Program(share=4, user_agent=f"{_WIN} {_BLINK} Chrome/138.0.0.0 Safari/537.36", webdriver=True),
    Program(share=2, user_agent=""),
)
