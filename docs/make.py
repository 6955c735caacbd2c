"""views/*.sql, migrations/*.sql, metrics, endpoints -> docs/METRICS.md, docs/API.md. Run by `make docs`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from app.events.vocabulary import BotKind
from app.metrics import WebMetrics, WorkerMetrics
from views.stats.fields import METRICS
from web.api import ENDPOINTS
from web.api.openapi import openapi
from web.problems import TITLES

DOCS = Path(__file__).parent
ROOT = DOCS.parent

_METRIC = re.compile(r"\bmetric (?P<name>[a-z_]+): (?P<text>.*?)(?=\bmetric [a-z_]+: |$)")
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS \{db\}\.(\w+)")
_ENGINE = re.compile(r"ENGINE = (?:\{repl\})?(\w+)")
_KEY = re.compile(r"ORDER BY \(?([^)\n]+)\)?")


def metrics() -> str:
    """Each number's definition as it stands beside its SQL; tables; Prometheus series."""
    return "\n".join(
        [
            "# Metrics",
            "",
            "Made by `make docs` from the SQL in `views/` and `migrations/`, and from `app/metrics.py`.",
            "",
            "## Words",
            "",
            "| word | meaning |",
            "|---|---|",
            *(f"| {word} | {meaning} |" for word, meaning in WORDS.items()),
            "",
            "## What `POST /api/v1/query` counts",
            "",
            "Of the sessions that began in the period and pass the filter ([QUERYING](QUERYING.md)).",
            "",
            "| metric | meaning |",
            "|---|---|",
            *(f"| `{metric}` | {defined.meaning} |" for metric, defined in METRICS.items()),
            "",
            "## What the views answer",
            *_views(),
            "",
            "## Tables",
            "",
            "| table | engine | order | file |",
            "|---|---|---|---|",
            *_tables(),
            "",
            "## Prometheus series",
            "",
            "Worker: `:6066/metrics`. Web: `/metrics`. Counters end in `_total`.",
            "",
            "| series | kind | labels | meaning |",
            "|---|---|---|---|",
            *_series([*WorkerMetrics().registry.collect(), *WebMetrics().registry.collect()]),
            "",
        ]
    )


WORDS = {
    "visitor": "a `visitor_id` of a site: of a browser, given by the operator, or derived for a day",
    "person": "the user ids that `$alias` events join, and the visitors while they were them "
    "([COLLECTING](COLLECTING.md#who-is-who)); or a visitor who was never identified",
    "page view": "an accepted event of type `page_view`",
    "session": "a visitor's events with no pause of more than 30 minutes (`sessions.gap_ms`), by event time",
    "bounce": "a session of one page view, no interaction, engaged for less than 10 s",
    "interaction": "a click, form submit, video play, or a custom event other than `$page_leave`, "
    "`$web_vitals`, `$exposure`, `$identify` and `$alias`",
    "session duration": "last activity less first event, plus the engaged time on the last page",
    "bounce rate": "bounces / sessions",
    "conversion": "an event whose name the site lists in `conversion_events`",
    "conversion rate": "sessions with a conversion / sessions",
    "entry, exit": "the first and the last page view of a session, by event time",
    "channel, source": "of a session: those of its earliest event",
    "bot": "an event with any bot reason; answers leave bots out unless asked (`bots=include`, `only`)",
    "bot kind": f"what a program is for: {', '.join(f'`{kind}`' for kind in BotKind)}; empty for people",
}


