"""The built files that are committed: small, sound, alone, and made from the source beside them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sdk.needs import pass_over

ROOT = Path(__file__).parents[2]
SDK = ROOT / "web" / "sdk"
STATIC = ROOT / "web" / "static"
BUILT = ["wua.js", "wua-vitals.js", "wua-links.js"]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True)


def size(*arguments: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, SDK / "size.py", *arguments)


def test_the_files_are_within_their_limits():
    measured = size()
    assert measured.returncode == 0, measured.stdout
    assert re.findall(r"^(\S+) +\d+ bytes of (\d+): ok$", measured.stdout, re.M) == [
        ("wua.js", "2200"),
        ("wua-vitals.js", "4200"),
        ("wua-links.js", "800"),
    ]


def test_a_file_over_its_limit_is_noticed(tmp_path):
    (tmp_path / "wua.js").write_bytes(bytes(range(256)) * 2 + (STATIC / "wua.js").read_bytes())
    for name in BUILT[1:]:
        shutil.copy(STATIC / name, tmp_path)
    measured = size(tmp_path)
    assert (measured.returncode, "too large" in measured.stdout) == (1, True)


@pytest.mark.parametrize("name", BUILT)
def test_a_built_file_is_plain_and_needs_nothing_from_elsewhere(name):
    text = (STATIC / name).read_text(encoding="ascii")
    assert text.startswith("try{(()=>{")
    assert text.endswith("})()}catch{}\n")
    assert not re.search(r"https?://|sourceMappingURL|\beval\b|new Function|\brequire\(|console\.", text)


@pytest.mark.parametrize("name", BUILT)
def test_a_built_file_is_a_script_that_can_be_read(name):
    if (node := shutil.which("node")) is None:
        pass_over("there is no node on the PATH to read the script; on Debian: apt-get install nodejs")
    read = run(node, "--check", STATIC / name)
    assert read.returncode == 0, read.stderr


def test_the_built_files_are_made_from_the_source(tmp_path):
    """Mend it with `make sdk`."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pass_over("there is no npm on the PATH to build the script; on Debian: apt-get install npm")
    for path in [*SDK.glob("*.js"), *SDK.glob("package*.json")]:
        shutil.copy(path, tmp_path)
    install = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"]
    subprocess.run(install, cwd=tmp_path, check=True, capture_output=True)
    subprocess.run(["node", "build.js", tmp_path / "built"], cwd=tmp_path, check=True, capture_output=True)
    for name in BUILT:
        assert (tmp_path / "built" / name).read_text() == (STATIC / name).read_text(), name


def test_what_builds_it_is_pinned_and_no_address_is_written_down():
    lock = (SDK / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in lock
    assert "resolved" not in lock
    assert "://" not in re.sub(r'"(url|funding)": "[^"]*"', "", lock)
    assert not re.search(r'"(esbuild|terser|web-vitals)": "[^0-9]', (SDK / "package.json").read_text())
