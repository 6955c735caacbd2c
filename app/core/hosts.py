"""host -> what kind of place it is and what it is called: facts about referring sites. Tables and a look-up.

A row holds for the host and everything below it; the most specific row wins, so that mail.google.com is not
google.com. Names are matched label by label, never as parts of words.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from app.events.vocabulary import SourceKind


class Place(msgspec.Struct, frozen=True, gc=False):
    """What is known of a host: kind, the name of the source, and the query parameter with the search term."""

    kind: SourceKind
    name: str
    term: str = ""


_SEARCH = {
    "bing.com": ("bing", "q"),
    "duckduckgo.com": ("duckduckgo", "q"),
    "ecosia.org": ("ecosia", "q"),
    "qwant.com": ("qwant", "q"),
    "startpage.com": ("startpage", "query"),
    "search.brave.com": ("brave", "q"),
    "baidu.com": ("baidu", "wd"),
    "sogou.com": ("sogou", "query"),
    "so.com": ("360", "q"),
    "naver.com": ("naver", "query"),
    "search.daum.net": ("daum", "q"),
    "seznam.cz": ("seznam", "q"),
    "ya.ru": ("yandex", "text"),
    "go.mail.ru": ("mail.ru", "q"),
    "ask.com": ("ask", "q"),
    "search.aol.com": ("aol", "q"),
    "kagi.com": ("kagi", "q"),
    "mojeek.com": ("mojeek", "q"),
    "swisscows.com": ("swisscows", "query"),
    "metager.org": ("metager", "eingabe"),
    "metager.de": ("metager", "eingabe"),
    "search.yahoo.com": ("yahoo", "p"),
    "yahoo.com": ("yahoo", "p"),
    "coccoc.com": ("coccoc", "query"),
    "dogpile.com": ("dogpile", "q"),
    "lite.duckduckgo.com": ("duckduckgo", "q"),
    "presearch.com": ("presearch", "q"),
    "lycos.com": ("lycos", "q"),
    "search.lilo.org": ("lilo", "q"),
    "yep.com": ("yep", "q"),
    "isearch.avg.com": ("avg", "q"),
    "search.babylon.com": ("babylon", "q"),
    "search.conduit.com": ("conduit", "q"),
}

#: Sites with a domain for many countries: google.de, google.co.uk, google.com.br.
_BY_COUNTRY = {
    "google": Place(SourceKind.SEARCH, "google", "q"),
    "yandex": Place(SourceKind.SEARCH, "yandex", "text"),
    "yahoo": Place(SourceKind.SEARCH, "yahoo", "p"),
    "amazon": Place(SourceKind.SHOPPING, "amazon"),
    "ebay": Place(SourceKind.SHOPPING, "ebay"),
}
_SECOND_LEVEL = frozenset({"co", "com", "org", "net"})

_NAMED: dict[SourceKind, dict[str, str]] = {
    SourceKind.AI_ASSISTANT: {
        "chatgpt.com": "chatgpt",
        "chat.openai.com": "chatgpt",
        "perplexity.ai": "perplexity",
        "claude.ai": "claude",
        "gemini.google.com": "gemini",
        "bard.google.com": "gemini",
        "copilot.microsoft.com": "copilot",
        "copilot.cloud.microsoft": "copilot",
        "chat.deepseek.com": "deepseek",
        "chat.mistral.ai": "mistral",
        "grok.com": "grok",
        "meta.ai": "meta_ai",
        "you.com": "you",
        "poe.com": "poe",
        "phind.com": "phind",
        "notebooklm.google.com": "notebooklm",
        "doubao.com": "doubao",
        "kimi.com": "kimi",
        "duck.ai": "duck.ai",
    },
    SourceKind.SOCIAL: {
        "facebook.com": "facebook",
        "fb.com": "facebook",
        "fb.me": "facebook",
        "messenger.com": "facebook",
        "instagram.com": "instagram",
        "threads.net": "threads",
        "threads.com": "threads",
        "twitter.com": "twitter",
        "x.com": "twitter",
        "t.co": "twitter",
        "linkedin.com": "linkedin",
        "lnkd.in": "linkedin",
        "reddit.com": "reddit",
        "redd.it": "reddit",
        "pinterest.com": "pinterest",
        "pin.it": "pinterest",
        "quora.com": "quora",
        "tumblr.com": "tumblr",
        "vk.com": "vk",
        "ok.ru": "ok",
        "weibo.com": "weibo",
        "weibo.cn": "weibo",
        "xing.com": "xing",
        "snapchat.com": "snapchat",
        "whatsapp.com": "whatsapp",
        "web.whatsapp.com": "whatsapp",
        "wa.me": "whatsapp",
        "t.me": "telegram",
        "web.telegram.org": "telegram",
        "telegram.org": "telegram",
        "discord.com": "discord",
        "discord.gg": "discord",
        "mastodon.social": "mastodon",
        "mastodon.online": "mastodon",
        "mstdn.social": "mastodon",
        "bsky.app": "bluesky",
        "news.ycombinator.com": "hackernews",
        "lobste.rs": "lobsters",
        "stackoverflow.com": "stackoverflow",
        "stackexchange.com": "stackexchange",
        "slashdot.org": "slashdot",
        "stumbleupon.com": "stumbleupon",
        "digg.com": "digg",
        "delicious.com": "delicious",
        "plus.google.com": "google_plus",
        "plus.url.google.com": "google_plus",
        "meetup.com": "meetup",
        "nextdoor.com": "nextdoor",
        "disqus.com": "disqus",
        "kakao.com": "kakao",
        "line.me": "line",
        "slack.com": "slack",
        "teams.microsoft.com": "teams",
    },
    SourceKind.EMAIL: {
        "mail.google.com": "gmail",
        "mail.yahoo.com": "yahoo_mail",
        "mail.yahoo.co.jp": "yahoo_mail",
        "outlook.live.com": "outlook",
        "outlook.office.com": "outlook",
        "outlook.office365.com": "outlook",
        "mail.live.com": "outlook",
        "mail.aol.com": "aol_mail",
        "mail.proton.me": "proton_mail",
        "mail.protonmail.com": "proton_mail",
        "mail.zoho.com": "zoho_mail",
        "mail.yandex.ru": "yandex_mail",
        "mail.yandex.com": "yandex_mail",
        "e.mail.ru": "mail.ru",
        "fastmail.com": "fastmail",
        "deref-gmx.net": "gmx",
        "deref-web.de": "web.de",
        "mail.qq.com": "qq_mail",
        "mail.163.com": "163_mail",
        "icloud.com": "icloud",
    },
    SourceKind.VIDEO: {
        "youtube.com": "youtube",
        "youtu.be": "youtube",
        "youtube-nocookie.com": "youtube",
        "vimeo.com": "vimeo",
        "dailymotion.com": "dailymotion",
        "twitch.tv": "twitch",
        "tiktok.com": "tiktok",
        "bilibili.com": "bilibili",
        "rumble.com": "rumble",
        "wistia.com": "wistia",
        "netflix.com": "netflix",
        "odysee.com": "odysee",
        "nicovideo.jp": "niconico",
        "youku.com": "youku",
    },
    SourceKind.SHOPPING: {
        "shopping.google.com": "google_shopping",
        "etsy.com": "etsy",
        "walmart.com": "walmart",
        "aliexpress.com": "aliexpress",
        "alibaba.com": "alibaba",
        "idealo.de": "idealo",
        "shopzilla.com": "shopzilla",
        "pricegrabber.com": "pricegrabber",
        "shopify.com": "shopify",
        "shop.app": "shop_app",
        "mercadolibre.com": "mercadolibre",
        "rakuten.co.jp": "rakuten",
        "taobao.com": "taobao",
        "otto.de": "otto",
        "zalando.de": "zalando",
        "geizhals.de": "geizhals",
        "geizhals.at": "geizhals",
        "bestbuy.com": "bestbuy",
        "target.com": "target",
    },
    SourceKind.NEWS: {
        "news.google.com": "google_news",
        "flipboard.com": "flipboard",
        "feedly.com": "feedly",
        "news.yahoo.com": "yahoo_news",
        "smartnews.com": "smartnews",
        "inoreader.com": "inoreader",
        "getpocket.com": "pocket",
    },
    # Below a search engine's or a network's domain, and neither.
    SourceKind.OTHER: {
        "docs.google.com": "docs.google.com",
        "drive.google.com": "drive.google.com",
        "sites.google.com": "sites.google.com",
        "groups.google.com": "groups.google.com",
        "meet.google.com": "meet.google.com",
        "calendar.google.com": "calendar.google.com",
        "classroom.google.com": "classroom.google.com",
        "translate.google.com": "translate.google.com",
        "accounts.google.com": "accounts.google.com",
        "developers.google.com": "developers.google.com",
        "support.google.com": "support.google.com",
        "cloud.google.com": "cloud.google.com",
        "maps.google.com": "maps.google.com",
        "play.google.com": "play.google.com",
        "aws.amazon.com": "aws.amazon.com",
        "finance.yahoo.com": "finance.yahoo.com",
    },
}

#: What an Android app calls itself in ``android-app://``.
_APPS = {
    "com.google.android.googlequicksearchbox": Place(SourceKind.SEARCH, "google"),
    "com.google.android.gm": Place(SourceKind.EMAIL, "gmail"),
    "com.google.android.youtube": Place(SourceKind.VIDEO, "youtube"),
    "com.linkedin.android": Place(SourceKind.SOCIAL, "linkedin"),
    "com.reddit.frontpage": Place(SourceKind.SOCIAL, "reddit"),
    "com.facebook.katana": Place(SourceKind.SOCIAL, "facebook"),
    "com.instagram.android": Place(SourceKind.SOCIAL, "instagram"),
    "com.twitter.android": Place(SourceKind.SOCIAL, "twitter"),
    "com.pinterest": Place(SourceKind.SOCIAL, "pinterest"),
    "com.slack": Place(SourceKind.SOCIAL, "slack"),
    "org.telegram.messenger": Place(SourceKind.SOCIAL, "telegram"),
    "com.openai.chatgpt": Place(SourceKind.AI_ASSISTANT, "chatgpt"),
    "com.duckduckgo.mobile.android": Place(SourceKind.SEARCH, "duckduckgo"),
}

_PLACES = {host: Place(SourceKind.SEARCH, name, term) for host, (name, term) in _SEARCH.items()} | {
    host: Place(kind, name) for kind, hosts in _NAMED.items() for host, name in hosts.items()
}


@lru_cache(maxsize=8192)
def place_of(host: str) -> Place:
    """What is known of ``host`` (lower case); an unknown host is OTHER under its own name, less ``www.``."""
    labels = host.split(".")
    for start in range(len(labels) - 1):
        if found := _PLACES.get(".".join(labels[start:])):
            return found
        if found := _by_country(labels[start:]):
            return found
    return Place(SourceKind.OTHER, host.removeprefix("www."))


def place_of_app(package: str) -> Place:
    """What is known of an Android app, by its package name."""
    return _APPS.get(package, Place(SourceKind.OTHER, package))


def _by_country(labels: list[str]) -> Place | None:
    """``google.de``, ``google.co.uk``: a known name right before a country's domain."""
    name, *suffix = labels
    if name not in _BY_COUNTRY:
        return None
    is_domain = len(suffix) == 1 or (len(suffix) == 2 and suffix[0] in _SECOND_LEVEL)
    is_country = len(suffix[-1]) == 2 or suffix == ["com"]
    return _BY_COUNTRY[name] if is_domain and is_country else None
