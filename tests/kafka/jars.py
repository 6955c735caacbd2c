"""pom.xml -> target/jars: Apache Kafka as jars, resolved by Maven once and then used offline."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
OLDEST_JAVA = 17
MAVEN_TIMEOUT_S = 600


class KafkaAbsentError(Exception):
    """There is no broker to be had this way; the text says what is missing."""


def java() -> str:
    """Path of a Java that can run Kafka 4; raises KafkaAbsentError when there is none."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else None
    found = found or shutil.which("java")
    if found is None:
        raise KafkaAbsentError(f"no java on PATH; install Java {OLDEST_JAVA} or newer")
    printed = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = java_version(printed)
    if version < OLDEST_JAVA:
        raise KafkaAbsentError(f"{found} is Java {version}; Kafka 4 needs Java {OLDEST_JAVA} or newer")
    return found


def java_version(printed: str) -> int:
    """Major version in the output of ``java -version``; 0 when it names none."""
    match = re.search(r'version "(?:1\.)?(\d+)', printed)
    return int(match[1]) if match else 0


def kafka_version() -> str:
    """The Kafka version that pom.xml asks for."""
    match = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text(encoding="utf-8"))
    assert match, f"{POM} names no kafka.version"
    return match[1]


def classpath(*, target: Path = HERE / "target") -> str:
    """Class path of Kafka's jars. Asks Maven only if pom.xml changed since the last time.

    Raises KafkaAbsentError when Maven is missing or cannot resolve (no network, for example).
    """
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    stamp = target / "resolved.sha256"
    target.mkdir(exist_ok=True)
    with _locked(target / "lock"):
        if not stamp.is_file() or stamp.read_text() != wanted:
            _resolve(target)
            stamp.write_text(wanted)
    return str(target / "jars" / "*")


def is_resolved(*, target: Path = HERE / "target") -> bool:
    """Whether ``classpath`` would answer without Maven."""
    stamp = target / "resolved.sha256"
    return stamp.is_file() and stamp.read_text() == hashlib.sha256(POM.read_bytes()).hexdigest()


def _resolve(target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaAbsentError("no mvn on PATH to fetch Kafka's jars; install Maven")
    shutil.rmtree(target / "jars", ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    command.append(f"-DoutputDirectory={target.absolute() / 'jars'}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MAVEN_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise KafkaAbsentError(f"mvn fetched no Kafka within {MAVEN_TIMEOUT_S} s") from error
    if done.returncode:
        tail = (done.stdout + done.stderr).strip()[-1000:]
        raise KafkaAbsentError(f"mvn could not resolve {POM}:\n{tail}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold ``path`` against other test runs of this tree."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
