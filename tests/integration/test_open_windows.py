"""200,000 open windows on one worker: what they take of memory is bounded, and by what."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tables.expiring import BLOCK_CACHE_BYTES, WRITE_BUFFER_BYTES
from tests.integration.open_windows import PARTITIONS, WINDOWS

#: A visitor's key, when it is due, and its place in the heap.
INDEX_BYTES_A_WINDOW = 300
STATE_BYTES = 500
#: RocksDB: two write buffers and the block cache for each partition, whatever is stored.
ROCKSDB_BYTES = PARTITIONS * (2 * WRITE_BUFFER_BYTES + BLOCK_CACHE_BYTES)


def test_open_windows_take_the_index_and_what_rocksdb_is_allowed(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "tests.integration.open_windows", str(tmp_path)]
    run = subprocess.run(program, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["windows"] == WINDOWS
    assert found["state_bytes"] <= STATE_BYTES
    assert found["index_bytes"] <= INDEX_BYTES_A_WINDOW * WINDOWS
    assert found["rss_growth_bytes"] <= INDEX_BYTES_A_WINDOW * WINDOWS + ROCKSDB_BYTES
