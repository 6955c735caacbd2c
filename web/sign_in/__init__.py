"""Sign-in of the dashboard: pages, links, and the guard before every page."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute, Route

from web.sign_in.account import AccountPages
from web.sign_in.door import Door
from web.sign_in.guard import Guard, csrf_token, share_token, viewer_of, with_store
from web.sign_in.links import LinkPages
from web.sign_in.openid import CALLBACK, PATH, OpenIdPages
from web.sign_in.signing_in import SigningIn

__all__ = ["Door", "Guard", "csrf_token", "routes", "share_token", "viewer_of"]


def routes(door: Door, *, dashboard: Sequence[Route]) -> list[BaseRoute]:
    """Everything about signing in, and the pages of the dashboard behind the guard."""
    guard, signing_in, account = Guard(door), SigningIn(door), AccountPages(door)
    links = LinkPages(door, shown={one.path: one.endpoint for one in dashboard})
    openid = OpenIdPages(door) if door.web.sign_in == "oidc" else None
    return [
        *(Route(one.path, guard(one.endpoint), methods=list(one.methods or ())) for one in dashboard),
        Route("/sign-in", with_store(signing_in.show)),
        Route("/sign-in", with_store(signing_in.sign_in), methods=["POST"]),
        Route("/sign-out", with_store(signing_in.sign_out), methods=["POST"]),
        Route("/account", guard(account.show)),
        Route("/account/password", guard(account.change_password), methods=["POST"]),
        Route("/account/sessions", guard(account.end_sessions), methods=["POST"]),
        Route("/share/{token}", with_store(links.open)),
        Route("/share/{token}", with_store(links.unlock), methods=["POST"]),
        Route("/embed/{token}", with_store(links.embed)),
        *([Route(PATH, openid.away), Route(CALLBACK, with_store(openid.back))] if openid else ()),
    ]
