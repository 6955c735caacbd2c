"""Who asks an endpoint, how often, and whether the key opens it: decided here for every endpoint alike."""

from __future__ import annotations

import hmac
import math

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from app.adapters.clickhouse.api_keys import ApiKeys
from app.adapters.clock import Clock
from app.core.accounts import Viewer
from app.core.api_keys import ALL_SITES, OPERATOR, ApiKey, KeyScope
from app.core.keys import digest_of
from app.settings import Settings
from web import admin
from web.api import linked
from web.api.asking import body_of
from web.api.endpoints import Endpoint
from web.limits import RateLimit, network_of
from web.problems import ProblemKind, problem
from web.sender import client_address, networks
from web.sign_in import csrf
from web.sign_in.door import Door


class Access:
    """Answers by the endpoint's declaration, the settings, and the keys in the store."""

    def __init__(self, settings: Settings, *, keys: ApiKeys, door: Door, clock: Clock) -> None:
        web = settings.web
        self._web = web
        self._keys = keys
        self._door = door
        self._clock = clock
        self._trusted = networks(web.trusted_proxies)
        self._limit = RateLimit(rate_per_s=web.api_rate_per_s, burst=web.api_rate_burst)

    async def caller(self, endpoint: Endpoint, request: Request) -> ApiKey | None:
        """Whose key is sent, or who is signed in: the operator where none is needed, None: a stranger."""
        if endpoint.scope is KeyScope.READ and not self._web.needs_key:
            return OPERATOR
        sent = admin.bearer_of(request)
        own = self._web.admin_key.get_secret_value()
        if own and hmac.compare_digest(sent.encode(), own.encode()):
            return OPERATOR
        if sent:
            return await self._keys.find(digest_of(sent))
        viewer = request.state.viewer = await self._door.viewer(request)
        return viewer.key_for(endpoint.scope) if viewer else None

    def limit(self, caller: ApiKey | None, request: Request) -> tuple[Response | None, dict[str, str]]:
        """429 for who asks too often, and the headers that say how much is left."""
        if self._web.api_rate_per_s == 0:
            return None, {}
        bucket = self.asker(caller, request)
        now_s = self._clock() / 1000
        wait_s = self._limit.take(bucket, 1, now_s=now_s)
        left, full_s = self._limit.left(bucket, now_s=now_s)
        burst = self._web.api_rate_burst
        headers = {
            "RateLimit-Policy": f'"api";q={burst};w={math.ceil(burst / self._web.api_rate_per_s)}',
            "RateLimit": f'"api";r={left};t={math.ceil(full_s)}',
        }
        return (_slow_down(wait_s, headers) if wait_s else None), headers

    async def refusal(self, caller: ApiKey | None, endpoint: Endpoint, request: Request) -> Response | None:
        """401 without a key, 403 for a key that lacks the scope or a site; None for who may ask."""
        if caller is None:
            if self._web.needs_key:
                return _unauthorized(endpoint.scope)
            return admin.refusal(request, key=self._web.admin_key.get_secret_value())
        viewer: Viewer | None = getattr(request.state, "viewer", None)
        if viewer is not None and (foreign := csrf.refusal(request, viewer, self._door)):
            return foreign
        if not caller.allows(endpoint.scope):
            return _forbidden(
                f"it has no scope `{endpoint.scope}`, only {', '.join(sorted(caller.scopes))}; "
                f"`wua keys new --scope {endpoint.scope}` makes one that has"
            )
        if ALL_SITES in caller.sites or endpoint.is_of_no_site:
            return None
        sites = await named_sites(endpoint, request)
        if not caller.opens(sites):
            own = ", ".join(sorted(caller.sites))
            asked = ", ".join(sorted(site[:64] for site in sites)) or "no site, which means all of them"
            return _forbidden(f"it is of {own}; the request names {asked}")
        share = viewer.shown_by_link(sites) if viewer is not None else None
        return await linked.refusal(share, endpoint, request) if share is not None else None

    def asker(self, caller: ApiKey | None, request: Request) -> str:
        """Whose questions are counted together: those of a key, else of a network address."""
        if caller is not None and caller.key_id:
            return f"key {caller.key_id}"
        peer = request.client.host if request.client else ""
        forwarded = request.headers.getlist("x-forwarded-for")
        return network_of(client_address(peer, forwarded, trusted=self._trusted))


async def named_sites(endpoint: Endpoint, request: Request) -> frozenset[str]:
    """Every site that path, query or body names. Raises QueryError where the body is not as expected."""
    sites = set(request.query_params.getlist("site"))
    if "site_id" in request.path_params:
        sites.add(request.path_params["site_id"])
    if names_site_in_body(endpoint):
        body = await body_of(request, endpoint.body)
        if body.site is not None:
            sites.add(body.site)
    return frozenset(sites)


def names_site_in_body(endpoint: Endpoint) -> bool:
    """Whether its body has a field for the site."""
    if endpoint.body is None:
        return False
    return "site" in {field.name for field in msgspec.structs.fields(endpoint.body)}


def _unauthorized(scope: KeyScope) -> Response:
    return problem(
        401,
        kind=ProblemKind.UNAUTHORIZED,
        detail="sign in, or send a key of the API as `Authorization: Bearer SECRET`; "
        f"`wua keys new --scope {scope}` makes one, and one that was revoked is none any more",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _forbidden(why: str) -> Response:
    return problem(403, kind=ProblemKind.FORBIDDEN, detail=f"the key does not open this: {why}")


def _slow_down(wait_s: float, headers: dict[str, str]) -> Response:
    return problem(
        429,
        kind=ProblemKind.TOO_MANY_REQUESTS,
        detail="too many questions from this key or network address; see web.api_rate_per_s, api_rate_burst",
        headers={"Retry-After": str(max(1, math.ceil(wait_s))), **headers},
    )
