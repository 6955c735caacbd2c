"""A reader's SQL -> the same SQL, or QueryError where ``readonly=1`` alone would let it out of the database.

Measured on chDB 26.9: with ``readonly=1`` the engine refuses writes, DDL and every table function that
reaches a file or a URL, but still runs the scalar ``file('/etc/passwd')``, ``INTO OUTFILE``, ``KILL QUERY``
and ``python(...)``. Our own SQL needs none of them.

What the engine takes for a string or a comment and this does not, or the other way round, would hide the rest
of a statement from it. So a statement is made of the signs that both read alike, and whatever else stands
outside its strings, names and comments is refused: quotes that curl, spaces beyond ASCII, ``$``, ``#``.
"""

from __future__ import annotations

import re

from app.errors import QueryError

_VERBS = ("SELECT", "WITH", "DESCRIBE", "DESC", "SHOW", "EXPLAIN", "EXISTS", "(")
_OPAQUE = re.compile(
    r"""
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<quoted>`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")
    | (?P<comment>(?:--|//|\#[ !])[^\n]*|/\*.*?\*/)
    """,
    re.VERBOSE | re.DOTALL,
)
_FORBIDDEN = (
    (re.compile(r"\b(?:file|python)\s*\(", re.IGNORECASE), "file() and python()"),
    (re.compile(r"\bINTO\s+OUTFILE\b", re.IGNORECASE), "INTO OUTFILE"),
    (re.compile(r"\x00\s*\("), "a function by quoted name"),
    (re.compile(r";\s*\S"), "a second statement"),
)
#: A mark of a quoted name, and what both sides read alike outside of strings, names and comments.
_ALIKE = re.compile(r"[\x00A-Za-z0-9_ \t\r\n(),.*+\-/<>=!:?%\[\]{}|&;@^~]")


def only_reading(sql: str) -> str:
    """``sql`` unchanged when it is one statement that only reads tables; raises QueryError otherwise."""
    if "\x00" in sql:
        raise QueryError("readers may not use a NUL character")
    bare = _OPAQUE.sub(_blank, sql).strip()
    if not bare.upper().startswith(_VERBS):
        raise QueryError(f"readers may not run {bare.split(maxsplit=1)[:1]}; begin with SELECT or WITH")
    for pattern, what in _FORBIDDEN:
        if pattern.search(bare):
            raise QueryError(f"readers may not use {what}; ask tables and views only")
    if others := _ALIKE.sub("", bare):
        raise QueryError(
            f"readers may not use {others[0]!r} outside of '...', `...` and comments: text stands between "
            "straight single quotes, words and numbers are of letters and digits"
        )
    return sql


def _blank(match: re.Match[str]) -> str:
    """Literals and comments weigh nothing; a quoted name stays visible as a mark."""
    return "\x00" if match.lastgroup == "quoted" else " "
