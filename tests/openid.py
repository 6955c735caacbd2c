"""A small OpenID provider on this machine: it gives out codes, and ID tokens for them as the test says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.embedded.loop_server import bind, serve_in_loop

CLIENT, SECRET = "wua", "s:cret"


class FakeProvider:
    """``claims`` are said beside, or in place of, the right ones; ``asked``: the last way to sign in."""

    def __init__(self) -> None:
        self.url = ""
        self.key = self.shown = ECKey.generate_key("P-256", parameters={"kid": "k1"})
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.now_s = 0
        self.asked: dict[str, str] = {}
        self.sent: list[dict[str, str]] = []

    def let_in(self, address: str) -> dict[str, str]:
        """Somebody signs in at the address that the browser was sent to: what they come back with."""
        assert address.startswith(f"{self.url}/authorize?")
        self.asked = dict(parse_qsl(urlsplit(address).query))
        return {"code": "the-code", "state": self.asked["state"], "iss": self.url}

    async def describe(self, _: Request) -> Response:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        found = {name: f"{self.url}/{path}" for name, path in ends.items()}
        return JSONResponse({"issuer": self.url, **found, **self.metadata})

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.shown.as_dict(private=False)]})

    async def token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.sent.append(form)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        login = base64.b64encode(b"wua:s%3Acret").decode()
        is_client = request.headers.get("authorization") == f"Basic {login}"
        if challenge != self.asked["code_challenge"] or form["code"] != "the-code" or not is_client:
            return JSONResponse({"error": "invalid_grant"}, 400)
        claims = {
            "iss": self.url,
            "sub": "u-1",
            "aud": CLIENT,
            "iat": self.now_s,
            "exp": self.now_s + 300,
            "nonce": self.asked["nonce"],
            "email": "Ana@example.com",
            "email_verified": True,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "ES256", "kid": self.key.kid}, kept, self.key)
        return JSONResponse({"id_token": token, "access_token": "a", "token_type": "Bearer"})


@asynccontextmanager
async def provider() -> AsyncIterator[FakeProvider]:
    """The provider at an address of its own."""
    fake = FakeProvider()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", fake.describe),
            Route("/keys", fake.keys),
            Route("/token", fake.token, methods=["POST"]),
        ]
    )
    async with serve_in_loop(app, bind("127.0.0.1", 0)) as url:
        fake.url = url
        yield fake
