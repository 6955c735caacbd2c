"""Which of the types on offer an Accept header wants most."""

import pytest

from web.accepting import ARROW, CSV, JSON, chosen

OFFERED = (JSON, CSV, ARROW)


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", JSON),
        ("  ", JSON),
        ("*/*", JSON),
        ("text/csv", CSV),
        ("TEXT/CSV", CSV),
        ("text/*", CSV),
        (ARROW, ARROW),
        ("application/*", JSON),
        ("text/csv;q=0.5, application/json;q=0.4", CSV),
        ("text/csv;q=0.4, application/json;q=0.5", JSON),
        ("text/csv, application/json", JSON),  # equal: the first on offer
        ("text/csv; header=present; Q=0.9, */*;q=0.1", CSV),
        ("*/*, application/json;q=0", CSV),  # the more specific range counts
        ("application/*;q=0.2, application/vnd.apache.arrow.stream;q=0.9, text/csv;q=0.5", ARROW),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", JSON),
        ("nonsense, text/csv", CSV),
        ("text/csv;q=0", None),
        ("*/*;q=0", None),
        ("application/xml", None),
        ("nonsense", None),
        ("*/csv", None),
    ],
)
def test_the_greatest_quality_of_the_most_specific_range_counts(accept, media):
    assert chosen(accept, OFFERED) == media


def test_what_is_not_on_offer_is_not_chosen():
    assert chosen("text/csv", (JSON,)) is None
    assert chosen("text/csv, */*;q=0.1", (JSON,)) == JSON
