"""The tables of a page of docs, so that what it tells as an example is what comes out."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def table(page: str, *, head: str) -> list[list[str]]:
    """The cells of the rows of the table whose first line is ``head``."""
    lines = (DOCS / page).read_text("utf-8").splitlines()
    rows = []
    for line in lines[lines.index(head) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
