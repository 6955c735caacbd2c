"""A site's own rules for channels, as app.settings reads them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

from app.events.vocabulary import Channel


class ChannelSettings(BaseModel):
    """A site's own rule for a channel: all that is given has to hold; ``*`` stands for any text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
