"""The endpoints -> OpenAPI 3.1, made from the Structs; and a page that shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader

from app.events.wire import ClientEvent, ServerEvent
from web import links
from web.api.endpoints import Endpoint


class PostedEvent(ClientEvent, frozen=True, kw_only=True, omit_defaults=True):
    """One event as a browser may send it. ``properties``: at most 64 keys and 8 KiB."""

    # Raw JSON on the way, an object to whoever posts it.
    properties: dict[str, Any] = msgspec.field(default_factory=dict)  # type: ignore[assignment]


class PostedServerEvent(ServerEvent, frozen=True, kw_only=True, omit_defaults=True):
    """One event as a server may send it. ``properties``: at most 64 keys and 8 KiB."""

    properties: dict[str, Any] = msgspec.field(default_factory=dict)  # type: ignore[assignment]


_REF = "#/components/schemas/{name}"
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. More members may follow, for example `errors` of a batch.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
_COLLECTOR_ERRORS = {
    "400": "No batch, or some events are refused: `errors` says which and why; good ones are kept.",
    "401": "The secret is missing, or opens no site.",
    "403": "No event may be posted by this sender: its origin, write key or secret is not the site's.",
    "413": "Over 512 KiB or 500 events.",
    "415": "Another Content-Encoding than gzip, or another type than JSON.",
    "429": "Too many events from this network or under this key; try again after Retry-After seconds.",
}
_LINK_ERRORS = {
    **_COLLECTOR_ERRORS,
    "400": "The body is not the one described, or broken gzip.",
    "403": "The sender may not post events of this site: its origin or write key is not the site's.",
    "413": "Over 4 KiB.",
    "415": "Another Content-Encoding than gzip.",
}
_NO_PAGE = "No Referer says which page it is, or the page view is refused: `errors` says why."
_GIF = {"type": "string", "contentMediaType": "image/gif"}
_NOT_MODIFIED = {"description": "The client has this answer already: If-None-Match names its ETag."}
_KEYS = "apiKey"
_OPERATORS = "adminKey"
_SERVERS = "siteSecret"
_SCHEMES = {
    _KEYS: "A key of `wua keys new --scope ...`; web.api_auth says whether questions need one.",
    _OPERATORS: "The key of web.admin_key.",
    _SERVERS: "A secret of the site, whose digest is in its server_keys.",
}
_WRITE_KEY = {
    "name": "key",
    "in": "query",
    "required": False,
    "description": "A write key of the site, where it has any.",
    "schema": {"type": "string"},
}
_ERRORS = {
    "400": "The question cannot be answered as asked; `detail` says what is wrong and what is expected.",
    "401": "A key is needed, and the one that is sent is missing, wrong or revoked.",
    "403": "The key lacks the scope, or is not of this site; without keys: not asked from this machine.",
    "404": "What the question is about is not there.",
    "406": "Accept names no type that there is of this answer.",
    "409": "It is not as you knew it, or not finished: `detail` says what is the matter.",
    "413": "The body is too long.",
    "429": "Too many questions from this key or network; try again after Retry-After seconds.",
    "503": "ClickHouse or Kafka is away; try again after Retry-After seconds.",
}


def openapi(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document."""
    kinds = {kind: None for one in endpoints for kind in _kinds(one)} | {
        PostedEvent: None,
        PostedServerEvent: None,
        links.Departing: None,
        links.LinkToken: None,
        links.Arriving: None,
        links.Arrived: None,
    }
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    by_kind = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {
        "/api/v1/events": {"post": _from_pages(by_kind[PostedEvent])},
        links.PATH: {
            "post": _about_links(
                "Sign a link to another domain of the same owner, so that it takes the visitor along",
                "post_link",
                by_kind[links.Departing],
                by_kind[links.LinkToken],
            )
        },
        links.VERIFY_PATH: {
            "post": _about_links(
                "Say whom a signed link brought",
                "post_link_verify",
                by_kind[links.Arriving],
                by_kind[links.Arrived],
            )
        },
        "/api/v1/server/events": {"post": _from_servers(by_kind[PostedServerEvent])},
        "/api/v1/pixel.gif": {"get": _from_images()},
    }
    for one in endpoints:
        path = re.sub(r":\w+}", "}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, path, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Web User Analytics", "version": version("web-user-analytics")},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": meaning}
                for name, meaning in _SCHEMES.items()
            },
        },
    }


def docs_page(document: dict[str, Any]) -> str:
    """The document as HTML; no script, nothing from other hosts."""
    environment = Environment(loader=PackageLoader("web"), autoescape=True)
    return environment.get_template("api_docs.html").render(api=document)


