"""The pages of sign-in as HTML: no script, no style but our own file; and the forms that come back."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

MAX_FIELDS = 20
#: Nothing of these pages is kept, and no address of one is told to another site.
#: TRICKY: with "no-referrer" a browser sends our own forms with ``Origin: null``.
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}

_PAGES = Environment(
    loader=PackageLoader("web", "templates/sign_in"), autoescape=True, undefined=StrictUndefined
)


def page(
    template: str, /, *, status: int = 200, headers: Mapping[str, str] | None = None, **shown: object
) -> Response:
    """A page of web/templates/sign_in."""
    html = _PAGES.get_template(f"{template}.html").render(**shown)
    return HTMLResponse(html, status_code=status, headers={**HEADERS, **(headers or {})})


def told(
    title: str,
    text: str,
    *,
    status: int,
    link: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page that says one thing; ``link`` is where to go on, and what that is called."""
    return page("told", status=status, headers=headers, title=title, text=text, link=link)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, of each the first; none of what is no form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return {}
    body = (await request.body()).decode("utf-8", "replace")
    try:
        fields = parse_qs(body, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}
