"""Tables as a page."""

from __future__ import annotations

import html

import msgspec

from web.reports.model import Report, tables


def write(report: Report, *, title: str, **_: str) -> bytes:
    """The file: without script or style of its own."""
    lines = [f"<!doctype html><meta charset=utf-8><title>{html.escape(title)}</title>"]
    lines.append(f"<link rel=stylesheet href=/static/docs.css><h1>{html.escape(title)}</h1>")
    for name, rows in tables(report):
        lines.append(f"<h2>{html.escape(name)}</h2><table>")
        for number, row in enumerate(msgspec.to_builtins(rows)):
            if number == 0:
                lines.append("<tr>" + "".join(f"<th>{html.escape(key)}</th>" for key in row) + "</tr>")
            cells = "".join(
                f"<td>{html.escape('' if value is None else str(value))}</td>" for value in row.values()
            )
            lines.append(f"<tr>{cells}</tr>")
        lines.append("</table>")
    return "".join(lines).encode()