def _kinds(one: Endpoint) -> list[Any]:
    """Every type that an endpoint names."""
    kinds = [one.answer, one.accepted, one.body, *(parameter.kind for parameter in one.parameters.values())]
    return [kind for kind in kinds if kind is not None]


def _operation(one: Endpoint, path: str, by_kind: dict[Any, Any]) -> dict[str, Any]:
    errors = ["400", "401", "403", "406", "429", "503"]
    errors += ["404"] if one.may_be_missing else []
    errors += ["409"] if one.may_conflict else []
    errors += ["413"] if one.body else []
    errors += one.errors
    operation: dict[str, Any] = {
        "summary": one.summary,
        "operationId": f"{one.method.lower()}_{_words(path)}",
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in _names(path)
            ),
            *(
                {
                    "name": name,
                    "in": "query",
                    "required": parameter.is_required,
                    "description": parameter.meaning,
                    "schema": by_kind[parameter.kind],
                }
                for name, parameter in one.parameters.items()
            ),
        ],
        "responses": {"200": _content("The answer.", by_kind[one.answer]), **_problems(sorted(errors))},
        # Where no key is needed, none is; operators' endpoints are then open to this machine.
        "security": [{_KEYS: []}, {_OPERATORS: []}, {}],
        "x-scope": one.scope.value,
    }
    if one.method == "GET":
        operation["responses"]["304"] = _NOT_MODIFIED
    for media in one.media[1:]:
        operation["responses"]["200"]["content"][media] = {"schema": {"type": "string"}}
    if one.accepted is not None:
        operation["responses"]["202"] = _content("It is being made.", by_kind[one.accepted])
    if one.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(by_kind[one.body])}
    return operation


def _from_pages(event: dict[str, Any]) -> dict[str, Any]:
    operation = _collector(event, media=("application/json", "text/plain"), errors=["400", "403"])
    return {
        "summary": "Collect events; 202 once the broker has them",
        "operationId": "post_events",
        "parameters": [_WRITE_KEY],
        **operation,
    }


def _about_links(
    summary: str, operation_id: str, body: dict[str, Any], answer: dict[str, Any]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": operation_id,
        "parameters": [_WRITE_KEY],
        "requestBody": {"required": True, "content": _json(body) | {"text/plain": {"schema": body}}},
        "responses": {
            "200": _content("The answer.", answer),
            **_problems(["400", "403", "413", "415", "429"], meanings=_LINK_ERRORS),
        },
    }


def _from_servers(event: dict[str, Any]) -> dict[str, Any]:
    operation = _collector(event, media=("application/json",), errors=["400", "401", "403"])
    return {
        "summary": "Collect events that a server saw, under a secret of the site",
        "operationId": "post_server_events",
        "security": [{_SERVERS: []}],
        **operation,
    }


def _from_images() -> dict[str, Any]:
    referer = {
        "name": "Referer",
        "in": "header",
        "required": True,
        "description": "The page; browsers send it by themselves.",
        "schema": {"type": "string"},
    }
    site = {**_WRITE_KEY, "name": "site", "required": True, "description": "The site."}
    image = {
        "description": "A transparent pixel: the page view is kept.",
        "content": {"image/gif": {"schema": _GIF}},
    }
    return {
        "summary": "Count a page view of a browser that runs no script; the image once the broker has it",
        "operationId": "get_pixel_gif",
        "parameters": [site, _WRITE_KEY, referer],
        "responses": {
            "200": image,
            **_problems(["400", "403", "429", "503"], meanings={**_COLLECTOR_ERRORS, "400": _NO_PAGE}),
        },
    }


def _collector(event: dict[str, Any], *, media: Sequence[str], errors: Sequence[str]) -> dict[str, Any]:
    batch = {"type": "array", "items": event, "minItems": 1, "maxItems": 500}
    accepted = {"type": "object", "properties": {"accepted": {"type": "integer"}}, "required": ["accepted"]}
    return {
        "requestBody": {"required": True, "content": {one: {"schema": batch} for one in media}},
        "responses": {
            "202": _content("All are kept.", accepted),
            **_problems([*errors, "413", "415", "429", "503"], meanings=_COLLECTOR_ERRORS),
        },
    }


def _problems(statuses: Sequence[str], *, meanings: Mapping[str, str] = _ERRORS) -> dict[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
    return {
        status: {"description": meanings.get(status) or _ERRORS[status], "content": problem}
        for status in statuses
    }


def _content(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _words(path: str) -> str:
    return re.sub(r"[^a-z]+", "_", path.removeprefix("/api/v1/")).strip("_")


def _names(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)
