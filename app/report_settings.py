"""How reports are made, kept and sent, as app.settings reads it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


class ReportSettings(BaseModel):
    """Jobs of the web server that write reports, and the ways to send them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_once: int = Field(2, ge=1, le=16)
    max_waiting: int = Field(100, ge=1, le=10_000)
    poll_s: float = Field(5.0, gt=0)
    lease_s: float = Field(60.0, gt=0)
    keep_days: int = Field(7, ge=1, le=30)
    keep_mb: int = Field(512, ge=1)
    max_file_mb: int = Field(16, ge=1, le=64)
    pdf_font: str = ""
    smtp_host: str = ""
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    mail_from: str = Field("", pattern=r"^([A-Za-z0-9._+-]+@[A-Za-z0-9.-]+)?$")
    webhook_secret: SecretStr = SecretStr("")
    private_webhooks: bool = False
    send_tries: int = Field(5, ge=1, le=20)
    send_timeout_s: float = Field(20.0, gt=0)

    @model_validator(mode="after")
    def _can_send(self) -> ReportSettings:
        if self.smtp_host and not self.mail_from:
            raise ValueError("`smtp_host` without `mail_from`; expected the address that reports come from")
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError("`smtp_user` with `smtp_security: none` would send the password in the clear")
        return self
