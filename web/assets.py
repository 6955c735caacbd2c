"""/static: what the pages are made of, packed on the way, and looked at again after an update."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

#: Smaller ones would hardly get smaller.
PACKED_FROM_BYTES = 1024


class _Revalidated(StaticFiles):
    """Kept by browsers, which ask each time whether they changed: modules of two versions do not fit."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def mount(directory: Path) -> Mount:
    """The route of the files in ``directory``."""
    return Mount("/static", GZipMiddleware(_Revalidated(directory=directory), minimum_size=PACKED_FROM_BYTES))
