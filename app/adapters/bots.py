"""user agent -> whether a program sent the event, why, and whose program it is."""

from __future__ import annotations

import re
from functools import lru_cache

import ua_parser
from is_bot import Bots

from app.events.enriched import BotVerdict
from app.events.vocabulary import BotReason

CACHED = 16_384

#: (pattern in the user agent, name, reason); the first that is found names the program.
_KNOWN: tuple[tuple[str, str, BotReason], ...] = (
    ("ChatGPT-User", "ChatGPT-User", BotReason.AI_FETCHER),
    ("Perplexity-User", "Perplexity-User", BotReason.AI_FETCHER),
    ("Claude-User", "Claude-User", BotReason.AI_FETCHER),
    ("Claude-SearchBot", "Claude-SearchBot", BotReason.AI_CRAWLER),
    ("MistralAI-User", "MistralAI-User", BotReason.AI_FETCHER),
    ("DuckAssistBot", "DuckAssistBot", BotReason.AI_FETCHER),
    ("Meta-ExternalFetcher", "Meta-ExternalFetcher", BotReason.AI_FETCHER),
    ("OAI-SearchBot", "OAI-SearchBot", BotReason.AI_CRAWLER),
    ("GPTBot", "GPTBot", BotReason.AI_CRAWLER),
    ("ClaudeBot", "ClaudeBot", BotReason.AI_CRAWLER),
    ("anthropic-ai", "anthropic-ai", BotReason.AI_CRAWLER),
    ("PerplexityBot", "PerplexityBot", BotReason.AI_CRAWLER),
    ("CCBot", "CCBot", BotReason.AI_CRAWLER),
    ("Bytespider", "Bytespider", BotReason.AI_CRAWLER),
    ("Amazonbot", "Amazonbot", BotReason.AI_CRAWLER),
    ("meta-externalagent", "meta-externalagent", BotReason.AI_CRAWLER),
    ("cohere-ai", "cohere-ai", BotReason.AI_CRAWLER),
    ("Google-Extended", "Google-Extended", BotReason.AI_CRAWLER),
    ("Diffbot", "Diffbot", BotReason.AI_CRAWLER),
    ("Googlebot", "Googlebot", BotReason.SEARCH_CRAWLER),
    ("AdsBot-Google", "AdsBot-Google", BotReason.SEARCH_CRAWLER),
    ("Mediapartners-Google", "Mediapartners-Google", BotReason.SEARCH_CRAWLER),
    ("bingbot", "bingbot", BotReason.SEARCH_CRAWLER),
    ("msnbot", "msnbot", BotReason.SEARCH_CRAWLER),
    ("BingPreview", "BingPreview", BotReason.SEARCH_CRAWLER),
    ("YandexBot", "YandexBot", BotReason.SEARCH_CRAWLER),
    ("Baiduspider", "Baiduspider", BotReason.SEARCH_CRAWLER),
    ("DuckDuckBot", "DuckDuckBot", BotReason.SEARCH_CRAWLER),
    ("Applebot", "Applebot", BotReason.SEARCH_CRAWLER),
    ("PetalBot", "PetalBot", BotReason.SEARCH_CRAWLER),
    ("SeznamBot", "SeznamBot", BotReason.SEARCH_CRAWLER),
    ("Yahoo! Slurp", "Yahoo! Slurp", BotReason.SEARCH_CRAWLER),
    ("Sogou web spider", "Sogou", BotReason.SEARCH_CRAWLER),
    ("Qwantbot", "Qwantbot", BotReason.SEARCH_CRAWLER),
    ("UptimeRobot", "UptimeRobot", BotReason.MONITOR),
    ("Pingdom", "Pingdom", BotReason.MONITOR),
    ("StatusCake", "StatusCake", BotReason.MONITOR),
    ("Site24x7", "Site24x7", BotReason.MONITOR),
    ("Better Uptime", "Better Uptime", BotReason.MONITOR),
    ("DatadogSynthetics", "Datadog", BotReason.MONITOR),
    ("GTmetrix", "GTmetrix", BotReason.MONITOR),
    ("Chrome-Lighthouse", "Lighthouse", BotReason.AUTOMATION),
    ("HeadlessChrome", "HeadlessChrome", BotReason.AUTOMATION),
    ("PhantomJS", "PhantomJS", BotReason.AUTOMATION),
    ("Selenium", "Selenium", BotReason.AUTOMATION),
    ("Playwright", "Playwright", BotReason.AUTOMATION),
    ("Puppeteer", "Puppeteer", BotReason.AUTOMATION),
    ("Cypress", "Cypress", BotReason.AUTOMATION),
    ("python-requests", "python-requests", BotReason.AUTOMATION),
    ("python-urllib", "python-urllib", BotReason.AUTOMATION),
    ("aiohttp", "aiohttp", BotReason.AUTOMATION),
    ("Go-http-client", "Go-http-client", BotReason.AUTOMATION),
    ("okhttp", "okhttp", BotReason.AUTOMATION),
    ("Scrapy", "Scrapy", BotReason.AUTOMATION),
    ("libwww-perl", "libwww-perl", BotReason.AUTOMATION),
    ("curl/", "curl", BotReason.AUTOMATION),
    ("Wget/", "Wget", BotReason.AUTOMATION),
    ("Java/", "Java", BotReason.AUTOMATION),
)
_NAMED = re.compile("|".join(re.escape(pattern) for pattern, _, _ in _KNOWN), re.IGNORECASE)
_BY_PATTERN = {pattern.lower(): (name, reason) for pattern, name, reason in _KNOWN}


class BotDetector:
    """Judges user agents; answers are cached."""

    def __init__(self) -> None:
        self._bots = Bots()
        self._cached = lru_cache(maxsize=CACHED)(self._judge)

    def judge(self, user_agent: str, *, webdriver: bool) -> BotVerdict:
        """Every reason that holds; no reason: a person. ``webdriver`` is what the browser said of itself."""
        verdict = self._cached(user_agent)
        if not webdriver:
            return verdict
        return BotVerdict(reasons=verdict.reasons | BotReason.WEBDRIVER, name=verdict.name)

    def _judge(self, user_agent: str) -> BotVerdict:
        if not user_agent.strip():
            return BotVerdict(reasons=BotReason.EMPTY_USER_AGENT)
        reasons, name = BotReason.NONE, ""
        if match := _NAMED.search(user_agent):
            name, reasons = _BY_PATTERN[match[0].lower()]
        if self._bots.is_bot(user_agent):
            reasons |= BotReason.USER_AGENT
        parsed = ua_parser.parse(user_agent)
        if parsed.device and parsed.device.family == "Spider":
            reasons |= BotReason.SPIDER
            name = name or (parsed.user_agent.family if parsed.user_agent else "")
        return BotVerdict(reasons=reasons, name=name)
