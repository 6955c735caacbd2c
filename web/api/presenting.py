"""An answer -> a response."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from web.accepting import JSON

_ENCODER = msgspec.json.Encoder()


class Answered(Response):
    """An answer as JSON, which can be told as a table too."""

    def __init__(self, answer: Any, *, status: int) -> None:
        super().__init__(_ENCODER.encode(answer), status_code=status, media_type=JSON)
        self.answer = answer


def json_response(answer: Any, *, status: int = 200) -> Answered:
    """The answer as JSON."""
    return Answered(answer, status=status)
