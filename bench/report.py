"""Figures -> tables on a console, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table of results; its first column is text, the others are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def show(self, console: Console) -> None:
        """Print the table, and its note below."""
        table = Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        if self.note:
            console.print(self.note, style="dim")
        console.print()

    def markdown(self) -> str:
        """The same for a document."""
        rule = ["---", *("---:" for _ in self.columns[1:])]
        lines = ["| " + " | ".join(cells) + " |" for cells in (self.columns, rule, *self.rows)]
        return "\n\n".join(part for part in (f"## {self.title}", "\n".join(lines), self.note) if part) + "\n"


def document(sections: Sequence[Section], *, machine: str) -> str:
    """The whole of docs/BENCHMARKS.md."""
    head = (
        "# Benchmarks\n\nMade by `make bench`, all in one run; what is measured, and how, stands in the "
        f"docstrings of `bench/`. They hold for this machine, with nothing else at work on it:\n\n{machine}\n"
    )
    return "\n".join([head, *(section.markdown() for section in sections)])
