"""An answer -> a response."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

_ENCODER = msgspec.json.Encoder()


def json_response(answer: Any, *, status: int = 200) -> Response:
    """The answer as JSON."""
    return Response(_ENCODER.encode(answer), status_code=status, media_type="application/json")
