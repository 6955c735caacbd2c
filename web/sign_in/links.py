"""GET and POST /share/{token}, GET /embed/{token}: a site's dashboard to whoever has the link."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import log
from app.core.accounts import MAX_PASSWORD, Share, Viewer
from app.core.keys import digest_of
from web.middleware import SECURITY_HEADERS
from web.sign_in.cookies import Cookie
from web.sign_in.csrf import form_secret, is_own_form
from web.sign_in.door import Door, csrf_of
from web.sign_in.guard import Handler, signing_in_is_off
from web.sign_in.pages import form_of, page, told
from web.sign_in.signing_in import FORM_S, out_of_date, too_often

POLICY = "Content-Security-Policy"
_FRAMES = re.compile(r"frame-ancestors [^;]*")
_LOG = log.get("sign_in")


class LinkPages:
    """The pages; ``shown`` are those of the dashboard by their paths, for what is embedded."""

    def __init__(self, door: Door, *, shown: Mapping[str, Handler]) -> None:
        self._door = door
        self._shown = shown

    async def open(self, request: Request) -> Response:
        """On to the dashboard; first to a form where the link has a password."""
        share = await self._share(request)
        if share is None:
            return self._nothing(request)
        return self._form(request, share) if share.password_hash else self._on(request, share)

    async def unlock(self, request: Request) -> Response:
        """On to the dashboard for who knows the password."""
        door, form = self._door, await form_of(request)
        share = await self._share(request)
        if share is None:
            return self._nothing(request)
        if not is_own_form(request, form.get("csrf", ""), door):
            return out_of_date(request.url.path)
        wait_s = door.attempts.wait_s(name=f"link {share.share_id}", network=door.origin.network(request))
        if wait_s:
            _LOG.warning("share.refused", share=share.share_id, reason="limit")
            return self._form(request, share, fault=too_often(wait_s), wait_s=wait_s)
        password = form.get("password", "")[: MAX_PASSWORD + 1]
        if not await door.passwords.fits(share.password_hash, password):
            _LOG.warning("share.refused", share=share.share_id, reason="password")
            return self._form(request, share, fault="That is not the password of this link.")
        return self._on(request, share)

    async def embed(self, request: Request) -> Response:
        """The dashboard within a page of an origin that the link names; no cookie is needed or set."""
        share = await self._share(request)
        if share is None or not share.frame_ancestors or share.password_hash:
            return self._nothing(request)
        shown = self._shown.get(share.page)
        if shown is None:
            return self._nothing(request)
        if request.query_params.get("site") != share.site_id:
            return RedirectResponse(f"{request.url.path}?{_asked(share)}", status_code=303)
        request.state.viewer = Viewer(share=share)
        request.state.share_token = request.path_params["token"]
        response = await shown(request)
        policy = response.headers.get(POLICY, SECURITY_HEADERS[POLICY])
        response.headers[POLICY] = _FRAMES.sub(f"frame-ancestors {' '.join(share.frame_ancestors)}", policy)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    async def _share(self, request: Request) -> Share | None:
        if self._is_closed_to(request):
            return None
        return await self._door.accounts.share(digest_of(request.path_params["token"]))

    def _is_closed_to(self, request: Request) -> bool:
        return not self._door.is_on and self._door.viewer_here(request) is None

    def _on(self, request: Request, share: Share) -> Response:
        response = RedirectResponse(
            f"{share.page}?{_asked(share)}", status_code=303, headers={"Referrer-Policy": "no-referrer"}
        )
        value = self._door.share_cookie(request.path_params["token"], share)
        self._door.cookies.put(response, request, Cookie.SHARE, value, max_age_s=None)
        return response

    def _form(self, request: Request, share: Share, *, fault: str = "", wait_s: int = 0) -> Response:
        secret = form_secret(request, self._door)
        response = page(
            "share",
            status=429 if wait_s else 403 if fault else 200,
            headers={"Retry-After": str(wait_s)} if wait_s else None,
            csrf=csrf_of(secret),
            action=request.url.path,
            site=share.site_id,
            fault=fault,
        )
        self._door.cookies.put(response, request, Cookie.FORM, secret, max_age_s=FORM_S)
        return response

    def _nothing(self, request: Request) -> Response:
        if self._is_closed_to(request):
            return signing_in_is_off()
        return told(
            "This link shows nothing",
            "It was revoked, or is not whole, or may not be embedded. Ask whoever gave it to you.",
            status=404,
        )


def _asked(share: Share) -> str:
    asked = {"site": share.site_id, "filter": share.filter}
    return urlencode({name: value for name, value in asked.items() if value})
