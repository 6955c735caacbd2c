"""Who asks: a cookie or a link's secret -> a viewer; and the sessions that cookies stand for."""

from __future__ import annotations

import hmac
import secrets
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from app.adapters.clickhouse.accounts import UserRow
from app.adapters.clickhouse.dashboard_sessions import DashboardSession, DashboardSessions
from app.adapters.clock import Clock
from app.adapters.passwords import Passwords
from app.core.accounts import Account, Role, Share, Viewer
from app.core.api_keys import ALL_SITES
from app.core.keys import digest_of
from views.queries import Queries
from web import admin
from web.sign_in.attempts import Attempts
from web.sign_in.cookies import Cookie, Cookies
from web.sign_in.origin import Origin

TOKEN_BYTES = 32
ID_BYTES = 6
SHARE_HEADER = "x-share-token"
#: Who opens the dashboard of a server of this machine alone.
HERE = Viewer(account=Account(account_id="", name="this machine", roles={ALL_SITES: Role.ADMIN}), csrf="")


class Door:
    """What guard, pages and API know viewers by."""

    def __init__(self, queries: Queries, *, clock: Clock) -> None:
        self.web = queries.settings.web
        self.accounts = queries.accounts
        self.sessions = DashboardSessions(queries.logs, idle=timedelta(hours=self.web.sign_in_idle_h))
        self.passwords = Passwords()
        self.attempts = Attempts(clock=clock)
        self.origin = Origin(self.web)
        self.cookies = Cookies(self.origin)
        self._clock = clock

    @property
    def is_on(self) -> bool:
        """Whether people sign in."""
        return self.web.sign_in != "off"

    @property
    def max_age_s(self) -> int:
        """How long a session may be, in seconds."""
        return int(self.web.sign_in_max_h * 3600)

    @property
    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self._clock() / 1000, UTC)

    async def viewer(self, request: Request) -> Viewer | None:
        """Who asks; None for a stranger. Raises SinkUnavailableError where that cannot be known now.

        A link's secret in the header counts alone: a page within another page is not the person before it.
        """
        if not self.is_on:
            return None
        if SHARE_HEADER in request.headers:
            share = await self.accounts.share(digest_of(request.headers[SHARE_HEADER]))
            return Viewer(share=share) if share and not share.password_hash else None
        secret = self.cookies.get(request, Cookie.SESSION)
        found = await self.session(secret) if secret else None
        given = self.cookies.get(request, Cookie.SHARE)
        share = await self._share(given) if given else None
        if found is None:
            return Viewer(share=share, csrf=csrf_of(given)) if share else None
        row, session = found
        return Viewer(account=row.account, share=share, csrf=csrf_of(secret), session_id=session.id)

    def viewer_here(self, request: Request) -> Viewer | None:
        """Who opens the dashboard while nobody signs in: this machine, of a server that is bound here."""
        return HERE if not self.is_on and self.web.is_bound_here and admin.is_local(request) else None

    async def session(self, secret: str) -> tuple[UserRow, DashboardSession] | None:
        """The person and the session that a cookie's secret opens."""
        session = await self.sessions.find(digest_of(secret), at=self.now)
        row = await self.accounts.user(session.account_id) if session else None
        if session is None or row is None or session.credential != row.account.credential:
            return None
        return row, session

    async def open(self, response: Response, request: Request, row: UserRow) -> None:
        """Begin a session of the person, and have the browser keep its secret."""
        secret, now = secrets.token_urlsafe(TOKEN_BYTES), self.now
        session = DashboardSession(
            id=secrets.token_hex(ID_BYTES),
            changed_at=now,
            digest=digest_of(secret),
            account_id=row.id,
            credential=row.account.credential,
            expires_at=now + timedelta(seconds=self.max_age_s),
        )
        await self.sessions.begin(session)
        self.cookies.put(response, request, Cookie.SESSION, secret, max_age_s=self.max_age_s)
        self.cookies.clear(response, request, Cookie.FORM)

    async def close(self, session_id: str, account_id: str) -> None:
        """End a session of the person; one that is not there is ended already."""
        for one in await self.sessions.of_account(account_id, at=self.now):
            if one.latest.id == session_id:
                await self.sessions.end(one.latest, at=self.now)

    def share_cookie(self, token: str, share: Share) -> str:
        """What the browser keeps of a link whose password, if any, was given now."""
        issued_s = str(int(self._clock() / 1000))
        return f"{token}.{issued_s}.{share.proof(issued_s)}"

    async def _share(self, given: str) -> Share | None:
        token, _, rest = given.partition(".")
        issued_s, _, proof = rest.partition(".")
        share = await self.accounts.share(digest_of(token))
        is_time = issued_s.isascii() and issued_s.isdigit() and len(issued_s) < 12
        if (
            share is None
            or not is_time
            or not hmac.compare_digest(proof.encode(), share.proof(issued_s).encode())
        ):
            return None
        age_s = self._clock() / 1000 - int(issued_s)
        return share if age_s < self.max_age_s else None


def csrf_of(secret: str) -> str:
    """What pages send back that belong to this cookie; nobody else's page can know it."""
    return digest_of(f"csrf {secret}")
