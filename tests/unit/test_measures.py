"""What the product measures of itself, summed and read again from text."""

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from web.measures import Samples, histogram_quantile


@pytest.fixture
def registry():
    made = CollectorRegistry()
    counter = Counter("things", "Things.", ["kind", "place"], registry=made)
    for kind, place, count in (("a", "x", 1), ("a", "y", 2), ("b", "x", 7)):
        counter.labels(kind, place).inc(count)
    seconds = Histogram("took_seconds", "Time.", ["route"], buckets=(1, 2, 4), registry=made)
    for route, value in (("/a", 0.5), ("/a", 1.5), ("/b", 1.5), ("/b", 3.0)):
        seconds.labels(route).observe(value)
    return made


@pytest.mark.parametrize("is_text", [False, True])
def test_samples_are_the_same_of_a_registry_and_of_its_text(registry, is_text):
    samples = Samples.read(generate_latest(registry).decode()) if is_text else Samples.of([registry])
    assert "things_total" in samples
    assert "others_total" not in samples
    assert (samples.total("things_total"), samples.total("others_total")) == (10, 0)
    assert samples.total("things_total", kind="a") == 3
    assert list(samples.by("things_total", "kind").items()) == [("b", 7), ("a", 3)]
    # Two of four are at most 1.5 s: the middle of the bucket that has the second and third.
    assert samples.quantile("took_seconds", 0.5) == 1.5
    assert samples.quantile("other_seconds", 0.5) == 0


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [
        ({}, 0.5, 0.0),
        ({1.0: 0, math.inf: 0}, 0.5, 0.0),
        ({1.0: 10, math.inf: 10}, 0.5, 0.5),
        ({1.0: 10, 2.0: 20, math.inf: 20}, 0.95, 1.9),
        ({1.0: 10, math.inf: 20}, 0.99, 1.0),
        ({1.0: 0, 2.0: 4, math.inf: 4}, 0.25, 1.25),
    ],
)
def test_a_quantile_lies_straight_between_two_bounds(counts, share, value):
    assert histogram_quantile(counts, share) == pytest.approx(value)


def test_what_is_no_text_of_metrics_is_refused():
    with pytest.raises(ValueError, match=r"."):
        Samples.read("<html>not found</html>")
