"""What a command shows of how far it has come, where nobody looks at a terminal."""

from __future__ import annotations

from app.commands.progress import shown


def test_each_part_is_a_line_on_standard_error(capsys):
    with shown() as progress:
        progress.begin("compare", parts=2, rows=1_500)
        progress.advance(1_000)
        progress.part("shop 2026-03-01")
        progress.advance(500)
        progress.part("shop 2026-03-02")
        progress.begin("write silver", parts=1)
        progress.part("202603")
    told = capsys.readouterr()
    first, second, third = told.err.splitlines()
    assert first.startswith("compare: shop 2026-03-01, 1 of 2; 1,000 rows, ")
    assert second.startswith("compare: shop 2026-03-02, 2 of 2; 1,500 rows, ")
    assert third == "write silver: 202603, 1 of 1"
    assert told.out == ""


def test_a_phase_of_unknown_size_is_quiet(capsys):
    with shown() as progress:
        progress.begin("events.jsonl", parts=0)
        progress.advance(500)
    assert capsys.readouterr().err == ""
