"""python size.py [directory]: how large the built files are, packed; fails when one is over its limit."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

BUILT = Path(__file__).parents[1] / "static"
#: In bytes of gzip -9.
LIMITS = {"wua.js": 2_200, "wua-vitals.js": 4_200, "wua-links.js": 800}


def main(directory: Path = BUILT) -> int:
    """Print each size beside its limit; 1 when one is over it, else 0."""
    sizes = {name: len(gzip.compress((directory / name).read_bytes(), 9, mtime=0)) for name in LIMITS}
    for name, size in sizes.items():
        verdict = "ok" if size <= LIMITS[name] else "too large"
        print(f"{name:14} {size:5} bytes of {LIMITS[name]}: {verdict}")
    return int(any(size > LIMITS[name] for name, size in sizes.items()))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
