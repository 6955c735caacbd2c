"""What `wua replay` sends holds no address in clear, and is accepted or refused as before."""

import argparse
import json

import pytest

from app.adapters.address_seal import AddressSeal
from app.commands import replay
from app.core.decode import decode_web_event
from app.events.rejects import Reject
from app.events.wire import WebEvent
from tests.factories import wire
from tests.log_lines import log_line

SEAL = AddressSeal(bytes(32))
ADDRESS = "203.0.113.9"


class Recorder:
    """Keeps the messages that it is given."""

    def __init__(self):
        self.values = []

    async def send(self, batch):
        self.values += [value for _, value in batch]


async def sent(directory, *lines, kind="jsonl"):
    file = directory / "lines"
    file.write_bytes(b"\n".join(lines))
    parser = argparse.ArgumentParser()
    replay.add(parser.add_subparsers())
    recorder = Recorder()
    arguments = parser.parse_args(["replay", str(file), "--format", kind, "--site", "shop"])
    await replay.feed(arguments, recorder, seal=SEAL)
    assert not any(ADDRESS.encode() in value for value in recorder.values)
    return recorder.values


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("line", "kind"), [(json.dumps(wire(ip=ADDRESS)).encode(), "jsonl"), (log_line().strip(), "combined")]
)
async def test_events_go_out_sealed(tmp_path, line, kind):
    (value,) = await sent(tmp_path, line, kind=kind)
    event = decode_web_event(value)
    assert isinstance(event, WebEvent)
    assert SEAL.open(event) == ADDRESS


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ip": ADDRESS, "event_type": "zap"}, "event_type"),
        ({"ip": [ADDRESS]}, "ip"),
        ({"ip": f"{ADDRESS} " * 20}, "ip"),
    ],
)
async def test_a_line_that_is_no_event_goes_out_without_its_address_and_is_refused(tmp_path, fields, field):
    (value,) = await sent(tmp_path, json.dumps(wire(**fields)).encode())
    reject = decode_web_event(value)
    assert isinstance(reject, Reject)
    assert reject.field == field


@pytest.mark.asyncio
async def test_a_line_that_breaks_off_within_the_address_goes_out_without_it(tmp_path):
    line = json.dumps(wire(ip=ADDRESS))
    (value,) = await sent(tmp_path, line[: line.index(ADDRESS) + len(ADDRESS)].encode())
    assert decode_web_event(value).reason == "malformed_json"
