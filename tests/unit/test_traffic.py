"""What is told of where a visit came from; which channel that is stands in test_channels."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.hosts import place_named, place_of, place_of_app
from app.core.sources import ALIASES, HOSTS
from app.core.sources_apps import APPS
from app.core.sources_search import DOMAINS, SEARCH
from app.core.traffic import MAX_VALUE, classify_traffic
from app.events.enriched import Traffic
from app.events.vocabulary import Channel, SourceKind

OWN = frozenset({"shop.example"})


def classify(query="", referrer="", own=OWN):
    return classify_traffic(url=f"https://shop.example/a?{query}", referrer=referrer, own_domains=own)


def test_all_campaign_parameters_are_told():
    query = (
        "utm_source=Spring+Letter&utm_medium=E-Mail&utm_campaign=Big%20Sale&utm_term=Red+Bike&utm_content=Top"
    )
    assert classify(query) == Traffic(
        channel=Channel.EMAIL,
        source="spring letter",
        medium="e-mail",
        campaign="Big Sale",
        term="Red Bike",
        content="Top",
    )


def test_nothing_told_is_a_direct_visit():
    assert classify() == classify("page=2&sort=price") == Traffic()


@pytest.mark.parametrize(
    ("query", "referrer", "source", "medium"),
    [
        ("", "https://www.google.co.uk/", "google", "organic"),
        ("", "https://l.facebook.com/", "facebook", "social"),
        ("", "https://mail.google.com/", "gmail", "email"),
        ("", "https://www.youtube.com/", "youtube", "referral"),
        ("", "https://chatgpt.com/", "chatgpt", "referral"),
        ("", "https://www.blog.example/", "blog.example", "referral"),
        ("", "android-app://com.slack/", "com.slack", "referral"),
        ("", "android-app://Com.LinkedIn.Android/x", "linkedin", "social"),
        ("utm_source=Google&utm_medium=CPC", "", "google", "cpc"),
        ("utm_source=google", "", "google", "organic"),
        ("utm_source=partner", "", "partner", ""),
        ("utm_source=fb", "", "fb", "social"),
        ("utm_source=chatgpt.com", "https://chatgpt.com/", "chatgpt", "referral"),
        ("utm_source=www.Facebook.com", "", "facebook", "social"),
        ("utm_source=www.partner.example", "", "partner.example", ""),
        ("utm_medium=email", "", "", "email"),
        ("utm_medium=cpc", "https://www.google.com/", "google", "cpc"),
        ("utm_campaign=x", "", "", ""),
        ("gclid=1", "", "google", "cpc"),
        ("dclid=1", "", "google", "display"),
        ("fbclid=1", "", "facebook", "social"),
        ("gclid=1&utm_source=google", "", "google", "cpc"),
        ("gclid=1&utm_source=partner", "", "partner", ""),
        ("msclkid=1", "https://duckduckgo.com/", "duckduckgo", "cpc"),
        ("utm_source=(direct)&utm_medium=(none)", "", "", ""),
        ("utm_source=&utm_source=b", "", "b", ""),
        ("utm_source=a&utm_source=b", "", "a", ""),
        ("UTM_SOURCE=a", "", "a", ""),
        ("utm_source=%00a%0Ab%7F", "", "a b", ""),
        ("utm_source=%ff", "", "\ufffd", ""),
    ],
)
def test_source_and_medium(query, referrer, source, medium):
    traffic = classify(query, referrer)
    assert (traffic.source, traffic.medium) == (source, medium)


@pytest.mark.parametrize(
    ("query", "network"),
    [
        ("gclid=TeSter-123", "google"),
        ("gbraid=1", "google"),
        ("wbraid=1", "google"),
        ("dclid=1", "google"),
        ("msclkid=1", "bing"),
        ("fbclid=1", "facebook"),
        ("ttclid=1", "tiktok"),
        ("twclid=1", "twitter"),
        ("li_fat_id=1", "linkedin"),
        ("ScCid=1", "snapchat"),
        ("yclid=1", "yandex"),
        ("fbclid=1&gclid=2", "google"),
        ("gclid=1&utm_source=newsletter", "google"),
        ("gclid=1&fbclid=1&utm_source=facebook", "facebook"),
        ("gclid=", ""),
        ("aclid=1", ""),
    ],
)
def test_of_a_click_id_only_the_network_is_kept(query, network):
    traffic = classify(query)
    assert traffic.click_id == network
    assert "TeSter" not in repr(traffic)


@pytest.mark.parametrize(
    ("referrer", "term"),
    [
        ("https://www.google.com/search?q=red+bike", "red bike"),
        ("https://www.bing.com/search?q=red%20bike&form=x", "red bike"),
        ("https://r.search.yahoo.com/search?p=bike", "bike"),
        ("https://yandex.ru/search/?text=%D0%B2%D0%B5%D0%BB%D0%BE", "вело"),
        ("https://www.baidu.com/s?wd=bike", "bike"),
        ("https://www.baidu.com/s?word=bike", "bike"),
        ("https://search.naver.com/search.naver?query=bike", "bike"),
        ("https://www.google.com/", ""),
        ("https://www.google.com/search?q=", ""),
        ("https://www.google.com/url?url=x", ""),
        ("https://blog.example/?q=bike", ""),
        ("https://docs.google.com/?q=bike", ""),
    ],
)
def test_the_search_term_where_a_referrer_still_has_one(referrer, term):
    assert classify(referrer=referrer).term == term


def test_the_term_of_a_campaign_comes_before_that_of_the_referrer():
    assert classify("utm_term=tagged", "https://www.google.com/?q=searched").term == "tagged"


@pytest.mark.parametrize(
    ("referrer", "host"),
    [
        ("https://www.Google.co.uk/search?q=x", "www.google.co.uk"),
        ("http://blog.example:8080/a", "blog.example:8080"),
        ("https://user:pass@blog.example/", "blog.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("android-app://com.slack/https/x", "com.slack"),
        ("https://shop.example/", ""),
        ("no url", ""),
    ],
)
def test_of_a_referrer_only_the_host_is_kept(referrer, host):
    assert classify(referrer=referrer).referrer_host == host


@pytest.mark.parametrize(
    ("own", "referrer", "is_own"),
    [
        ({"shop.example"}, "https://shop.example/", True),
        ({"shop.example"}, "https://www.shop.example/", True),
        ({"shop.example"}, "https://a.b.shop.example/", True),
        ({"shop.example"}, "http://shop.example:8080/", True),
        ({"www.shop.example"}, "https://shop.example/", True),
        ({"www.shop.example"}, "https://blog.shop.example/", True),
        ({"Shop.Example."}, "https://shop.example/", True),
        ({".shop.example"}, "https://shop.example/", True),
        ({"localhost:8000"}, "http://localhost:8000/a", True),
        ({"localhost:8000"}, "http://localhost:3000/a", True),
        ({"[::1]:8000"}, "http://[::1]:8000/", True),
        ({"shop.example", "checkout.example"}, "https://checkout.example/", True),
        ({"blog.shop.example"}, "https://shop.example/", False),
        ({"shop.example"}, "https://notshop.example/", False),
        ({"shop.example"}, "https://shop.example.org/", False),
        ({"shop.example"}, "https://example/", False),
        ({""}, "https://blog.example/", False),
        (set(), "https://shop.example/", False),
        ({"google.com"}, "https://www.google.com/", True),
        ({"android.gm"}, "android-app://com.google.android.gm/", False),
    ],
)
def test_own_pages_refer_nobody(own, referrer, is_own):
    assert (classify(referrer=referrer, own=frozenset(own)).channel is Channel.DIRECT) is is_own


def test_a_campaign_within_ones_own_pages_counts():
    traffic = classify("utm_source=banner&utm_medium=display", "https://shop.example/")
    assert (traffic.channel, traffic.referrer_host) == (Channel.DISPLAY, "")


@settings(max_examples=50)
@given(st.text(max_size=2048), st.text(max_size=2048))
@example("https://[", "https://[")
@example("?" + "&" * 2000, "android-app://")
@example("?utm_source=%ed%a0%80\ud800", "android-app://\ud800")
@example("https://a/?utm_source=" + "\u0130" * 2000, "\u0130" * 2000)
@example("https://a/?utm_source=" + "x" * 2000, "https://" + "a." * 1000)
def test_any_text_is_classified_within_bounds(url, referrer):
    for text in (
        referrer,
        f"https://{referrer}",
        f"android-app://{referrer}",
        f"https://google.com/?q={referrer}",
    ):
        traffic = classify_traffic(url=f"{url}?utm_source={url}", referrer=text, own_domains=OWN)
        for value in (traffic.source, traffic.medium, traffic.campaign, traffic.term, traffic.referrer_host):
            assert len(value) <= MAX_VALUE + 16
            assert value.encode().decode() == value
            assert "\x00" not in value


@pytest.mark.parametrize(
    ("host", "kind", "name"),
    [
        ("google.com", SourceKind.SEARCH, "google"),
        ("mail.google.com", SourceKind.EMAIL, "gmail"),
        ("news.google.co.uk", SourceKind.NEWS, "google_news"),
        ("shopping.google.de", SourceKind.SHOPPING, "google_shopping"),
        ("docs.google.com", SourceKind.OTHER, "docs.google.com"),
        ("m.facebook.com", SourceKind.SOCIAL, "facebook"),
        ("www.unknown.example", SourceKind.OTHER, "unknown.example"),
        ("com", SourceKind.OTHER, "com"),
        ("", SourceKind.OTHER, ""),
    ],
)
def test_the_most_specific_host_holds(host, kind, name):
    place = place_of(host)
    assert (place.kind, place.name) == (kind, name)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("google", SourceKind.SEARCH),
        ("google ads", SourceKind.SEARCH),
        ("google-ads", SourceKind.SEARCH),
        ("meta_ads", SourceKind.SOCIAL),
        ("threads", SourceKind.SOCIAL),
        ("ads", SourceKind.OTHER),
        ("", SourceKind.OTHER),
        ("pi", SourceKind.OTHER),
        ("googleadsx", SourceKind.OTHER),
    ],
)
def test_a_source_is_known_by_its_name(source, kind):
    assert place_named(source).kind is kind


def addresses(hosts):
    """The hosts of a row as they are in URLs, each in all of its countries."""
    for host in hosts.replace("=", "").split():
        stem = host.removesuffix(".*")
        countries = DOMAINS[stem.rpartition(".")[2]].split() if stem != host else []
        yield from (f"{stem}.{country}" for country in countries)
        if stem == host:
            yield host


LISTED = [(name, listed) for sources in HOSTS.values() for name, listed in sources.items()]


@pytest.mark.parametrize(("name", "hosts"), [(name, hosts) for name, (hosts, _) in SEARCH.items()])
def test_every_search_engine_is_found_by_host_and_name(name, hosts):
    assert place_named(name).kind is SourceKind.SEARCH
    for host in addresses(hosts):
        assert (place_of(host).kind, place_of(host).name) == (SourceKind.SEARCH, name)
        assert place_of(host).terms


@pytest.mark.parametrize(("name", "hosts"), LISTED)
def test_every_other_source_is_found_by_host_and_name(name, hosts):
    assert place_named(name).name == name
    for host in addresses(hosts):
        assert place_of(host).name == name


@pytest.mark.parametrize("kind", APPS)
def test_every_app_is_found_by_its_package(kind):
    for name, packages in APPS[kind].items():
        for package in packages.split():
            assert (place_of_app(package).kind, place_of_app(package).name) == (kind, name)


def test_no_host_stands_in_two_rows():
    hosts = [host for listed, _ in SEARCH.values() for host in listed.split()]
    hosts += [host for _, listed in LISTED for host in listed.split()]
    assert len(hosts) == len(set(hosts))
    names = [*SEARCH, *(name for name, _ in LISTED)]
    assert len(names) == len(set(names))


def test_the_tables_fit_together():
    names = {*SEARCH, *(name for name, _ in LISTED)}
    assert set(ALIASES.values()) <= names
    assert not set(ALIASES) & names
    for domains in DOMAINS.values():
        assert len(domains.split()) == len(set(domains.split()))
