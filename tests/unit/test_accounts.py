"""What roles and links open, and what is taken as a name, a password, a page of a link."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters import passwords
from app.adapters.shares import made
from app.core.accounts import Account, Role, Share, Viewer, name_of, password_fault
from app.core.api_keys import KeyScope
from app.core.keys import digest_of
from app.core.shares import ancestors_fault, page_fault
from tests.answering import ms

NOBODYS = Share(share_id="s1", digest="d", site_id="shop")


def person(**roles: str) -> Account:
    """``everywhere`` stands for every site."""
    named = {"*" if site == "everywhere" else site: Role(role) for site, role in roles.items()}
    return Account(account_id="a1", name="ana", roles=named)


@pytest.mark.parametrize(
    ("role", "scopes"),
    [("viewer", {"read"}), ("editor", {"read", "write"}), ("admin", {"read", "write", "admin"})],
)
@pytest.mark.parametrize(("site", "others"), [("shop", False), ("everywhere", True)])
def test_a_role_has_the_scopes_of_those_before_it_at_its_site(role, scopes, site, others):
    viewer = Viewer(account=person(**{site: role}))
    assert {scope for scope in KeyScope if viewer.may(scope, "shop")} == scopes
    assert {scope for scope in KeyScope if viewer.may(scope, "saas")} == (scopes if others else set())
    assert viewer.may(KeyScope.READ, "*") is others


def test_a_role_at_one_site_gives_nothing_at_another():
    viewer = Viewer(account=person(shop="admin", saas="viewer"))
    assert viewer.key_for(KeyScope.ADMIN).sites == {"shop"}
    assert viewer.key_for(KeyScope.READ).sites == {"shop", "saas"}
    assert not viewer.may(KeyScope.WRITE, "saas")


def test_no_role_opens_nothing():
    key = Viewer(account=person()).key_for(KeyScope.READ)
    assert (key.scopes, key.sites, key.allows(KeyScope.READ)) == (frozenset(), frozenset(), False)


def test_a_link_reads_its_site_and_the_person_keeps_what_they_have():
    assert Viewer(share=NOBODYS).roles == {"shop": "viewer"}
    assert not Viewer(share=NOBODYS).may(KeyScope.WRITE, "shop")
    assert Viewer(account=person(saas="admin"), share=NOBODYS).roles == {"saas": "admin", "shop": "viewer"}
    assert Viewer(account=person(shop="admin"), share=NOBODYS).roles == {"shop": "admin"}
    assert Viewer(account=person(everywhere="editor"), share=NOBODYS).roles == {"*": "editor"}


@pytest.mark.parametrize(
    ("account", "sites", "is_shown"),
    [
        (None, ["shop"], True),
        (None, ["saas", "shop"], True),
        (None, ["saas"], False),
        (person(saas="admin"), ["shop"], True),
        (person(shop="viewer"), ["shop"], False),
        (person(everywhere="viewer"), ["shop"], False),
    ],
)
def test_a_link_counts_where_it_alone_opens_the_site(account, sites, is_shown):
    shown = Viewer(account=account, share=NOBODYS).shown_by_link(sites)
    assert shown is (NOBODYS if is_shown else None)


def test_sites_to_choose_from_are_those_that_are_open():
    assert Viewer(account=person(shop="viewer")).sites(["saas", "shop"]) == ["shop"]
    assert Viewer(account=person(everywhere="viewer", old="admin")).sites(["shop"]) == ["old", "shop"]
    assert Viewer(share=NOBODYS).sites(["saas", "shop"]) == ["shop"]


def test_the_proof_of_a_password_is_of_link_time_and_password():
    proof = NOBODYS.proof("1000")
    others = [
        NOBODYS.proof("1001"),
        Share(share_id="s1", digest="e", site_id="shop").proof("1000"),
        Share(share_id="s1", digest="d", site_id="shop", password_hash="$argon2id$x").proof("1000"),
    ]
    assert proof not in others
    assert len({proof, *others}) == 4


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ana@Example.COM", "ana@example.com"),
        (" ana ", "ana"),
        ("\uff21na", "ana"),
        ("", None),
        ("a b", None),
        ("a\nb", None),
        ("anä", None),
        ("a" * 129, None),
    ],
)
def test_a_name_is_a_word_or_a_mail_address_in_lower_case(text, name):
    assert name_of(text) == name


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("correct horse battery", ""),
        ("x" * 11, "too short"),
        ("ab" * 129, "too long"),
        ("Ana@example.com1", "the name in it"),
        ("abababababab", "again and again"),
    ],
)
def test_a_password_is_long_and_not_the_name(password, fault):
    found = password_fault(password, name="ana@example.com")
    assert fault in found
    assert bool(fault) == bool(found)


@pytest.mark.parametrize("page", ["/", "/pages", "/funnels/", "/a/b-c/d_e"])
def test_a_link_opens_a_page_of_the_dashboard(page):
    assert page_fault(page) == ""


@pytest.mark.parametrize("page", ["", "pages", "//evil.example", "/a//b", "/..", "/a?b=1", "/\\evil", "/a\n"])
def test_a_link_opens_nothing_else(page):
    assert "expected a path" in page_fault(page)


@pytest.mark.parametrize(
    "origin", ["https://www.example.com", "http://localhost:8080", "https://*.example.com"]
)
def test_an_origin_may_embed(origin):
    assert ancestors_fault([origin]) == ""


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://a.example/",
        "https://a.example; script-src *",
        "https://a.example\r\nX: y",
        "https://a.example\n",
        "'self'",
        "https:",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_origin_cannot_write_into_the_policy(origin):
    assert "expected an origin" in ancestors_fault([origin])
    assert ancestors_fault(["https://a.example"] * 21).startswith("frame_ancestors: at most")


def test_the_secret_of_a_link_is_new_each_time_and_not_in_its_row():
    fields = {
        "site_id": "shop",
        "label": "",
        "page": "/",
        "filter": "",
        "password_hash": "",
        "frame_ancestors": (),
    }
    at = ms("2026-03-10T12:00Z")
    (row, token), (_, other) = made(at=at, **fields), made(at=at, **fields)
    assert token != other
    assert len(token) == 32
    assert row.digest == digest_of(token)
    assert token not in str(row)


def test_a_password_fits_its_own_hash_alone_however_it_is_typed():
    kept = passwords.hashed("caf\u00e9 correct horse")
    assert kept.startswith("$argon2id$")
    assert passwords.fits(kept, "cafe\u0301 correct horse")
    assert not passwords.fits(kept, "cafe correct horse")
    assert not passwords.fits("no hash", "cafe correct horse")
    assert passwords.hashed("caf\u00e9 correct horse") != kept


def test_without_a_hash_as_much_is_computed_and_nothing_fits(monkeypatch):
    asked = []
    monkeypatch.setattr(passwords, "fits", lambda *given: asked.append(given) or True)

    async def tried() -> bool:
        return await passwords.Passwords().fits("", "anything at all")

    assert asyncio.run(tried()) is False
    assert [given[0].split("$")[1] for given in asked] == ["argon2id"]
