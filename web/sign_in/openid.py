"""GET /sign-in/oidc and /sign-in/oidc/callback: away to the OpenID provider, and back with a session."""

from __future__ import annotations

import base64

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import log
from app.adapters.clickhouse.accounts import UserRow
from app.adapters.oidc import Flow, Identity, Provider
from app.core.accounts import name_of
from app.errors import ProviderError
from web.sign_in.cookies import Cookie
from web.sign_in.csrf import is_right
from web.sign_in.door import Door
from web.sign_in.next_path import HOME, next_path
from web.sign_in.pages import told
from web.sign_in.signing_in import out_of_date, too_often

PATH = "/sign-in/oidc"
CALLBACK = f"{PATH}/callback"
#: How long somebody may be away, in seconds.
AWAY_S = 600

_LOG = log.get("sign_in")


class OpenIdPages:
    """The pages; there are none unless ``web.sign_in`` is oidc."""

    def __init__(self, door: Door) -> None:
        web = door.web
        self._door = door
        self._provider = Provider(
            issuer=web.oidc_issuer,
            client_id=web.oidc_client_id,
            client_secret=web.oidc_client_secret.get_secret_value(),
            redirect_uri=f"{web.public_url}{CALLBACK}",
        )

    async def away(self, request: Request) -> Response:
        """To the provider."""
        flow = Flow.begun(next_path(request.query_params.get("next", HOME)))
        try:
            response = RedirectResponse(await self._provider.address(flow), status_code=303)
        except ProviderError as error:
            return _failed(error)
        kept = base64.urlsafe_b64encode(msgspec.json.encode(flow)).decode()
        self._door.cookies.put(response, request, Cookie.OIDC, kept, max_age_s=AWAY_S)
        return response

    async def back(self, request: Request) -> Response:
        """A session for who was added here; each answer of the provider is good once."""
        response = await self._back(request)
        self._door.cookies.clear(response, request, Cookie.OIDC)
        return response

    async def _back(self, request: Request) -> Response:
        door, asked = self._door, request.query_params
        flow = _flow(door.cookies.get(request, Cookie.OIDC))
        is_ours = flow is not None and is_right(asked.get("state", ""), flow.state)
        if flow is None or not is_ours or asked.get("iss", door.web.oidc_issuer) != door.web.oidc_issuer:
            return out_of_date("/sign-in")
        network = door.origin.network(request)
        wait_s = door.attempts.wait_s(name=f"oidc {network}", network=network)
        if wait_s:
            return told("Not now", too_often(wait_s), status=429, headers={"Retry-After": str(wait_s)})
        if "code" not in asked:
            return _refused("The provider let nobody in. Try again, or ask who runs it.")
        try:
            now_s = int(door.now.timestamp())
            identity = await self._provider.identity(asked["code"], flow, now_s=now_s)
        except ProviderError as error:
            return _failed(error)
        row = await self._row(identity)
        if row is None:
            _LOG.warning("sign_in.refused", account="unknown", reason="not added")
            return _refused(
                "You are known to the provider, but were not added here, or it has not verified your mail "
                "address. Whoever runs this server adds people with `wua users add MAIL-ADDRESS --oidc`."
            )
        response = RedirectResponse(next_path(flow.next), status_code=303)
        await door.open(response, request, row)
        _LOG.info("sign_in.opened", account=row.id, way="oidc")
        return response

    async def _row(self, identity: Identity) -> UserRow | None:
        """The person who has the id at the provider; the first time the one with the mail address.

        An address that is given to somebody else later opens nothing: ids are not given again.
        """
        accounts = self._door.accounts
        if found := await accounts.with_subject(identity.subject):
            return found
        name = name_of(identity.email)
        row = await accounts.named(name) if name else None
        if row is None or row.subject:
            return None
        return await accounts.change(row, at=self._door.now, subject=identity.subject)


def _flow(kept: str) -> Flow | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(kept), type=Flow)
    except ValueError:
        return None


def _refused(text: str) -> Response:
    return told("Not signed in", text, status=403, link=("/sign-in", "Sign in"))


def _failed(error: ProviderError) -> Response:
    _LOG.warning("sign_in.provider_failed", error=str(error))
    return told(
        "Not possible at the moment",
        "The provider cannot be asked, or what it says does not fit. The server's log tells more.",
        status=502,
        link=("/sign-in", "Sign in"),
    )
