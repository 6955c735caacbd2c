"""An OpenID provider: the authorization code flow with PKCE -> who signed in there.

OpenID Connect Core 1.0, section 3.1; Discovery 1.0; RFC 7636 (PKCE); RFC 9207 (whose answer it is).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.errors import ProviderError

TIMEOUT_S = 10.0
#: What it says of itself is asked for again after this long, its keys no sooner than after this.
METADATA_S = 3600.0
KEYS_S = 60.0
#: Clocks may differ by so many seconds.
LEEWAY_S = 60
#: Of signatures; none that a shared secret makes.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser keeps while somebody is away to sign in; ``next``: where they go then."""

    state: str
    nonce: str
    verifier: str
    next: str

    @classmethod
    def begun(cls, wanted: str) -> Flow:
        """A new one."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state=state, nonce=nonce, verifier=verifier, next=wanted)

    @property
    def challenge(self) -> str:
        """The verifier's digest, as S256 of RFC 7636 has it."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who signed in: an id that stays, and a mail address where the provider has verified one."""

    subject: str
    email: str


class _Metadata(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class Provider:
    """The provider of ``issuer``. Raises ProviderError that says what is the matter."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        elapsed_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._elapsed_s = elapsed_s
        self._metadata: tuple[float, _Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def address(self, flow: Flow) -> str:
        """Where the browser goes to sign in."""
        endpoint = (await self._found()).authorization_endpoint
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email",
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def identity(self, code: str, flow: Flow, *, now_s: int) -> Identity:
        """Who came back with this code."""
        metadata = await self._found()
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._client_id,
            "code_verifier": flow.verifier,
        }
        headers = {"Accept": "application/json"}
        if self._client_secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749, section 2.3.1: both are form-encoded first.
            pair = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif self._client_secret:
            given["client_secret"] = self._client_secret
        tokens = await self._ask("POST", metadata.token_endpoint, _Tokens, data=given, headers=headers)
        claims = self._checked(await self._claims(tokens.id_token, metadata), flow, now_s=now_s)
        is_verified = claims.get("email_verified") in (True, "true")
        email = claims.get("email")
        return Identity(
            subject=f"{self._issuer} {claims['sub']}",
            email=email if is_verified and isinstance(email, str) else "",
        )

    async def _claims(self, token: str, metadata: _Metadata) -> dict[str, Any]:
        for is_last in (False, True):
            try:
                keys = await self._key_set(metadata, is_anew=is_last)
                return dict(jwt.decode(token, keys, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError) as error:
                # The provider may have changed its keys.
                if is_last:
                    raise self._fault(f"the ID token is not signed by it: {type(error).__name__}") from error
        raise AssertionError("unreachable")

    def _checked(self, claims: dict[str, Any], flow: Flow, *, now_s: int) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            now=now_s,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._issuer},
            sub={"essential": True},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": flow.nonce},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise self._fault(f"the ID token is not for this sign-in: {error}") from error
        audience = claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != self._client_id:
            raise self._fault("the ID token is not for this sign-in: azp")
        return claims

    async def _found(self) -> _Metadata:
        now_s = self._elapsed_s()
        if self._metadata is None or now_s - self._metadata[0] >= METADATA_S:
            address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._ask("GET", address, _Metadata)
            if found.issuer != self._issuer:
                raise self._fault(f"it calls itself {found.issuer[:200]!r}: web.oidc_issuer must be the same")
            scheme = self._issuer.partition("://")[0]
            ends = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri)
            if not all(end.startswith(("https://", f"{scheme}://")) for end in ends):
                raise self._fault("it names an endpoint without TLS")
            self._metadata = (now_s, found)
        return self._metadata[1]

    async def _key_set(self, metadata: _Metadata, *, is_anew: bool) -> KeySet:
        now_s = self._elapsed_s()
        if self._keys is None or (is_anew and now_s - self._keys[0] >= KEYS_S):
            found = await self._ask("GET", metadata.jwks_uri, dict[str, Any])
            self._keys = (now_s, KeySet.import_key_set(found))
        return self._keys[1]

    async def _ask(self, method: str, address: str, kind: Any, **given: Any) -> Any:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                answer = await client.request(method, address, **given)
            if answer.status_code != 200:
                raise self._fault(f"it answers {answer.status_code} at {address}")
            return msgspec.json.decode(answer.content, type=kind)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError) as error:
            raise self._fault(f"no answer that can be used from {address}: {error}") from error

    def _fault(self, what: str) -> ProviderError:
        return ProviderError(f"OpenID provider {self._issuer}: {what}")
