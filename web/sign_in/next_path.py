"""Where somebody goes after signing in: to a path of ours, whatever the link to the form said."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from starlette.requests import Request

HOME = "/"
MAX_LENGTH = 2000


def next_path(text: str) -> str:
    """The path and query that the text is; HOME for what leads elsewhere, or could.

    A browser takes ``//host``, and ``/\\host`` as well, for another host, and drops control characters.
    """
    if len(text) > MAX_LENGTH or not text.isprintable() or "\\" in text or " " in text:
        return HOME
    if not text.startswith("/") or text.startswith("//"):
        return HOME
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or parts.path.startswith(("//", "/sign-")):
        return HOME
    return text


def asking_for(request: Request) -> str:
    """The sign-in form's address for who asked for this page."""
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = next_path(asked)
    return "/sign-in" if wanted == HOME else f"/sign-in?next={quote(wanted, safe='')}"
