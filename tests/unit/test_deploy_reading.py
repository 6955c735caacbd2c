"""Who reads ClickHouse: the server's user for it, and the Grafana that asks as that user."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from app.adapters.clickhouse.clients import MAX_QUERY_MEMORY_BYTES, MAX_RESULT_ROWS, QUICK
from app.metrics import WorkerMetrics
from app.settings import load
from migrations import comments

ROOT = Path(__file__).parents[2]
READER = ElementTree.parse(ROOT / "deploy/clickhouse/users.d/reader.xml").getroot()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/overview.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
PROVISIONING = ROOT / "deploy/grafana/provisioning"
SOURCES: list[dict[str, Any]] = yaml.safe_load((PROVISIONING / "datasources/datasources.yml").read_text())[
    "datasources"
]
(USER,) = READER.findall("users/*")
(PROFILE,) = READER.findall("profiles/*")


def text(path: str) -> str:
    found = READER.findtext(path)
    assert found is not None, path
    return found


def test_the_reader_can_only_read_and_no_more_than_our_own_readers() -> None:
    assert PROFILE.findtext("readonly") == "1"
    assert PROFILE.findtext("max_result_rows") == str(MAX_RESULT_ROWS)
    assert PROFILE.findtext("max_memory_usage") == str(MAX_QUERY_MEMORY_BYTES)
    assert PROFILE.findtext("result_overflow_mode") == "throw"
    assert float(PROFILE.findtext("max_execution_time", "")) == load().clickhouse.query_timeout_s


def test_the_reader_asks_as_quickly_as_our_own_readers() -> None:
    assert {name: PROFILE.findtext(name) for name in QUICK} == {
        name: str(value) for name, value in QUICK.items()
    }


def test_the_server_keeps_small_reads_unpacked_and_room_on_its_disk() -> None:
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["clickhouse"]["volumes"])
    for name, key in (("cache", "uncompressed_cache_size"), ("disk", "*//keep_free_space_bytes")):
        path = f"deploy/clickhouse/{name}.xml"
        assert mounted[f"./{path}"] == f"/etc/clickhouse-server/config.d/{name}.xml"
        assert int(ElementTree.parse(ROOT / path).getroot().findtext(key, "")) >= 2**28


def test_the_one_limit_that_a_reader_may_change_has_a_bound() -> None:
    (limit,) = PROFILE.findall("constraints/*")
    assert limit.tag == "max_execution_time"
    assert limit.find("changeable_in_readonly") is not None
    assert int(limit.findtext("max", "")) <= 60


def test_profile_and_quota_of_the_user_are_those_of_the_file() -> None:
    assert USER.findtext("profile") == PROFILE.tag
    assert [quota.tag for quota in READER.findall("quotas/*")] == [USER.findtext("quota")]
    interval = READER.find("quotas/*/interval")
    assert interval is not None
    assert {limit.tag: int(limit.text or "") > 0 for limit in interval} == dict.fromkeys(
        ("duration", "queries", "errors", "execution_time"), True
    )


def test_grants_are_of_the_databases_of_our_environments_and_of_nothing_else() -> None:
    databases = {
        load(files=(ROOT / "faust.yml", ROOT / "deploy" / name / "faust.yml")).clickhouse.database
        for name in ("dev", "staging", "prod")
    }
    grants = [query.text or "" for query in USER.findall("grants/query")]
    assert set(grants) == {f"GRANT SHOW, SELECT ON {name}.*" for name in databases} | {
        f"REVOKE SELECT ON {name}.erasures_under_way" for name in databases
    }
    assert "erasures_under_way" in comments.load().tables


def test_the_password_is_a_digest_from_the_environment_and_stands_nowhere() -> None:
    digest = USER.find("password_sha256_hex")
    assert digest is not None
    assert not (digest.text or "").strip()
    assert USER.find("password") is None
    variable = digest.attrib["from_env"]
    given = SERVICES["clickhouse"]["environment"][variable]
    preset = default(SERVICES["grafana"]["environment"]["WUA_READER_PASSWORD"])
    assert default(given) == hashlib.sha256(preset.encode()).hexdigest()


def test_grafana_asks_as_the_reader() -> None:
    (source,) = [source for source in SOURCES if source["type"] == "grafana-clickhouse-datasource"]
    assert source["jsonData"]["username"] == USER.tag
    assert source["jsonData"]["host"] in SERVICES
    variables = set(re.findall(r"\$(\w+)", json.dumps(source)))
    assert variables <= SERVICES["grafana"]["environment"].keys()
    assert source["secureJsonData"]["password"].startswith("$")
    assert source["jsonData"]["queryTimeout"] <= int(text("profiles/*/constraints/max_execution_time/max"))


def test_grafana_finds_what_is_provisioned() -> None:
    mounted = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"] if volume[0] == ".")
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards/dashboards.yml").read_text())["providers"]
    assert mounted["./deploy/grafana/dashboards/overview.json"].startswith(provider["options"]["path"])
    plugin = SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    assert plugin in {source["type"] for source in SOURCES}
    assert SERVICES["grafana"]["profiles"] == SERVICES["prometheus"]["profiles"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_a_source_that_is_provisioned(panel: dict[str, Any]) -> None:
    known = {(source["type"], source["uid"]) for source in SOURCES}
    for asked in [panel, *panel["targets"]]:
        assert (asked["datasource"]["type"], asked["datasource"]["uid"]) in known


def test_panels_lie_beside_each_other() -> None:
    cells = [
        (column, row)
        for place in (panel["gridPos"] for panel in PANELS)
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_series_that_panels_ask_for_are_the_workers() -> None:
    queries = [target["expr"] for panel in PANELS for target in panel["targets"] if "expr" in target]
    asked = set(re.findall(r"\bwua_\w+", " ".join(queries)))
    known = {family.name for family in WorkerMetrics().registry.collect()}
    assert asked
    assert {name.removesuffix("_total") for name in asked} <= known


def default(value: str) -> str:
    """What compose fills in for ``${NAME:-value}`` where NAME is not set."""
    found = re.fullmatch(r"\$\{\w+:-(.*)\}", value)
    assert found, value
    return found[1]
