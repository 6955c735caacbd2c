"""What a page shows -> HTML or JSON, as the request asks; every error in the same two shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

import web
from web.inspect.refusals import Link, RefusalError
from web.inspect.times import lasting, relative, size, utc

STATIC = Path(str(web.__file__)).parent / "static"
#: Pages have no script and load nothing but a stylesheet and an icon of this server.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
JSON_SUFFIX = ".json"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: ``value`` is its JSON, ``template`` what makes a page of it, with ``beside`` at hand."""

    template: str
    value: Any
    beside: Mapping[str, Any] = {}
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = {}
    #: In JSON another status and other headers, where a program is to go elsewhere by itself.
    json_status: HTTPStatus | None = None
    json_headers: Mapping[str, str] = {}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error: what and why, and what there is instead."""

    status: int
    detail: str
    there: tuple[Link, ...] = ()


def wants_json(request: Any) -> bool:
    """Whether the path ends in ``.json``, or JSON is accepted and HTML is not."""
    accept = request.headers.get("Accept", "")
    return request.path.endswith(JSON_SUFFIX) or ("application/json" in accept and "text/html" not in accept)


def refused(error: RefusalError) -> Shown:
    """The answer that says why there is none."""
    value = Problem(status=int(error.status), detail=error.detail, there=error.there)
    return Shown(template="problem.html", value=value, status=error.status, headers=error.headers)


class Answers:
    """Makes the answers; ``now`` is what relative times are relative to."""

    def __init__(self, *, now: Callable[[], datetime], worker: Callable[[], str]) -> None:
        self._now = now
        self._worker = worker
        self._pages = Environment(
            loader=PackageLoader("web", "templates/inspect"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.filters |= {
            "utc": utc,
            "size": size,
            "lasting": lasting,
            "number": "{:,}".format,
            "sentence": _sentence,
        }

    def make(self, view: Any, request: Any, shown: Shown) -> Any:
        """The response of the worker's web server."""
        if wants_json(request):
            return view.bytes(
                msgspec.json.encode(shown.value),
                content_type="application/json",
                status=int(shown.json_status or shown.status),
                headers={**HEADERS, **shown.headers, **shown.json_headers},
            )
        page = self._pages.get_template(shown.template).render(
            shown=shown.value,
            **shown.beside,
            worker=self._worker(),
            json_path=_as_json(request),
            ago=partial(relative, now=self._now()),
        )
        kind = {"Content-Type": "text/html; charset=utf-8"}
        return view.bytes(
            page.encode(), status=int(shown.status), headers={**HEADERS, **kind, **shown.headers}
        )


def _sentence(detail: str) -> str:
    return f"{detail[:1].upper()}{detail[1:]}."


def _as_json(request: Any) -> str:
    """The same page as JSON."""
    path = request.rel_url.raw_path
    name = f"{path}index{JSON_SUFFIX}" if path.endswith("/") else f"{path}{JSON_SUFFIX}"
    query = request.rel_url.raw_query_string
    return f"{name}?{query}" if query else name
