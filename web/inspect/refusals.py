"""Why a page of the worker cannot be shown, and what can be instead."""

from __future__ import annotations

from http import HTTPStatus

import msgspec


class Link(msgspec.Struct, frozen=True):
    """A page that there is: its path, and what it shows."""

    path: str
    label: str


class RefusalError(Exception):
    """The question cannot be answered here and now; ``there`` is what there is in its place."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        there: tuple[Link, ...] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.there = there
        self.headers = headers or {}


def not_now(detail: str) -> RefusalError:
    """What is true for a moment only, while workers come and go."""
    return RefusalError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "5"})
