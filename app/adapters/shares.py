"""A link to the dashboard, made: its row, and the secret that is shown once."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from app.adapters.clickhouse.accounts import ShareRow
from app.core.keys import digest_of

TOKEN_BYTES = 24
ID_BYTES = 6


def made(*, at: datetime, **fields: Any) -> tuple[ShareRow, str]:
    """The row of a new link with these fields, and its secret, 192 random bits as text."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = ShareRow(id=secrets.token_hex(ID_BYTES), changed_at=at, digest=digest_of(token), **fields)
    return row, token
