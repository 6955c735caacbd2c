"""What cannot be started here is at least read: compose file, image, overlays, pins, Makefile, CI script."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.settings import RESERVED_ENV, Settings, load
from tests.kafka.jars import kafka_version

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ENVIRONMENTS = ("dev", "staging", "prod")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


# --- docker-compose.yml


def test_compose_file_keeps_the_compose_specification() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
            str(ROOT / "docker-compose.yml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stack_has_its_parts() -> None:
    assert {"kafka", "clickhouse", "migrate", "worker", "web"} <= set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_healthy_by_a_check_or_runs_once(name: str) -> None:
    service = SERVICES[name]
    if is_one_shot(name):
        assert service["restart"] == "no"
    else:
        assert service["healthcheck"]["test"]
        assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_image_names_a_release(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+(\.\d+)+$", tag), f"{name}: {SERVICES[name]['image']}"


@pytest.mark.parametrize("name", SERVICES)
def test_dependencies_exist_and_can_meet_their_condition(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        if how["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"]
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no"


def test_named_volumes_are_declared_and_used_by_one_service_each() -> None:
    used = [
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if not volume.startswith(".")
    ]
    assert sorted(used) == sorted(COMPOSE["volumes"])


def test_mounted_files_exist() -> None:
    mounted = [
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if volume.startswith(".")
    ]
    assert mounted
    assert all((ROOT / file).is_file() for file in mounted)


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", [name for name in OURS if name != "migrate"])
def test_a_worker_or_web_server_waits_for_the_schema(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("name", OURS)
def test_service_environment_is_known_settings(
    name: str, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in SERVICES[name]["environment"].items():
        assert variable.startswith("WUA_")
        monkeypatch.setenv(variable, interpolate(value))
    monkeypatch.setenv("WUA_ENV", environment)
    monkeypatch.chdir(ROOT)
    loaded = load()
    assert loaded.broker.bootstrap_servers == "kafka:9092"
    assert loaded.broker.replication_factor == 1
    assert loaded.clickhouse.url == "http://wua:wua@clickhouse:8123"


def test_web_asks_a_worker_of_the_stack_for_the_state_of_a_visitor() -> None:
    url = urlsplit(SERVICES["web"]["environment"]["WUA_APP__WORKER_URL"])
    assert SERVICES[url.hostname]["command"] == SERVICES["worker"]["command"]
    assert "profiles" not in SERVICES[url.hostname]
    assert url.port == Settings().app.web_port


def test_web_and_workers_share_the_key_of_addresses_as_they_share_no_directory() -> None:
    given = {
        SERVICES[name]["environment"]["WUA_INGEST__ADDRESS_KEY"] for name in ("web", "worker", "worker-2")
    }
    assert given == {"${WUA_INGEST__ADDRESS_KEY:-}"}


@pytest.mark.parametrize("name", OURS)
def test_command_names_what_exists(name: str) -> None:
    command = SERVICES[name]["command"]
    if command[0] == "wua":
        assert "wua" in PROJECT["scripts"]
        assert (ROOT / "app" / "commands" / f"{command[1]}.py").is_file()
        return
    target = next(word for word in command if ":" in word)
    module, _, attribute = target.partition(":")
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    assert re.search(rf"^def {attribute}\(|\"{attribute}\"", source, re.MULTILINE), f"{target}: no such name"


def test_kafka_is_the_one_that_the_tests_run() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_version()}"


def test_clickhouse_is_the_release_of_the_engine_that_the_tests_run() -> None:
    engine = pins()["chdb-core"].split(".")
    assert SERVICES["clickhouse"]["image"].partition(":")[2].split(".")[:2] == engine[:2]


def test_prometheus_scrapes_services_of_the_stack() -> None:
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    hosts = {name for job in jobs for found in job.get("dns_sd_configs", ()) for name in found["names"]}
    fixed = [group for job in jobs for group in job.get("static_configs", ())]
    hosts |= {target.partition(":")[0] for group in fixed for target in group["targets"]}
    assert hosts == {"worker", "worker-2", "web"} <= set(SERVICES)
    ports = {found["port"] for job in jobs for found in job.get("dns_sd_configs", ())}
    assert ports == {Settings().app.web_port}


# --- Dockerfile


def test_the_image_runs_as_an_ordinary_user() -> None:
    user = [words[0] for keyword, words in final_stage() if keyword == "USER"][-1]
    assert int(user.partition(":")[0]) > 0


def test_the_image_checks_its_health() -> None:
    assert "HEALTHCHECK" in [keyword for keyword, _ in final_stage()]


def test_base_images_name_a_release_that_the_project_supports() -> None:
    images = [words[0] for keyword, words in instructions() if keyword == "FROM"]
    assert len(images) == 2
    for image in images:
        match = re.fullmatch(r"python:(3\.\d+)-slim-\w+", image)
        assert match, image
        assert (3, 11) <= tuple(map(int, match[1].split("."))) <= (3, 13)


def test_everything_that_is_copied_is_sent_to_the_build() -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        word.removeprefix("./")
        for keyword, words in instructions()
        if keyword == "COPY" and not words[0].startswith("--from")
        for word in words[:-1]
    ]
    assert {"app", "pyproject.toml", "constraints.txt"} <= set(copied)
    for path in copied:
        assert any(Path(path).match(pattern) for pattern in sent), f".dockerignore leaves out {path}"


def test_every_package_of_the_wheel_is_copied() -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = whole["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {word for keyword, words in instructions() if keyword == "COPY" for word in words[:-1]}
    assert set(packages) <= copied


# --- deploy/<env>/faust.yml


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_overlay_loads(environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("WUA_ENV", environment)
    assert load().broker.partitions in {4, 12}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_overlay_holds_differences_only(environment: str) -> None:
    known = dict(leaves(yaml.safe_load((ROOT / "faust.yml").read_text(encoding="utf-8"))))
    ours = dict(leaves(yaml.safe_load(overlay(environment).read_text(encoding="utf-8"))))
    assert ours
    assert set(ours) <= set(known)
    assert {key for key, value in ours.items() if known[key] == value} == set()


def test_environments_share_neither_database_nor_consumer_group() -> None:
    loaded = [load(files=(ROOT / "faust.yml", overlay(name))) for name in ENVIRONMENTS]
    assert len({each.clickhouse.database for each in loaded}) == len(ENVIRONMENTS)
    assert len({each.app.id for each in loaded}) == len(ENVIRONMENTS)


def test_deploy_readme_names_only_variables_that_exist() -> None:
    text = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bWUA_[A-Z]\w*[A-Z]\b", text))
    known = {f"WUA_{key.upper().replace('.', '__')}" for key in settings_keys()} | RESERVED_ENV
    assert named
    assert named <= known


# --- constraints.txt, Makefile, .ci/run


def test_every_dependency_is_pinned_within_its_range() -> None:
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    pinned = pins()
    for line in [*PROJECT["dependencies"], *extras]:
        wanted = Requirement(line)
        version = pinned.get(canonicalize_name(wanted.name))
        assert version, f"constraints.txt does not pin {wanted.name}; run `make pins`"
        assert wanted.specifier.contains(version), f"{wanted} excludes the pinned {version}"


def test_pins_name_versions_and_no_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    lines = [line for line in lines if not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line) for line in lines)


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH")
def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert declared
    printed = make("help").stdout
    assert [name for name in declared[1].split() if f"make {name} " not in printed] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH")
def test_make_refuses_an_old_python_and_says_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "python3.8"
    old.write_text("#!/bin/sh\n[ $1 = --version ] && echo Python 3.8.1 && exit\nexit 1\n")
    old.chmod(0o755)
    done = make("demo", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "Python 3.8.1" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on PATH")
def test_ci_script_is_sound_and_requires_kafka() -> None:
    script = ROOT / ".ci/run"
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert script.stat().st_mode & 0o111
    text = script.read_text(encoding="utf-8")
    assert "set -euo pipefail" in text
    assert "WUA_REQUIRE_KAFKA=1 make test" in text


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the root of the project."""
    return subprocess.run(
        ["make", "-s", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def is_one_shot(name: str) -> bool:
    """Whether others wait for the service to end."""
    waiting = (service.get("depends_on", {}).get(name, {}) for service in SERVICES.values())
    return any(how.get("condition") == "service_completed_successfully" for how in waiting)


def interpolate(value: str) -> str:
    """``${NAME:-default}`` as compose fills it in when NAME is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def overlay(environment: str) -> Path:
    """The settings file of an environment."""
    return ROOT / "deploy" / environment / "faust.yml"


def leaves(values: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """``{"a": {"b": 1}}`` as ``[("a.b", 1)]``."""
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        inner = isinstance(value, dict) and value
        found += leaves(value, (*path, key)) if inner else [(".".join((*path, key)), value)]
    return found


def settings_keys() -> list[str]:
    """``section.key`` of every setting."""
    return [key for key, _ in leaves(Settings().model_dump())]


def pins() -> dict[str, str]:
    """Canonical package name -> pinned version."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def instructions() -> list[tuple[str, list[str]]]:
    """(keyword, words) of each line of the Dockerfile, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    split = (line.split() for line in text.splitlines() if line.strip())
    return [(words[0], words[1:]) for words in split]


def final_stage() -> list[tuple[str, list[str]]]:
    """The instructions of the stage that becomes the image."""
    lines = instructions()
    start = max(index for index, (keyword, _) in enumerate(lines) if keyword == "FROM")
    return lines[start:]
