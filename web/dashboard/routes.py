"""A route for each page. The server writes the frame; what it shows the browser asks of the REST API."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from app.settings import Settings
from web.dashboard.pages import PAGES, Group, Page

#: What every page loads, so that the browser need not find out one after the other.
MODULES = (
    "core/dom.js", "core/format.js", "core/state.js", "core/api.js", "core/dimensions.js",
    "shell/shell.js", "shell/panel.js", "shell/controls.js", "shell/chips.js", "shell/navigation.js",
    "parts/table.js", "parts/dialog.js",
)  # fmt: skip


class Viewer(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks: which sites (None: all), what they may do, and what the page hands on to the API."""

    sites: frozenset[str] | None = None
    can_write: bool = True
    is_admin: bool = True
    name: str = ""
    csrf_token: str = ""
    share_token: str = ""

    def sees(self, page: Page) -> bool:
        """Whether the page is in the viewer's navigation."""
        return self.is_admin or not page.is_for_admins


#: Whoever reaches the server: without sign-in there is nobody else.
ANYBODY = Viewer()


def routes(
    settings: Settings, *, viewer_of: Callable[[Request], Viewer] = lambda _: ANYBODY
) -> list[BaseRoute]:
    """The pages, as ``viewer_of`` a request may see them."""
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
            viewer=viewer,
            modules=MODULES,
            groups=_navigation(viewer),
            shell=shell_of(settings, viewer),
        )
        return HTMLResponse(frame, headers={"Cache-Control": "no-store"})

    return [Route(page.path, partial(show, page), methods=["GET"]) for page in PAGES]


def _navigation(viewer: Viewer) -> list[tuple[Group, list[Page]]]:
    """Each heading with its pages that the viewer may see."""
    return [(group, [page for page in PAGES if page.group is group and viewer.sees(page)]) for group in Group]


def shell_of(settings: Settings, viewer: Viewer) -> dict[str, Any]:
    """What every page's script knows from the start: the sites that may be seen, and what may be done."""
    return {
        "sites": [
            {"id": site_id, "timezone": site.timezone}
            for site_id, site in sorted(settings.sites.items())
            if viewer.sites is None or site_id in viewer.sites
        ],
        "canWrite": viewer.can_write,
        "isAdmin": viewer.is_admin,
    }
