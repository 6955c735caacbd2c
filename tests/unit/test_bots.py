"""User agents of programs and of people."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from is_bot import Bots

from app.adapters.bots import BotDetector
from app.events.enriched import BotVerdict
from app.events.vocabulary import BotKind, BotReason

BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} Chrome/138.0.0.0 Safari/537.36"
LOG = Path(__file__).parents[3] / "shared" / "data" / "apache_2015.log"
CRAWLERS = """
    GPTBot OAI-SearchBot ClaudeBot Claude-SearchBot PerplexityBot CCBot Bytespider Amazonbot
    meta-externalagent cohere-ai Google-Extended Applebot-Extended Diffbot FacebookBot"""
FETCHERS = "ChatGPT-User Perplexity-User Claude-User MistralAI-User DuckAssistBot Meta-ExternalFetcher"
SEARCHERS = """
    Googlebot bingbot msnbot YandexBot Baiduspider DuckDuckBot Applebot PetalBot SeznamBot GoogleOther
    AdsBot-Google"""
DETECTOR = BotDetector()


def judge(user_agent, *, webdriver=False):
    return DETECTOR.judge(user_agent, also=BotReason.WEBDRIVER if webdriver else BotReason.NONE)


def compatible(token):
    return f"Mozilla/5.0 {BLINK}; compatible; {token}; +https://bot.example/about)"


@pytest.mark.parametrize(
    "user_agent",
    [
        CHROME,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/18.5 Mobile/15E148 Safari/604.1",
        f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/138.0.0.0 Mobile Safari/537.36",
        # a maker of telephones, not a crawler
        f"Mozilla/5.0 (Linux; Android 13; CUBOT X20) {BLINK} Chrome/138.0.0.0 Mobile Safari/537.36",
        f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {BLINK} 94.0.4606.31/7.0 TV Safari/537.36",
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
        "Opera/9.80 (X11; Linux x86_64) Presto/2.12.388 Version/12.16",
        # a browser of plain phones, in which is_bot sees an address and a lack of words
        "MAXX_MAUI WAP Browser",
        "LAVA.KKT35 (MAUI/KKT35_S116;WAP Browser/MAUI (HTTPS)) WAP Browser/MAUI (HTTPS) Profile/  Q03C1",
    ],
)
def test_a_person_has_no_reason_and_no_name(user_agent):
    assert judge(user_agent) == BotVerdict()
    assert not judge(user_agent).is_bot


@pytest.mark.parametrize("user_agent", ["", " ", "-", " - "])
def test_an_empty_user_agent_is_a_program(user_agent):
    assert judge(user_agent) == BotVerdict(reasons=BotReason.EMPTY_USER_AGENT)


@pytest.mark.parametrize(
    ("user_agent", "name", "reason"),
    [
        *[(compatible(f"{name}/1.0"), name, BotReason.AI_CRAWLER) for name in CRAWLERS.split()],
        *[(compatible(f"{name}/1.0"), name, BotReason.AI_FETCHER) for name in FETCHERS.split()],
        *[(compatible(f"{name}/2.1"), name, BotReason.SEARCH_CRAWLER) for name in SEARCHERS.split()],
        ("Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/)", "Slurp", BotReason.SEARCH_CRAWLER),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 6_0 like Mac OS X) Mobile Safari (compatible; Googlebot/2.1)",
            "Googlebot",
            BotReason.SEARCH_CRAWLER,
        ),
        (compatible("UptimeRobot/2.0"), "UptimeRobot", BotReason.MONITOR),
        ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", "Pingdom", BotReason.MONITOR),
        (f"{CHROME} PingdomPageSpeed/1.0", "Pingdom", BotReason.MONITOR),
        (f"{CHROME} (StatusCake)", "StatusCake", BotReason.MONITOR),
        (f"{CHROME} Chrome-Lighthouse", "Lighthouse", BotReason.AUTOMATION),
        (CHROME.replace("Chrome/", "HeadlessChrome/"), "HeadlessChrome", BotReason.AUTOMATION),
        (
            "Mozilla/5.0 (Unknown; Linux x86_64) PhantomJS/2.1.1 Safari/538.1",
            "PhantomJS",
            BotReason.AUTOMATION,
        ),
        (f"{CHROME} Playwright/1.50", "Playwright", BotReason.AUTOMATION),
        (f"{CHROME} Selenium", "Selenium", BotReason.AUTOMATION),
        ("curl/8.5.0", "curl", BotReason.AUTOMATION),
        ("Wget/1.21", "Wget", BotReason.AUTOMATION),
        ("python-requests/2.32.0", "python-requests", BotReason.AUTOMATION),
        ("Python/3.11 aiohttp/3.9", "aiohttp", BotReason.AUTOMATION),
        ("Go-http-client/2.0", "Go-http-client", BotReason.AUTOMATION),
        ("okhttp/4.12.0", "okhttp", BotReason.AUTOMATION),
        ("Java/21.0.1", "Java", BotReason.AUTOMATION),
        ("Chef Client/10.18.2 (ruby-1.9.3-p327; ohai-6.16.0)", "Chef Client", BotReason.AUTOMATION),
        (f"{CHROME} Google Favicon", "Google favicon", BotReason.SEARCH_CRAWLER),
        (compatible("YandexDirect/3.0"), "YandexDirect", BotReason.SEARCH_CRAWLER),
    ],
)
def test_known_programs_are_named_and_sorted(user_agent, name, reason):
    verdict = judge(user_agent)
    assert verdict.name == name
    assert reason in verdict.reasons


@pytest.mark.parametrize("user_agent", ["GPTBOT/1.0", "gptbot/1.0", f"{CHROME} chatgpt-USER/1.0"])
def test_case_makes_no_difference(user_agent):
    assert judge(user_agent).name in {"GPTBot", "ChatGPT-User"}


@pytest.mark.parametrize("word", ["ACCBot", "xcurl/1.0", "MyJava/1.0"])
def test_a_known_name_is_no_part_of_a_word(word):
    assert not judge(f"{CHROME} {word}").reasons & (BotReason.AI_CRAWLER | BotReason.AUTOMATION)


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Tiny Tiny RSS/1.11 (http://tt-rss.org/)", "Tiny Tiny RSS"),
        ("Feedbin - 1 subscribers", "Feedbin"),
        ("Mozilla/5.0 (compatible; AhrefsBot/5.0; +http://ahrefs.com/robot/)", "AhrefsBot"),
        ("facebookexternalhit/1.1", "facebookexternalhit"),
        ("Mozilla/5.0 (compatible; Ezooms/1.0; help@moz.com)", "Ezooms"),
        ("Mozilla/5.0 (compatible; Google Desktop/5.9.1005; http://desktop.google.com/)", "Google Desktop"),
        (
            "Mozilla/5.0 (Macintosh; rv:1.9.2) Firefox/3.6 (FlipboardProxy/1.1; +http://flipboard.com/x)",
            "FlipboardProxy",
        ),
        ("Mozilla/5.0 (X11; aggregator:Spinn3r (Spinn3r 3.1); http://spinn3r.com/robot) Gecko", "robot"),
    ],
)
def test_other_programs_are_called_what_they_call_themselves(user_agent, name):
    verdict = judge(user_agent)
    assert verdict.name == name
    assert BotReason.USER_AGENT in verdict.reasons


def test_all_reasons_that_hold_are_given():
    googlebot = judge(compatible("Googlebot/2.1"), webdriver=True)
    assert googlebot.reasons.labels == ["user_agent", "spider", "search_crawler", "webdriver"]


def test_a_browser_that_is_driven_is_a_program():
    assert judge(CHROME, webdriver=True) == BotVerdict(reasons=BotReason.WEBDRIVER)
    assert judge(CHROME) == BotVerdict()


@pytest.mark.parametrize(
    ("user_agent", "webdriver", "kind"),
    [
        (CHROME, False, None),
        (CHROME, True, BotKind.AUTOMATION),
        (compatible("ChatGPT-User/1.0"), False, BotKind.AI_FETCHER),
        (compatible("GPTBot/1.2"), False, BotKind.AI_CRAWLER),
        (compatible("Googlebot/2.1"), True, BotKind.SEARCH_CRAWLER),
        (compatible("UptimeRobot/2.0"), False, BotKind.MONITOR),
        ("curl/8.5.0", False, BotKind.AUTOMATION),
        (compatible("AhrefsBot/5.0"), False, BotKind.OTHER),
        ("", False, BotKind.OTHER),
    ],
)
def test_a_program_is_of_one_kind(user_agent, webdriver, kind):
    assert judge(user_agent, webdriver=webdriver).kind == kind


@given(st.text(max_size=1024))
def test_any_text_is_judged(user_agent):
    assert len(judge(user_agent).name) <= 64


@given(st.text(st.characters(codec="ascii"), max_size=1024))
def test_text_is_judged_as_is_bot_judges_it(user_agent):
    verdict = judge(user_agent)
    if BotReason.EMPTY_USER_AGENT not in verdict.reasons and "maui" not in user_agent.lower():
        assert (BotReason.USER_AGENT in verdict.reasons) == Bots().is_bot(user_agent)


@pytest.mark.skipif(not LOG.is_file(), reason="needs the access log that is not part of the repository")
def test_real_user_agents_are_judged_as_is_bot_judges_them():
    lines = LOG.read_text("utf-8", errors="replace").splitlines()
    agents = {line.rsplit('"', 2)[1] for line in lines if line.endswith('"')} - {"-"}
    bots = Bots()
    assert len(agents) > 500
    for agent in agents:
        expected = bots.is_bot(agent) and "MAUI" not in agent.upper()
        assert (BotReason.USER_AGENT in judge(agent).reasons) == expected, agent
