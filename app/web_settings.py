"""How the web server is reached, who may ask it, how often, and what it keeps for a while."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator

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

    @property
    def needs_key(self) -> bool:
        """Whether the read API answers to keys alone: as set, else where other machines reach the server."""
        if self.api_auth == "auto":
            return not _is_loopback(self.host)
        return self.api_auth == "required"

    @field_validator("api_auth", mode="before")
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
