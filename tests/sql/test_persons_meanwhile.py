"""An erasure that is cut off, or during which events arrive: what the next one and a repair make of it."""

from __future__ import annotations

from typing import Any

import pytest

from app.adapters.clickhouse.persons import PersonRows
from app.adapters.clickhouse.reconcile import Reconciler, Scope
from app.events.persons import Person
from tests.sql.store import Store, block, event
from tests.sql.test_persons import ADA, aliased, counts, differing, filled, left, rows_of

__all__ = ["filled"]


@pytest.mark.parametrize("table", ["user_behavior_silver", "sessions_silver", "session_merges"])
def test_a_run_that_is_cut_off_is_finished_by_the_next(filled: Store, table: str) -> None:
    before = counts(filled)
    cut_off_at(filled, table, ADA)
    assert left(filled, ADA)[table]
    rows_of(filled).erase(ADA)
    assert left(filled, ADA) == {}
    assert counts(filled) == before
    assert differing(filled) == []
    assert filled.one("SELECT count() FROM {db}.erasures_under_way") == 0


@pytest.mark.parametrize("table", ["user_behavior_silver", "visitor_aliases", "user_aliases"])
def test_a_run_that_was_cut_off_finds_the_same_user_again(
    filled: Store, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    aliased(filled)
    found = rows_of(filled).person("shop", user="lead-3")
    before = counts(filled)
    move = PersonRows._move_rows

    def cut_off(self: PersonRows, at: Any, where: str, **given: Any) -> None:
        if at.name == table:
            raise KeyboardInterrupt
        move(self, at, where, **given)

    with monkeypatch.context() as patched:
        patched.setattr(PersonRows, "_move_rows", cut_off)
        with pytest.raises(KeyboardInterrupt):
            rows_of(filled).erase(found)
    again = rows_of(filled).person("shop", user="lead-3")
    assert again.users == found.users
    rows_of(filled).erase(again)
    assert left(filled, found) == {}
    assert counts(filled) == before
    assert differing(filled) == []


def cut_off_at(store: Store, table: str, person: Person) -> None:
    """An erasure that ends between the copy and the deletion in that table."""
    delete = PersonRows._delete

    def cut_off(self: PersonRows, at: str, where: str, **given: Any) -> None:
        if at.endswith(f".{table}"):
            raise KeyboardInterrupt
        delete(self, at, where, **given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PersonRows, "_delete", cut_off)
        with pytest.raises(KeyboardInterrupt):
            rows_of(store).erase(person)


def test_a_run_that_was_cut_off_is_finished_by_any_id_of_the_person(filled: Store) -> None:
    """First the user, then one of the devices, then the user again."""
    filled.insert([event(block(start=90), visitor_id="phone", user_id="7")])
    seven = rows_of(filled).person("shop", user="7")
    before = counts(filled)
    cut_off_at(filled, "user_behavior_silver", seven)
    for person in (Person(site_id="shop", visitors=("phone",)), seven):
        rows_of(filled).erase(person)
    assert left(filled, seven) == {}
    assert counts(filled) == before
    assert differing(filled) == []
    assert filled.one("SELECT count() FROM {db}.erasures_under_way") == 0


def test_runs_over_two_devices_that_were_cut_off_are_finished_by_the_user(filled: Store) -> None:
    filled.insert([event(block(start=90), visitor_id="phone", user_id="7")])
    seven = rows_of(filled).person("shop", user="7")
    pages = "SELECT count(), uniq(visitor_id) FROM {db}.page_views_silver WHERE site_id = 'shop'"
    before = filled.ask(pages)
    for visitor in seven.visitors:
        cut_off_at(filled, "page_views_silver", Person(site_id="shop", visitors=(visitor,)))
    assert filled.one("SELECT uniq(salt) FROM {db}.erasures_under_way") == 2
    rows_of(filled).erase(seven)
    assert left(filled, seven) == {}
    assert filled.ask(pages) == before
    assert differing(filled) == []
    assert filled.one("SELECT count() FROM {db}.erasures_under_way") == 0


@pytest.mark.parametrize("table", ["visitor_aliases", "user_aliases"])
def test_who_is_whom_is_moved_once_also_where_the_engine_merged_rows_in_between(
    filled: Store, table: str
) -> None:
    aliased(filled)
    again = {"name": "$alias", "user_id": "7", "properties": '{"previous_id":"lead-3"}'}
    filled.insert([event(block(start=95), visitor_id="ada", event_type="custom_event", **again)])
    found = rows_of(filled).person("shop", user="7")
    cut_off_at(filled, table, found)
    filled.merge()
    rows_of(filled).erase(found)
    assert left(filled, found) == {}
    assert differing(filled) == []


def test_who_is_whom_by_events_that_came_during_the_erasure_is_mended_by_a_repair(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = PersonRows._delete

    def with_news(self: PersonRows, at: str, where: str, **given: Any) -> None:
        if at.endswith(".visitor_aliases"):
            filled.insert([event(block(start=90), visitor_id="ada", user_id="7")])
        delete(self, at, where, **given)

    with monkeypatch.context() as patched:
        patched.setattr(PersonRows, "_delete", with_news)
        rows_of(filled).erase(ADA)
    assert differing(filled) == ["visitor_aliases"]
    Reconciler(filled.client, database=filled.database, pause_s=0).rebuild(Scope())
    assert differing(filled) == []
    assert rows_of(filled).person("shop", user="7").visitors == ("ada",)
    rows_of(filled).erase(ADA)
    assert left(filled, ADA) == {}
    assert differing(filled) == []


def test_what_comes_during_the_move_is_neither_lost_nor_moved(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = PersonRows._delete

    def with_news(self: PersonRows, at: str, where: str, **given: Any) -> None:
        if at.endswith(".user_behavior_silver"):
            filled.insert([event(block(start=90), visitor_id="ada")])
        delete(self, at, where, **given)

    monkeypatch.setattr(PersonRows, "_delete", with_news)
    rows_of(filled).erase(ADA)
    assert filled.one("SELECT count() FROM {db}.user_behavior_silver WHERE visitor_id = 'ada'") > 0
    assert differing(filled) == []
