"""How a test run chooses, fetches and starts its real Kafka."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.kafka import jars
from tests.kafka.broker import Choice, Kafka, choose, start
from tests.kafka.jars import KafkaAbsentError
from tests.kafka.jvm import PORTS, JvmKafka, free_ports
from tests.kafka.ready import KafkaFailedError, wait_until_ready


@pytest.fixture
def bin_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise bare machine: PATH is this folder and the shell, and no Docker engine answers."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def install(folder: Path, name: str, script: str) -> Path:
    """Put an executable shell script into ``folder``."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19 LTS', 21),
        ('java version "1.8.0_402"', 8),
        ("command not understood", 0),
    ],
)
def test_java_major_version_is_read(printed: str, version: int) -> None:
    assert jars.java_version(printed) == version


def test_a_given_broker_comes_first() -> None:
    choice = choose({"WUA_KAFKA": "broker:9092"})
    assert choice == Choice(kind="given", why="WUA_KAFKA=broker:9092")


def test_without_anything_the_reason_names_everything_missing(bin_only: Path) -> None:
    choice = choose({})
    assert choice.kind is None
    assert all(word in choice.why for word in ("WUA_KAFKA", "Docker", "java"))


def test_an_old_java_is_no_broker(bin_only: Path) -> None:
    install(bin_only, "java", """echo 'openjdk version "11.0.2"' >&2""")
    choice = choose({})
    assert choice.kind is None
    assert "Java 11" in choice.why


def test_java_with_maven_makes_a_jvm_broker(bin_only: Path) -> None:
    install(bin_only, "java", """echo 'openjdk version "17.0.1"' >&2""")
    install(bin_only, "mvn", "exit 0")
    assert choose({}).kind == "jvm"


def test_java_home_goes_before_path(bin_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    chosen = install(tmp_path / "jdk" / "bin", "java", """echo 'openjdk version "21"' >&2""")
    install(bin_only, "java", """echo 'openjdk version "11"' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert jars.java() == str(chosen)


def test_maven_is_asked_once(bin_only: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    install(bin_only, "mvn", f"echo asked >> {asked}")
    target = tmp_path / "target"
    assert not jars.is_resolved(target=target)
    first, second = jars.classpath(target=target), jars.classpath(target=target)
    assert first == second == f"{target}/jars/*"
    assert asked.read_text() == "asked\n"
    assert jars.is_resolved(target=target)


def test_a_maven_that_fails_is_named_and_asked_again(bin_only: Path, tmp_path: Path) -> None:
    install(bin_only, "mvn", "echo no network; exit 1")
    for _ in range(2):
        with pytest.raises(KafkaAbsentError, match="no network"):
            jars.classpath(target=tmp_path / "target")


def test_nothing_chosen_cannot_be_started() -> None:
    with pytest.raises(KafkaAbsentError, match="nothing here"):
        start(Choice(kind=None, why="nothing here"))


def test_a_node_that_ends_at_start_shows_its_log(tmp_path: Path) -> None:
    java = install(tmp_path, "java", 'case "$*" in *StorageTool*) ;; *) echo kaboom; exit 3;; esac')
    node = JvmKafka(java=str(java), classpath="none")
    try:
        with pytest.raises(KafkaFailedError, match=r"(?s)ended while it was starting.*kaboom"):
            node.start()
    finally:
        node.close()


def test_storage_that_cannot_be_formatted_says_why(tmp_path: Path) -> None:
    java = install(tmp_path, "java", "echo disk on fire; exit 1")
    node = JvmKafka(java=str(java), classpath="none")
    try:
        with pytest.raises(KafkaFailedError, match="disk on fire"):
            node.start()
    finally:
        node.close()


def test_nobody_at_the_address_is_reported_with_the_address() -> None:
    (port,) = free_ports(1)
    with pytest.raises(KafkaFailedError, match=f"127.0.0.1:{port} is not ready after 0.3 s"):
        wait_until_ready(f"127.0.0.1:{port}", timeout_s=0.3)


def test_free_ports_differ_and_can_be_bound() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert set(ports) <= set(PORTS)
    for port in ports:
        with socket.socket() as server:
            server.bind(("127.0.0.1", port))


def test_unique_names_never_repeat_and_keep_their_stem() -> None:
    kafka = Kafka(kind="given", bootstrap_servers="a:1,b:2")
    names = {kafka.unique("web_events") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("web_events-") for name in names)


def test_url_is_what_the_settings_take() -> None:
    assert Kafka(kind="given", bootstrap_servers="a:1,b:2").url == "kafka://a:1;kafka://b:2"


def test_a_given_broker_cannot_be_killed_and_is_left_alone() -> None:
    kafka = Kafka(kind="given", bootstrap_servers="a:1")
    kafka.close()
    with pytest.raises(AssertionError, match="mortal_kafka"):
        kafka.kill()
