"""A route for each page. The server writes the frame; what it shows the browser asks of the REST API."""

from __future__ import annotations

from functools import partial
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.core.accounts import Viewer
from app.core.api_keys import KeyScope
from app.settings import Settings
from web.dashboard.pages import PAGES, Group, Page
from web.sign_in import csrf_token, share_token, viewer_of

#: What every page loads, so that the browser need not find out one after the other.
MODULES = (
    "core/dom.js", "core/format.js", "core/state.js", "core/api.js", "core/dimensions.js",
    "shell/shell.js", "shell/panel.js", "shell/controls.js", "shell/chips.js", "shell/navigation.js",
    "shell/sharing.js",
    "parts/table.js", "parts/dialog.js", "parts/copying.js",
)  # fmt: skip


def routes(settings: Settings) -> list[Route]:
    """The pages, for the guard of ``web.sign_in`` to stand before."""
    templates = Environment(
        loader=PackageLoader("web", "templates"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = templates.get_template("dashboard/page.html")

    async def show(page: Page, request: Request) -> Response:
        viewer = viewer_of(request)
        frame = template.render(
            page=page,
            name=viewer.account.name if viewer.session_id and viewer.account else "",
            csrf_token=csrf_token(request),
            share_token=share_token(request),
            modules=MODULES,
            groups=_navigation(viewer),
            shell=shell_of(settings, viewer),
        )
        return HTMLResponse(frame)

    return [Route(page.path, partial(show, page), methods=["GET"]) for page in PAGES]


def _navigation(viewer: Viewer) -> list[tuple[Group, list[Page]]]:
    """Each heading with its pages that the viewer may see."""
    seen = [page for page in PAGES if not page.is_for_admins or viewer.key_for(KeyScope.ADMIN).sites]
    return [(group, [page for page in seen if page.group is group]) for group in Group]


def shell_of(settings: Settings, viewer: Viewer) -> dict[str, Any]:
    """What every page's script knows from the start: the sites that may be seen, and what may be done.

    What may be done at some site of them may be refused at another; the API decides.
    """
    return {
        "sites": [
            {"id": site_id, "timezone": settings.site(site_id).timezone}
            for site_id in viewer.sites(settings.sites)
        ],
        "canWrite": bool(viewer.key_for(KeyScope.WRITE).sites),
        "isAdmin": bool(viewer.key_for(KeyScope.ADMIN).sites),
    }
