"""The arithmetic of the benchmark of pages."""

from __future__ import annotations

from rich.console import Console

from bench.pages import Paints, table
from web.dashboard.pages import PAGES


def test_a_row_has_the_middle_and_the_slowest_but_one_in_twenty():
    paints = Paints(page=PAGES[0], times_ms=[float(ms) for ms in range(101)])
    assert paints.quantile_ms(0.5) == 50.0
    assert paints.quantile_ms(0.95) == 95.0
    console = Console(width=100)
    with console.capture() as shown:
        console.print(table([paints]))
    assert [cell.strip() for cell in shown.get().splitlines()[-2].strip("│").split("│")] == [
        "Overview",
        "101",
        "50",
        "95",
    ]


def test_two_loads_are_enough():
    paints = Paints(page=PAGES[0], times_ms=[100.0, 200.0])
    assert paints.quantile_ms(0.5) == 150.0
