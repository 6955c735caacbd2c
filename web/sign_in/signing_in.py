"""GET and POST /sign-in, POST /sign-out: a password opens a session."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import log
from app.core.accounts import MAX_PASSWORD, name_of
from app.core.keys import digest_of
from web.sign_in.cookies import Cookie
from web.sign_in.csrf import form_secret, is_own_form, is_right
from web.sign_in.door import Door, csrf_of
from web.sign_in.guard import signing_in_is_off
from web.sign_in.next_path import HOME, next_path
from web.sign_in.pages import form_of, page, told

#: How long a stranger's form is good, in seconds.
FORM_S = 3600
WRONG = "Name and password do not fit together."

_LOG = log.get("sign_in")


class SigningIn:
    """The pages."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def show(self, request: Request) -> Response:
        """The form; who is signed in goes on."""
        wanted = next_path(request.query_params.get("next", HOME))
        if not self._door.is_on:
            local = self._door.viewer_here(request) is not None
            return RedirectResponse(HOME, status_code=303) if local else signing_in_is_off()
        viewer = await self._door.viewer(request)
        if viewer is not None and viewer.account is not None:
            return RedirectResponse(wanted, status_code=303)
        return self._form(request, wanted=wanted)

    async def sign_in(self, request: Request) -> Response:
        """A session for who knows the password."""
        door, form = self._door, await form_of(request)
        if not door.is_on:
            return signing_in_is_off()
        wanted = next_path(form.get("next", HOME))
        if not is_own_form(request, form.get("csrf", ""), door):
            return out_of_date("/sign-in")
        given, password = form.get("name", ""), form.get("password", "")
        name = name_of(given) or ""
        # Who is tried need not be there: a limit must not tell.
        wait_s = door.attempts.wait_s(name=f"user {digest_of(name)}", network=door.origin.network(request))
        row = await door.accounts.named(name) if name else None
        account = row.id if row else "unknown"
        if wait_s:
            _LOG.warning("sign_in.refused", account=account, reason="limit")
            return self._form(request, wanted=wanted, name=given, wait_s=wait_s)
        fits = await door.passwords.fits(row.password_hash if row else "", password[: MAX_PASSWORD + 1])
        if row is None or not fits:
            _LOG.warning("sign_in.refused", account=account, reason="password")
            return self._form(request, wanted=wanted, name=given, fault=WRONG)
        response = RedirectResponse(wanted, status_code=303)
        await door.open(response, request, row)
        _LOG.info("sign_in.opened", account=row.id, way="password")
        return response

    async def sign_out(self, request: Request) -> Response:
        """The session ends here and in the store; so does what a link opened."""
        door, form = self._door, await form_of(request)
        viewer = await door.viewer(request)
        # A foreign page's request comes without the cookie, and would take it away from the browser.
        is_ours = viewer is None or is_right(form.get("csrf", ""), viewer.csrf)
        if door.origin.is_foreign(request) or not is_ours:
            return out_of_date("/account")
        if viewer is not None and viewer.account is not None:
            await door.close(viewer.session_id, viewer.account.account_id)
            _LOG.info("sign_in.closed", account=viewer.account.account_id)
        response = RedirectResponse("/sign-in", status_code=303)
        for cookie in (Cookie.SESSION, Cookie.SHARE):
            door.cookies.clear(response, request, cookie)
        return response

    def _form(
        self, request: Request, *, wanted: str, name: str = "", fault: str = "", wait_s: int = 0
    ) -> Response:
        secret = form_secret(request, self._door)
        status = 429 if wait_s else 403 if fault else 200
        response = page(
            "sign_in",
            status=status,
            headers={"Retry-After": str(wait_s)} if wait_s else None,
            csrf=csrf_of(secret),
            next=wanted,
            name=name[:128],
            fault=too_often(wait_s) if wait_s else fault,
            oidc=self._door.web.sign_in == "oidc",
        )
        self._door.cookies.put(response, request, Cookie.FORM, secret, max_age_s=FORM_S)
        return response


def too_often(wait_s: int) -> str:
    """What who tried too often is told."""
    wait = f"{wait_s} seconds" if wait_s < 120 else f"{-(-wait_s // 60)} minutes"
    return f"Tried too often. Try again in {wait}."


def out_of_date(path: str) -> Response:
    """403: the form was open for too long, comes from elsewhere, or the browser keeps no cookies."""
    return told(
        "The form is out of date",
        "Open it again. It must come from a page of this server, in a browser that keeps cookies. Behind a "
        "proxy, web.public_url must be what browsers see.",
        status=403,
        link=(path, "Open it again"),
    )
