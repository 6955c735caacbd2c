"""Column -> what becomes of it when a person is erased; the same in every table, for a name means one thing.

What stays are facts about pages and numbers, so that every count stays what it was.
"""

from __future__ import annotations

#: What an id becomes begins with this.
ERASED = "erased-"

#: Ids: each becomes another, by a secret that is thrown away; the same id the same one, in every table.
REPLACED = frozenset({"visitor_id", "user_id", "session_id", "merged_into", "event_id"})

#: Of ``properties``, what gold tells of a report of web vitals: whether it names a shift, and the connection.
MEASURED = ("cls", "connection")

#: What a person wrote or may be told by. No gold is made of it, but of MEASURED, which stay.
WIPED = frozenset(
    {
        "payload",
        "properties",
        "query",
        "title",
        "element",
        "element_text",
        "click_x",
        "click_y",
        "click_id",
        "term",
        "content",
        "language",
        "timezone",
        "region",
        "city",
        "browser_version",
        "os_version",
        "screen_width",
        "screen_height",
        "viewport_width",
        "viewport_height",
        "previous_id",
    }
)
