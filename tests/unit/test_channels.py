"""(URL parameters, referrer) -> channel: Google Analytics 4's public definition, AI assistants, and traps."""

import pytest

from app.adapters.rules import rules_of
from app.core.channels import NO_RULES, RULES, Visit, channel_of, is_paid
from app.core.traffic import classify_traffic
from app.errors import SettingsError
from app.events.vocabulary import Channel, SourceKind
from app.settings import Settings, load
from tests.channel_cases import BY_OWN_RULES, BY_REFERRER, BY_TAGS, CLICKS, OWN_RULES

OWN = frozenset({"shop.example"})


def channel(query="", referrer="", rules=NO_RULES):
    if referrer and "://" not in referrer:
        referrer = f"https://{referrer}"
    return classify_traffic(
        url=f"https://shop.example/?{query}", referrer=referrer, own_domains=OWN, rules=rules
    ).channel


def tagged(text):
    """``source / medium / campaign`` as a query."""
    names = ("utm_source", "utm_medium", "utm_campaign")
    return "&".join(
        f"{name}={value.strip().replace(' ', '+')}"
        for name, value in zip(names, text.split(" / "), strict=False)
        if value.strip() != "-"
    )


def rows(table):
    return [(line.strip(), is_) for is_, lines in table.items() for line in lines.strip().splitlines()]


@pytest.mark.parametrize(("tags", "expected"), rows(BY_TAGS))
def test_by_tags(tags, expected):
    assert channel(tagged(tags)) is expected


@pytest.mark.parametrize(
    ("referrer", "expected"),
    [(referrer, is_) for is_, referrers in BY_REFERRER.items() for referrer in referrers.split()],
)
def test_by_referrer(referrer, expected):
    assert channel(referrer=referrer) is expected


@pytest.mark.parametrize(("query", "referrer", "expected"), CLICKS)
def test_by_click_id(query, referrer, expected):
    assert channel(query, referrer) is expected


@pytest.mark.parametrize(
    ("medium", "paid"),
    [
        ("cpc", True),
        ("cpm", True),
        ("xcpx", True),
        ("ppc", True),
        ("retargeting", True),
        ("paid", True),
        ("paid social", True),
        ("paid\nsocial", True),
        ("", False),
        ("unpaid", False),
        ("ppcs", False),
        ("xppc", False),
        ("retargetings", False),
        ("my-retargeting", False),
        ("organic", False),
        ("c-p", False),
    ],
)
def test_which_media_are_paid(medium, paid):
    assert is_paid(medium) is paid


def test_the_rules_are_in_the_published_order_and_name_every_channel_once():
    assert [is_ for is_, _ in RULES] == list(Channel)


def test_of_two_rules_that_hold_the_first_decides():
    everything = Visit(
        source="sms", medium="email", campaign="cross-network shop", kind=SourceKind.SEARCH, is_paid=True
    )
    assert channel_of(everything) is Channel.CROSS_NETWORK
    assert channel_of(Visit()) is Channel.DIRECT


@pytest.mark.parametrize(("tags", "referrer", "expected"), BY_OWN_RULES)
def test_a_sites_own_rules_come_before_the_published_ones(tags, referrer, expected):
    rules = rules_of(Settings(sites={"shop": {"channels": OWN_RULES}})).site("shop").channels
    assert channel(tagged(tags), referrer, rules) is expected


def test_a_site_without_rules_of_its_own_has_none():
    assert rules_of(Settings(sites={"shop": {"channels": OWN_RULES}})).site("other").channels == NO_RULES


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"channel": "Email"}, "at least one of `source`"),
        ({"channel": "Mail", "source": "crm"}, "'Email'"),
        ({"channel": "Email", "sourec": "crm"}, "unknown key"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule, told):
    with pytest.raises(SettingsError, match=told):
        load(files=(), overrides={"default_site.channels": [rule]})


def test_there_are_cases_enough_and_for_every_channel():
    referrers = [one for listed in BY_REFERRER.values() for one in listed.split()]
    assert len(rows(BY_TAGS)) + len(referrers) + len(CLICKS) + len(BY_OWN_RULES) >= 300
    assert set(BY_TAGS) == set(Channel)
