"""By which rules an event was decided: a digest that is stable, and another one when anything of them is."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.adapters import rule_versions, watched_file
from app.adapters.enricher import Enricher
from app.adapters.rule_versions import LIBRARIES, MODULES, tables_version
from app.adapters.rules import rules_of
from app.events.enriched import Versions
from app.settings import Settings
from tests.factories import web_event
from tests.watching import read_again

ROOT = Path(__file__).parents[2]
#: What the enricher reads beside the modules that decide: shapes, settings, and how files are read.
NO_RULES = {
    "app/adapters/networks.py",
    "app/currency_settings.py",
    "app/funnel_settings.py",
    "app/report_settings.py",
    "app/section.py",
    "app/web_settings.py",
    "app/adapters/rule_versions.py",
    "app/adapters/watched_file.py",
    "app/core/rules.py",
    "app/errors.py",
    "app/events/rejects.py",
    "app/events/vocabulary.py",
    "app/events/wire.py",
    "app/log.py",
    "app/settings.py",
    "app/site_settings.py",
}
CRM = {"channel": "Email", "source": "crm-*"}
IN_ANOTHER_PROCESS = """
from app.adapters.enricher import Enricher
from app.adapters.rules import rules_of
from app.settings import Settings
print(Enricher().versions(rules_of(Settings()).site("shop")).rules)
"""


def versions(settings: Settings, *, site: str = "shop") -> Versions:
    return Enricher.of(settings).versions(rules_of(settings).site(site))


def test_it_is_twelve_hexadecimal_digits_and_the_same_in_another_process():
    here = versions(Settings()).rules
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)}
    there = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert there.stdout.strip() == here
    assert len(bytes.fromhex(here)) == 6


@pytest.mark.parametrize(
    "own", [{"channels": [CRM]}, {"domains": ["shop.example"]}, {"channels": [{**CRM, "medium": "x"}]}]
)
def test_a_rule_of_a_site_changes_the_version_of_that_site_alone(own):
    before, after = Settings(), Settings(sites={"shop": own, "blog": {}})
    assert versions(after).rules != versions(before).rules
    assert versions(after, site="blog") == versions(before, site="blog")


def test_settings_that_decide_nothing_here_change_nothing():
    other = {"timezone": "Europe/Berlin", "write_keys": ["key-of-the-shop"], "retention_days": 9}
    assert versions(Settings(sites={"shop": other})) == versions(Settings())


def test_the_order_of_rules_counts_and_that_of_domains_does_not():
    def either_way(**site):
        ((name, listed),) = site.items()
        ways = [versions(Settings(default_site={name: order})) for order in (listed, listed[::-1])]
        return ways[0] == ways[1]

    assert not either_way(channels=[CRM, {"channel": "Display", "source": "crm-ads"}])
    assert either_way(domains=["a.example", "b.example"])


@pytest.mark.parametrize("module", MODULES)
def test_every_table_counts_however_its_lines_end(module, monkeypatch, tmp_path):
    before = tables_version.__wrapped__()
    for one in MODULES:
        copy = tmp_path / one
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / one).read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setattr(rule_versions, "files", lambda package: tmp_path / package)
    assert tables_version.__wrapped__() == before
    with (tmp_path / module).open("ab") as changed:
        changed.write(b"X = 1\n")
    assert tables_version.__wrapped__() != before


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_counts(library, monkeypatch):
    before, known = tables_version.__wrapped__(), rule_versions.version
    monkeypatch.setattr(rule_versions, "version", lambda name: "0" if name == library else known(name))
    assert tables_version.__wrapped__() != before


def test_no_module_that_the_enricher_reads_is_left_out():
    found, due = set(), ["app/adapters/enricher.py"]
    while due:
        module = due.pop()
        if module not in found:
            found.add(module)
            due += imported(module)
    assert found - NO_RULES == set(MODULES)


def imported(module: str) -> list[str]:
    """The files of ours that a module imports."""
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    names = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("app")
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
    ]
    paths = [f"{name.replace('.', '/')}.py" for name in names]
    return [path for path in paths if (ROOT / path).is_file()]


def test_a_list_of_the_operator_counts_and_what_knew_the_address_is_told_apart(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("192.0.2.0/24\n")
    plain, listed = versions(Settings()), versions(Settings(bots={"networks_path": str(path)}))
    assert (plain.geo, plain.networks) == ("", "")
    assert (listed.rules, listed.geo) == (plain.rules, "")
    assert len(listed.networks) == 12
    path.write_text("spam.example\n")
    spam = versions(Settings(bots={"spam_referrers_path": str(path)}))
    assert spam.rules != plain.rules
    assert spam.networks == ""


def test_an_event_says_what_it_was_decided_by():
    settings = Settings(default_site={"channels": [CRM]})
    enriched = Enricher.of(settings)(web_event(), site=rules_of(settings).site("shop"))
    assert enriched.versions == versions(settings)


def test_a_list_that_is_read_anew_changes_the_version_of_what_comes_after(tmp_path, monkeypatch):
    monkeypatch.setattr(watched_file, "LOOKS_EVERY_S", 0.0)
    path = tmp_path / "list.txt"
    path.write_text("spam.example\n")
    settings = Settings(bots={"spam_referrers_path": str(path)})
    enrich, site = Enricher.of(settings), rules_of(settings).site("shop")
    before = enrich(web_event(), site=site).versions
    path.write_text("late.example\n")
    event = web_event(referrer="https://late.example/")
    read_again(lambda: enrich(event, site=site))
    after = enrich(event, site=site)
    assert after.versions.rules != before.rules
    assert after.bot.reasons.labels == ["empty_user_agent", "spam_referrer"]
