"""What is kept of a URL, and what is no URL of a page."""

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.pages import clean_page, query_of, read_address
from app.events.enriched import Page


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://shop.example/a/b", "shop.example", "/a/b"),
        ("https://shop.example", "shop.example", "/"),
        ("https://shop.example?x=1", "shop.example", "/"),
        ("https://shop.example#top", "shop.example", "/"),
        ("HTTPS://Shop.Example/CamelCase", "shop.example", "/CamelCase"),
        ("https://shop.example./", "shop.example", "/"),
        ("https://shop.example:443/", "shop.example", "/"),
        ("http://shop.example:80/", "shop.example", "/"),
        ("http://shop.example:443/", "shop.example:443", "/"),
        ("https://shop.example:80/", "shop.example:80", "/"),
        ("https://shop.example:08080/", "shop.example:8080", "/"),
        ("https://shop.example:/", "shop.example", "/"),
        ("http://localhost:8000/x", "localhost:8000", "/x"),
        ("https://user:secret@shop.example/", "shop.example", "/"),
        ("https://user@evil.example@shop.example/", "shop.example", "/"),
        ("https://shop.example/@user/a:b", "shop.example", "/@user/a:b"),
        ("https://shop.example/a?b#c?d", "shop.example", "/a"),
        ("https://shop.example/#/route?utm_source=x", "shop.example", "/"),
        ("https://my_host.example/", "my_host.example", "/"),
        ("http://192.0.2.1/", "192.0.2.1", "/"),
        ("http://[2001:DB8:0::1]:8080/", "[2001:db8::1]:8080", "/"),
        ("http://[::1]/", "[::1]", "/"),
        ("https://Bücher.example/", "xn--bcher-kva.example", "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
        ("  https://shop.example/  ", "shop.example", "/"),
        ("https://shop.example/two words", "shop.example", "/two%20words"),
        ("https://shop.example/a%20b", "shop.example", "/a%20b"),
        ("https://shop.example/ä", "shop.example", "/ä"),
    ],
)
def test_host_and_path(url, host, path):
    assert clean_page(url, allow=frozenset()) == Page(host=host, path=path)


@pytest.mark.parametrize(
    ("query", "allow", "kept"),
    [
        ("", set(), ""),
        ("utm_source=a&utm_medium=b", set(), "utm_source=a&utm_medium=b"),
        ("gclid=123&utm_source=a&fbclid=9", set(), "utm_source=a"),
        ("token=secret&email=a@b.example", set(), ""),
        ("q=bikes&page=2&token=x", {"q", "page"}, "q=bikes&page=2"),
        ("page=2&q=bikes", {"q", "page"}, "page=2&q=bikes"),
        ("q=1&q=2", {"q"}, "q=1&q=2"),
        ("q", {"q"}, "q"),
        ("q=", {"q"}, "q="),
        ("qq=1&Q=2", {"q"}, ""),
        ("UTM_Source=a", set(), "UTM_Source=a"),
        ("my_utm_source=a&utm=b", set(), ""),
        ("a%5Bb%5D=1", {"a[b]"}, "a%5Bb%5D=1"),
        ("&&utm_id=1&&", set(), "utm_id=1"),
        ("utm_campaign=two words", set(), "utm_campaign=two%20words"),
        ("utm_source=a;gclid=1", set(), "utm_source=a;gclid=1"),
        ("?utm_source=a", set(), ""),
    ],
)
def test_the_query_is_kept_by_allow_list_in_its_order(query, allow, kept):
    assert clean_page(f"https://shop.example/?{query}", allow=frozenset(allow)).query == kept


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "expected http"),
        ("shop.example/a", "expected http"),
        ("/only/a/path", "expected http"),
        ("//shop.example/", "expected http"),
        ("ftp://shop.example/", "expected http"),
        ("javascript:alert(1)", "expected http"),
        ("data:text/html,x", "expected http"),
        ("file:///etc/passwd", "expected http"),
        ("about:blank", "expected http"),
        ("android-app://com.example/", "expected http"),
        ("https:shop.example", "expected http"),
        ("https://", "names no host"),
        ("https:///a", "names no host"),
        ("https://?a", "names no host"),
        ("https://user@/", "names no host"),
        ("https://:443/", "names no host"),
        ("https://./", "not a host name"),
        ("https://a..b/", "not a host name"),
        ("https://.shop.example/", "not a host name"),
        ("https://shop example/", "not a host name"),
        ("https://shop.example\\evil/", "not a host name"),
        ("https://<script>/", "not a host name"),
        ("https://%73hop.example/", "not a host name"),
        (f"https://{'a' * 64}.example/", "not a host name"),
        (f"https://{'a.' * 130}example/", "not a host name"),
        (f"https://{'ü' * 64}.example/", "not a host name"),
        ("https://[::1/", "not a host name"),
        ("https://[shop.example]/", "not a host name"),
        ("https://[fe80::1%25eth0]/", "not a host name"),
        ("https://a[::1]/", "not a host name"),
        ("https://shop.example:port/", "the port"),
        ("https://shop.example:0/", "the port"),
        ("https://shop.example:65536/", "the port"),
        ("https://shop.example:-1/", "the port"),
        ("https://shop.example:1:2/", "the port"),
        ("https://shop.example:٣/", "the port"),
        ("https://[::1]x80/", "the port"),
        ("https://shop.example/\n", "control characters"),
        ("https://shop.example/\x00", "control characters"),
        ("java\tscript://shop.example/", "control characters"),
        ("https://shop.example/\ud800", "control characters"),
    ],
)
def test_what_is_no_page_says_why(url, says):
    with pytest.raises(ValueError, match=says):
        clean_page(url, allow=frozenset())


@settings(max_examples=50)
@given(st.text(max_size=2048))
@example("https://[")
@example("https://\u2100")
@example("https://a\u3002b/")
@example("https://" + "\u00df" * 2000)
@example("http://" + "@" * 2000)
@example("http://" + ":" * 2000)
def test_any_text_is_a_page_or_a_value_error(text):
    for url in (text, f"https://{text}", f"https://shop.example/{text}"):
        with suppress(ValueError):
            page = clean_page(url, allow=frozenset({"q"}))
            assert page.host == page.host.lower()
            assert page.path.startswith("/")
            assert page.path.encode().decode() == page.path


@given(st.text(max_size=200))
def test_a_cleaned_page_is_clean(text):
    try:
        page = clean_page(f"https://shop.example/{text}", allow=frozenset({"q"}))
    except ValueError:
        return
    again = clean_page(f"https://{page.host}{page.path}?{page.query}", allow=frozenset({"q"}))
    assert again == page


def test_the_parts_of_an_address_are_told_apart():
    address = read_address("https://Shop.example:8443/a/b?c=d#e")
    assert (address.host, address.port, address.path, address.query) == (
        "shop.example",
        ":8443",
        "/a/b",
        "c=d",
    )


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("https://a/?b=c", "b=c"),
        ("https://a/?b=c#d?e", "b=c"),
        ("https://a/#b?c=d", ""),
        ("https://a/", ""),
        ("?b", "b"),
        ("", ""),
    ],
)
def test_query_of_any_text(url, query):
    assert query_of(url) == query
