"""How the web server is reached, who may ask it, how often, and what it keeps for a while."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from app.section import Section

MIN_KEY_LENGTH = 16


class WebSettings(Section):
    """The collector and the REST API."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    rate_per_s: float = Field(200.0, ge=0)
    rate_burst: int = Field(2000, ge=1)
    key_rate_per_s: float = Field(2000.0, ge=0)
    key_rate_burst: int = Field(20_000, ge=1)
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ("*",)
    admin_key: SecretStr = SecretStr("")
    api_auth: Literal["auto", "off", "required"] = "auto"
    api_rate_per_s: float = Field(20.0, ge=0)
    api_rate_burst: int = Field(600, ge=1)
    check_headers: bool = True
    sign_in: Literal["off", "local", "oidc"] = "off"
    sign_in_idle_h: float = Field(12.0, ge=0.5)
    sign_in_max_h: float = Field(168.0, ge=1)
    public_url: str = Field("", pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?$")
    oidc_issuer: str = Field("", pattern=r"^(https?://[^?#@\s]+)?$")
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")

    @property
    def needs_key(self) -> bool:
        """Whether the read API answers to keys alone: as set, else where other machines reach the server."""
        if self.api_auth == "auto":
            return self.sign_in != "off" or not self.is_bound_here
        return self.api_auth == "required"

    @property
    def is_bound_here(self) -> bool:
        """Whether this machine alone reaches the server."""
        return _is_loopback(self.host)

    @field_validator("api_auth", "sign_in", mode="before")
    @classmethod
    def _off_is_a_word(cls, value: Any) -> Any:
        # YAML reads a bare `off` as false.
        return "off" if value is False else value

    @field_validator("admin_key")
    @classmethod
    def _is_long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < MIN_KEY_LENGTH:
            raise ValueError(f"expected at least {MIN_KEY_LENGTH} characters, such as `openssl rand -hex 32`")
        return value

    @model_validator(mode="after")
    def _names_its_provider(self) -> WebSettings:
        if self.sign_in == "oidc" and not (self.oidc_issuer and self.oidc_client_id and self.public_url):
            raise ValueError("sign_in: oidc needs oidc_issuer, oidc_client_id and public_url")
        issuer = urlsplit(self.oidc_issuer)
        if issuer.scheme == "http" and not _is_loopback(issuer.hostname or ""):
            raise ValueError("oidc_issuer: expected https://...: who is signed in is told over it")
        return self

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError as error:
                raise ValueError(f"expected networks such as 10.0.0.0/8: {error}") from error
        return value


class CacheSettings(Section):
    """Answers that are kept for a while, in the process or in Valkey or Redis."""

    ttl_s: float = Field(0.0, ge=0, le=3600)
    max_mb: int = Field(64, ge=1)
    url: str = Field("", pattern=r"^$|^(redis|rediss|unix)://\S+$")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
