"""A report -> bytes, a file for each format."""

from __future__ import annotations

from importlib import import_module

from web.reports.model import Format, Report


def write(report: Report, *, title: str, format: Format, font: str = "") -> bytes:
    """The report as a file. Blocks: for a thread where it may be large.

    ``font``: a TrueType file for PDF, none for its own fonts. Raises SettingsError where it cannot be read.
    """
    # Some of the libraries take a second and many megabytes to import: for who asks for their format.
    module = import_module(f"web.reports.formats.as_{format}")
    written: bytes = module.write(report, title=title, font=font)
    return written
