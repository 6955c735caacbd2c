"""A visitor -> what a worker's web server says of the state; any worker asks the one that has it."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from urllib.parse import quote

from yarl import URL

from app.errors import NotFoundError, WorkerUnavailableError
from app.settings import ANY_ADDRESS, AppSettings

TIMEOUT_S = 15.0
#: A person waits for a page.
METRICS_TIMEOUT_S = 3.0


def default_worker(app: AppSettings) -> str:
    """The web server of the worker that the settings name, else of this machine's."""
    if app.worker_url:
        return app.worker_url.rstrip("/")
    host = "localhost" if app.web_host in ANY_ADDRESS else app.web_host
    return str(URL.build(scheme="http", host=host, port=app.web_port))


def ask(worker: str, *, site: str, visitor: str, key: str = "") -> bytes:
    """The worker's answer, JSON; NotFoundError where the visitor has no state.

    ``key`` is that of web.admin_key, which a worker that has one asks for.
    """
    url = f"{worker}/state/{quote(site, safe='')}/{quote(visitor, safe='')}"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        # The URL is the operator's own.
        question = urllib.request.Request(url, headers=headers)  # noqa: S310
        with urllib.request.urlopen(question, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise _refusal(worker, error) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise no_worker(worker, str(error)) from error


def metrics(worker: str) -> str:
    """The text of the worker's ``/metrics``; raises WorkerUnavailableError."""
    try:
        with urllib.request.urlopen(f"{worker}/metrics", timeout=METRICS_TIMEOUT_S) as answer:  # noqa: S310
            return str(answer.read().decode())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise no_worker(worker, str(error)) from error


def no_worker(worker: str, why: str) -> WorkerUnavailableError:
    """The error for an address where no worker is."""
    return WorkerUnavailableError(
        f"no worker answers at {worker}: {why}; start one (faust -A app.worker:worker worker), or name the "
        "web server of one by app.worker_url (WUA_APP__WORKER_URL) or --worker URL"
    )


def _refusal(worker: str, error: urllib.error.HTTPError) -> Exception:
    try:
        detail = json.load(error)["detail"]
    except (ValueError, KeyError, TypeError):
        return no_worker(worker, f"it answers {error.code}, and not as a worker does")
    return NotFoundError(detail) if error.code == 404 else WorkerUnavailableError(detail)
