"""What every section of the settings is: frozen, and strict about unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A section of faust.yml."""

    model_config = ConfigDict(frozen=True, extra="forbid")