def api() -> str:
    """Each endpoint: what it takes, what it answers, the fields of the answer."""
    document = openapi(ENDPOINTS)
    lines = [
        "# API",
        "",
        "Made by `make docs` from the Structs. As a document: `GET /openapi.json`, as a page: `GET /docs`.",
        "",
        "Days are the site's own, half-open: `from` is in, `to` not. Errors are `application/problem+json`",
        "(RFC 9457): `type`, `title`, `status`, `detail`. Shares run from 0 to 1; times are UTC.",
        "Keys, limits, caching, CSV and Arrow, order of rows: [API_MANNERS](API_MANNERS.md).",
        "",
        "Also served: `GET /api/v1/pixel.gif` ([COLLECTING](COLLECTING.md#without-script)),",
        "`/healthz`, `/readyz`, `/api/v1/health`, `/metrics`, `/openapi.json`, `/docs`.",
        "",
        "| problem (`type` is `urn:wua:problem:` and this) | title |",
        "|---|---|",
        *(f"| `{kind}` | {title} |" for kind, title in TITLES.items()),
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += [
                "",
                f"## {method.upper()} {path}",
                "",
                f"{operation['summary']}.{_scope(operation)}",
                "",
            ]
            lines += _parameters(operation)
            lines += _schema("Body", _body(operation), document)
            lines += _answers(operation)
            lines += _schema("Answer", _answer(operation), document)
            lines += _example(operation["operationId"])
    return "\n".join([*lines, ""])


def _scope(operation: dict[str, Any]) -> str:
    """What a key must allow, and the types beside JSON."""
    if "x-scope" not in operation:
        return ""
    others = [media for media in operation["responses"]["200"]["content"] if media != "application/json"]
    told = f" Also as {', '.join(f'`{media}`' for media in others)}." if others else ""
    return f" Scope: `{operation['x-scope']}`.{told}"


def _views() -> Iterator[str]:
    for file in sorted((ROOT / "views").glob("*.sql")):
        comment = " ".join(
            line.removeprefix("--").strip()
            for line in file.read_text("utf-8").splitlines()
            if line.startswith("--")
        )
        about = _METRIC.split(comment)[0].strip()
        yield from ("", f"### `{file.stem}`", "", about)
        found = list(_METRIC.finditer(comment))
        if found:
            yield from ("", "| metric | definition |", "|---|---|")
        for match in found:
            yield f"| `{match['name']}` | {match['text'].strip()} |"


def _tables() -> Iterator[str]:
    for file in sorted((ROOT / "migrations").glob("0*.sql")):
        for part in file.read_text("utf-8").split("CREATE TABLE IF NOT EXISTS")[1:]:
            text = f"CREATE TABLE IF NOT EXISTS{part}"
            name, engine, key = _TABLE.search(text), _ENGINE.search(text), _KEY.search(text)
            assert name
            assert engine
            yield f"| `{name[1]}` | {engine[1]} | {key[1] if key else ''} | {file.name} |"


def _series(families: Iterable[Any]) -> Iterator[str]:
    for family in families:
        labels = ", ".join(f"`{name}`" for name in _labels(family.name))
        yield f"| `{family.name}` | {family.type} | {labels} | {family.documentation} |"


def _labels(name: str) -> tuple[str, ...]:
    for metrics_of in (WorkerMetrics(), WebMetrics()):
        for collector in vars(metrics_of).values():
            if getattr(collector, "_name", None) == name:
                return tuple(collector._labelnames)
    return ()


def _parameters(operation: dict[str, Any]) -> list[str]:
    rows = operation.get("parameters", [])
    if not rows:
        return []
    head = ["| parameter | in | meaning |", "|---|---|---|"]
    return [*head, *(f"| `{row['name']}` | {row['in']} | {row.get('description', '')} |" for row in rows), ""]


def _answers(operation: dict[str, Any]) -> list[str]:
    head = ["| status | meaning |", "|---|---|"]
    rows = operation["responses"].items()
    return [*head, *(f"| {status} | {answer['description']} |" for status, answer in rows)]


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = operation.get("requestBody", {}).get("content", {})
    return next(iter(content.values()), {}).get("schema", {})


def _answer(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation["responses"].get("200", {}).get("content", {})
    return dict(next(iter(content.values()), {}).get("schema", {}))


def _schema(title: str, schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    if "items" in schema:
        return _schema(f"{title}: an array of", schema["items"], document)
    name = schema.get("$ref", "").rpartition("/")[2]
    if not name:
        return []
    fields = document["components"]["schemas"][name].get("properties", {})
    rows = [f"| `{field}` | {_kind(of)} |" for field, of in fields.items()]
    return ["", f"{title} (`{name}`):", "", "| field | type |", "|---|---|", *rows, ""]


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return str(schema.get("format") or schema.get("type") or "any")


def _example(operation_id: str) -> list[str]:
    """An answer of the demo, shortened by hand, if there is one."""
    file = DOCS / "answers" / f"{operation_id}.json"
    if not file.is_file():
        return []
    text = json.dumps(json.loads(file.read_text("utf-8")), indent=2, ensure_ascii=False)
    return ["", "An answer of the demo:", "", "```json", text, "```"]


def main() -> None:
    """Write both files."""
    (DOCS / "METRICS.md").write_text(metrics(), "utf-8")
    (DOCS / "API.md").write_text(api(), "utf-8")


if __name__ == "__main__":
    main()
