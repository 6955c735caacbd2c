"""Hosts of an operator's file that call and never linked."""

import pytest

from app.adapters import watched_file
from app.adapters.enricher import Enricher
from app.adapters.spam_referrers import SpamReferrers
from app.errors import SettingsError
from app.events.vocabulary import BotKind, Channel
from app.settings import Settings
from tests.factories import rules, web_event
from tests.watching import read_again

FILE = """
# Found in our log
spam.example        # a shop
www.Other.example.
b\u00fccher.example
"""
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"
)


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "spam.txt"
    made.write_text(FILE, "utf-8")
    return made


@pytest.mark.parametrize(
    ("referrer", "is_spam"),
    [
        ("https://spam.example/", True),
        ("http://spam.example:8080/a?b=c", True),
        ("https://www.spam.example/", True),
        ("https://a.b.SPAM.example./", True),
        ("https://other.example/", True),
        ("https://xn--bcher-kva.example/", True),
        ("https://b\u00fccher.example/", True),
        # labels, never parts of words
        ("https://notspam.example/", False),
        ("https://spam.example.org/", False),
        ("https://example/", False),
        ("https://blog.example/?from=spam.example", False),
        ("https://blog.example/spam.example", False),
        ("android-app://spam.example/", False),
        ("spam.example", False),
        ("https://[", False),
        ("", False),
    ],
)
def test_a_referrer_is_on_one_of_the_hosts_or_not(path, referrer, is_spam):
    assert (referrer in SpamReferrers(str(path))) is is_spam


def test_without_a_file_there_is_no_spam():
    assert "https://spam.example/" not in SpamReferrers("")


@pytest.mark.parametrize(
    "line", ["spam.example/page", "https://spam.example", "com", "bad..host", "a b.example"]
)
def test_a_bad_line_is_named_with_file_and_number(path, line):
    path.write_text(f"good.example\n{line}\n")
    with pytest.raises(SettingsError, match=r"spam\.txt, line 2: .*expected a host such as spam\.example"):
        SpamReferrers(str(path))


def test_a_missing_file_is_named_with_the_setting(tmp_path):
    with pytest.raises(SettingsError, match=r"bots\.spam_referrers_path = .*gone\.txt.*leave it empty"):
        SpamReferrers(str(tmp_path / "gone.txt"))


def test_a_file_that_changes_is_read_anew(path, monkeypatch):
    monkeypatch.setattr(watched_file, "LOOKS_EVERY_S", 0.0)
    spam = SpamReferrers(str(path))
    path.write_text("late.example\n")
    read_again(lambda: "https://late.example/" in spam)
    assert "https://late.example/" in spam
    assert "https://spam.example/" not in spam


@pytest.mark.parametrize(("origin", "user_agent"), [("browser", CHROME), ("replay", CHROME), ("server", "")])
def test_the_event_is_flagged_and_kept_with_its_source(path, origin, user_agent):
    enrich = Enricher.of(Settings(bots={"spam_referrers_path": str(path)}))
    event = web_event(referrer="https://spam.example/x", user_agent=user_agent, origin=origin)
    flagged = enrich(event, site=rules().default_site)
    assert flagged.bot.reasons.labels == ["spam_referrer"]
    assert flagged.bot.kind is BotKind.OTHER
    assert (flagged.traffic.channel, flagged.traffic.source) == (Channel.REFERRAL, "spam.example")
    person = web_event(referrer="https://blog.example/", user_agent=user_agent, origin=origin)
    assert not enrich(person, site=rules().default_site).bot.is_bot
