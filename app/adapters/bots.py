"""user agent and other signs -> whether a program sent the event, why, and whose program it is."""

from __future__ import annotations

import re
from functools import lru_cache

import ua_parser
from is_bot import Bots

from app.events.enriched import BotVerdict
from app.events.vocabulary import BotReason

#: User agents remembered; a busy site sees a few thousand different ones.
CACHED = 8192

#: Reason -> what such programs have in their user agent, which is also their name; ``~`` is a space.
_KNOWN = {
    BotReason.AI_FETCHER: """
        ChatGPT-User Perplexity-User Claude-User MistralAI-User DuckAssistBot Meta-ExternalFetcher Manus-User
        Gemini-Deep-Research Google-NotebookLM GrokDeepSearch Grok-DeepSearch Amzn-User Devin/ NovaAct""",
    BotReason.AI_CRAWLER: """
        GPTBot OAI-SearchBot ClaudeBot Claude-SearchBot Claude-Web anthropic-ai PerplexityBot CCBot Bytespider
        TikTokSpider Amazonbot Amzn-SearchBot meta-externalagent meta-webindexer FacebookBot cohere-ai
        cohere-training-data-crawler Google-Extended Google-CloudVertexBot Applebot-Extended AI2Bot Diffbot
        Omgilibot omgili ImagesiftBot PanguBot Timpibot YouBot DeepSeekBot xAI-Bot GrokBot ICC-Crawler
        img2dataset LAIONDownloader Webzio-Extended""",
    BotReason.SEARCH_CRAWLER: """
        Googlebot GoogleOther Google-InspectionTool Storebot-Google AdsBot-Google Mediapartners-Google bingbot
        adidxbot BingPreview msnbot YandexBot YandexImages YandexMobileBot YandexAccessibilityBot
        YandexRenderResourcesBot Baiduspider DuckDuckBot DuckDuckGo-Favicons-Bot Applebot PetalBot SeznamBot
        Slurp Sogou Qwantify Qwantbot Yeti/ Daumoa 360Spider coccocbot MojeekBot Exabot Bravebot Kagibot
        Mail.RU_Bot YandexDirect Google~Web~Preview Google~favicon EasouSpider YisouSpider VoilaBot""",
    BotReason.MONITOR: """
        UptimeRobot Pingdom StatusCake Site24x7 BetterUptime BetterStack DatadogSynthetics GTmetrix
        NewRelicPinger NewRelicSynthetics Catchpoint Checkly Freshping HetrixTools Uptime-Kuma updown.io
        Zabbix check_http GoogleStackdriverMonitoring Amazon-Route53-Health-Check-Service ELB-HealthChecker
        kube-probe RuxitSynthetic Montastic Uptimia SentryUptimeBot""",
    BotReason.AUTOMATION: """
        Lighthouse HeadlessChrome HeadlessEdg PhantomJS SlimerJS Selenium Playwright Puppeteer Cypress/ PTST/
        python-requests python-httpx Python-urllib aiohttp PycURL Scrapy Go-http-client okhttp libwww-perl
        curl/ libcurl Wget/ Java/ Apache-HttpClient node-fetch axios/ undici PostmanRuntime Insomnia/
        RestSharp GuzzleHttp HTTPie Faraday k6/ ApacheBench Apache-JMeter WindowsPowerShell Deno/ reqwest
        libfetch HTTP_Request2 Chef~Client Indy~Library""",
}
_BY_TOKEN = {
    token.lower(): (token.rstrip("/"), reason)
    for reason, tokens in _KNOWN.items()
    for token in (listed.replace("~", " ") for listed in tokens.split())
}
# TRICKY: the longest first, or Applebot-Extended would be an Applebot; and no letter before, for CCBot is no
# part of a word.
_TOKENS = re.compile(
    rf"(?<![a-z])(?:{'|'.join(map(re.escape, sorted(_BY_TOKEN, key=len, reverse=True)))})", re.IGNORECASE
)
#: What a program that does not pretend to be a browser begins its user agent with.
_PRODUCT = re.compile(r"(?!Mozilla\b|Opera\b)[A-Za-z][\w.-]*(?: [A-Za-z][\w.-]*)*")
#: Where one that does pretend says what it is: "(compatible; NAME/1.0 ...", "(NAME/1.1; +http://...".
_INSIDE = re.compile(r"\(compatible; ([A-Za-z][\w. -]{0,63})/|\(([A-Za-z][\w.-]{0,63})/[\w.]{1,16}; \+?http")
#: The browser of plain phones, whose "(HTTPS)" and lack of a Mozilla the patterns of ``is_bot`` trip over.
_PHONE = re.compile(r"(?<![a-z])MAUI\b", re.IGNORECASE)
_PLAIN = re.compile(r"[a-z0-9 /_=-]+")


class BotDetector:
    """Judges user agents; answers are cached."""

    def __init__(self) -> None:
        self._looks_like_bot = _Patterns(Bots().patterns)
        # Here, and not at the first event, the parser loads its patterns.
        self._parse = ua_parser.parser.parse
        self._cached = lru_cache(maxsize=CACHED)(self._judge)

    def judge(self, user_agent: str, *, also: BotReason = BotReason.NONE) -> BotVerdict:
        """Every reason that holds; no reason: a person. ``also``: those that do not lie in the user agent."""
        verdict = self._cached(user_agent)
        return BotVerdict(reasons=verdict.reasons | also, name=verdict.name) if also else verdict

    def _judge(self, user_agent: str) -> BotVerdict:
        # Servers write a header that was not sent as a dash.
        if not user_agent.strip(" -"):
            return BotVerdict(reasons=BotReason.EMPTY_USER_AGENT)
        name, reasons = "", BotReason.NONE
        if match := _TOKENS.search(user_agent):
            name, reasons = _BY_TOKEN[match[0].lower()]
        if self._looks_like_bot(user_agent) and not _PHONE.search(user_agent):
            reasons |= BotReason.USER_AGENT
        parsed = self._parse(user_agent)
        family = ""
        if parsed.device and parsed.device.family == "Spider":
            reasons |= BotReason.SPIDER
            family = parsed.user_agent.family if parsed.user_agent else ""
        if reasons and not name:
            name = _own_name(user_agent) or family
        return BotVerdict(reasons=reasons, name=name[:64])


def _own_name(user_agent: str) -> str:
    """What a program calls itself; empty where it says nothing but a browser's name."""
    if product := _PRODUCT.match(user_agent):
        return product[0]
    if inside := _INSIDE.search(user_agent):
        return inside[1] or inside[2]
    return ""


class _Patterns:
    """The patterns of ``is_bot``: for ASCII text the same answer as its own search, in a third of the time.

    Half of them are plain text and a third belong at the beginning, while one alternation of all tries each
    at every character. A miss of the cache is what a sender of invented user agents buys.
    """

    def __init__(self, patterns: frozenset[str]) -> None:
        plain = {pattern for pattern in patterns if _PLAIN.fullmatch(pattern)}
        first = {pattern for pattern in patterns - plain if pattern.startswith("^") and _is_standard(pattern)}
        self._plain = tuple(sorted(plain))
        self._first = re.compile("|".join(sorted(first)) or "(?!)", re.IGNORECASE)
        self._others = Bots(patterns - plain - first)

    def __call__(self, user_agent: str) -> bool:
        lower = user_agent.lower()
        return (
            any(text in lower for text in self._plain)
            or self._first.match(user_agent) is not None
            or self._others.is_bot(user_agent)
        )


def _is_standard(pattern: str) -> bool:
    """Whether the standard library reads a pattern, too; ``is_bot`` has another engine."""
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
