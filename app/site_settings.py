"""What is particular to one site, as app.settings reads it."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from app.events.vocabulary import Channel


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChannelSettings(_Section):
    """A site's own rule for a channel: all that is given has to hold; ``*`` stands for any text."""

    channel: Channel
    source: str = ""
    medium: str = ""
    campaign: str = ""
    referrer: str = ""

    def told(self) -> dict[str, str]:
        """What a visit has to be."""
        return self.model_dump(exclude={"channel"})

    @model_validator(mode="after")
    def _says_when(self) -> ChannelSettings:
        if not any(self.told().values()):
            raise ValueError("expected at least one of `source`, `medium`, `campaign`, `referrer`")
        return self


class SiteSessionSettings(_Section):
    """The rules that a site has of its own; what is not given is as in ``sessions``."""

    gap_ms: int | None = Field(None, ge=1)
    grace_ms: int | None = Field(None, ge=0)
    cap_ms: int | None = Field(None, ge=0)
    bounce_engaged_ms: int | None = Field(None, ge=0)
    split_at_midnight: bool | None = None
    split_at_campaign: bool | None = None
    bot_events_per_minute: int | None = Field(None, ge=0)
    bot_min_events: int | None = Field(None, ge=1)


class SiteSettings(_Section):
    """What is particular to one site."""

    timezone: str = "UTC"
    domains: tuple[str, ...] = ()
    conversion_events: tuple[str, ...] = ("$purchase", "$goal")
    query_allow_list: tuple[str, ...] = ()
    channels: tuple[ChannelSettings, ...] = ()
    write_keys: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,128}$")], ...] = ()
    origins: tuple[str, ...] | None = None
    server_keys: tuple[str, ...] = ()
    scrub_pii: bool = True
    cookieless: bool = False
    retention_days: int | None = Field(None, ge=1, le=36_500)
    respect_gpc: bool = True
    respect_dnt: bool = True
    sessions: SiteSessionSettings = SiteSessionSettings()

    @field_validator("server_keys")
    @classmethod
    def _are_digests(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in value):
            raise ValueError("expected SHA-256 digests in hex, never secrets; `wua keys new` prints both")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("expected an IANA time zone such as Europe/Berlin") from error
        return value
