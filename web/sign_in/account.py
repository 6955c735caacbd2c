"""GET /account, POST /account/password, POST /account/sessions: what people change of their own."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import log
from app.adapters.clickhouse.accounts import UserRow
from app.core.accounts import MIN_PASSWORD, Viewer, password_fault
from app.core.api_keys import ALL_SITES
from web.sign_in.csrf import is_right
from web.sign_in.door import Door
from web.sign_in.guard import viewer_of
from web.sign_in.next_path import HOME
from web.sign_in.pages import form_of, page
from web.sign_in.signing_in import out_of_date, too_often

#: In place of a session's id: all but the one that asks.
OTHERS = "others"
DONE = "The password is changed; every other session is closed."

_LOG = log.get("sign_in")


class AccountPages:
    """The pages, for who is signed in; the guard stands before them."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def show(self, request: Request) -> Response:
        """Name, roles, sessions, and the form for another password."""
        row = await self._row(request)
        done = DONE if "changed" in request.query_params else ""
        return to_sign_in() if row is None else await self._page(request, row, done=done)

    async def change_password(self, request: Request) -> Response:
        """Another password: every session ends, and one begins here."""
        door, posted = self._door, await self._posted(request)
        if isinstance(posted, Response):
            return posted
        row, form = posted
        wait_s = door.attempts.wait_s(name=f"change {row.id}", network=door.origin.network(request))
        if wait_s:
            return await self._page(request, row, fault=too_often(wait_s), wait_s=wait_s)
        password = form.get("password", "")
        fault = password_fault(password, name=row.name)
        if not await door.passwords.fits(row.password_hash, form.get("current", "")):
            fault = "that is not the current password"
        elif password != form.get("again", ""):
            fault = "the two new passwords differ"
        if fault:
            return await self._page(request, row, fault=f"Not changed: {fault}.")
        kept = await door.passwords.hashed(password)
        changed = await door.accounts.change(row, at=door.now, password_hash=kept)
        response = RedirectResponse("/account?changed", status_code=303)
        await door.open(response, request, changed)
        _LOG.info("sign_in.password_changed", account=row.id)
        return response

    async def end_sessions(self, request: Request) -> Response:
        """End one session of one's own, or all the others."""
        door, posted = self._door, await self._posted(request)
        if isinstance(posted, Response):
            return posted
        row, form = posted
        wanted, own = form.get("session", ""), viewer_of(request).session_id
        for one in await door.sessions.of_account(row.id, at=door.now):
            if one.latest.id == wanted or (wanted == OTHERS and one.latest.id != own):
                await door.sessions.end(one.latest, at=door.now)
        return RedirectResponse("/account", status_code=303)

    async def _posted(self, request: Request) -> tuple[UserRow, dict[str, str]] | Response:
        """Who sent the form, and what is in it; what to answer where it is nobody's, or of another page."""
        form, row = await form_of(request), await self._row(request)
        if row is None:
            return to_sign_in()
        return out_of_date("/account") if self._is_foreign(request, form) else (row, form)

    async def _row(self, request: Request) -> UserRow | None:
        account = viewer_of(request).account
        return await self._door.accounts.user(account.account_id) if account else None

    def _is_foreign(self, request: Request, form: dict[str, str]) -> bool:
        expected = viewer_of(request).csrf
        return self._door.origin.is_foreign(request) or not is_right(form.get("csrf", ""), expected)

    async def _page(
        self, request: Request, row: UserRow, *, fault: str = "", done: str = "", wait_s: int = 0
    ) -> Response:
        viewer, door = viewer_of(request), self._door
        sessions = await door.sessions.of_account(row.id, at=door.now)
        return page(
            "account",
            status=429 if wait_s else 403 if fault else 200,
            headers={"Retry-After": str(wait_s)} if wait_s else None,
            csrf=viewer.csrf,
            name=row.name,
            roles=roles_told(viewer),
            has_password=bool(row.password_hash),
            min_password=MIN_PASSWORD,
            fault=fault,
            done=done,
            sessions=[
                {
                    "id": one.latest.id,
                    "began": f"{one.made_at:%Y-%m-%d %H:%M} UTC",
                    "seen": f"{one.latest.changed_at:%Y-%m-%d %H:%M} UTC",
                    "is_own": one.latest.id == viewer.session_id,
                }
                for one in reversed(sessions)
                if one.latest.credential == row.account.credential
            ],
        )


def roles_told(viewer: Viewer) -> list[str]:
    """Each role with its site, as people read it."""
    return [
        f"{role} of {'every site' if site == ALL_SITES else site}"
        for site, role in sorted(viewer.roles.items())
    ]


def to_sign_in() -> Response:
    """303: there is no account to show here."""
    return RedirectResponse(HOME, status_code=303)
