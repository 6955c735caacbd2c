"""faust.yml and environment -> Settings, or an error that names file, key and what was expected."""

import os
import traceback
from pathlib import Path

import pytest
import yaml

from app.errors import SettingsError
from app.settings import Settings, load

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_settings_in_the_environment(monkeypatch):
    for name in tuple(os.environ):
        if name.startswith("WUA_"):
            monkeypatch.delenv(name)


def written(tmp_path, text):
    file = tmp_path / "faust.yml"
    file.write_text(text)
    return file


def test_faust_yml_shows_every_key_with_its_default():
    assert load(files=(ROOT / "faust.yml",)).model_dump() == Settings().model_dump()
    shown = yaml.safe_load((ROOT / "faust.yml").read_text())
    for name, field in Settings.model_fields.items():
        keys = getattr(field.annotation, "model_fields", None)
        if keys:
            assert set(shown[name]) == set(keys), name
    assert set(shown) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("broker: {urll: x}", "unknown key `broker.urll`"),
        ("bar: 1", "unknown key `bar`"),
        ("web: {port: many}", "`web.port` = 'many'.*valid integer"),
        ("web: {port: 70000}", "`web.port` = 70000.*less than or equal to 65535"),
        ("broker: {url: localhost}", "`broker.url` = 'localhost'"),
        ("default_site: {timezone: Mars/Crater}", "IANA time zone"),
        ("funnels: {f: {title: F, steps: [{title: a}, {title: b, page: /}]}}", "exactly one of"),
        ("- a", "expected sections"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_file_key_and_expectation(tmp_path, text, message):
    file = written(tmp_path, text)
    with pytest.raises(SettingsError, match=message) as error:
        load(files=(file,))
    assert str(file) in str(error.value)


def test_every_mistake_is_listed_at_once(tmp_path):
    with pytest.raises(SettingsError) as error:
        load(files=(written(tmp_path, "web: {port: 0}\nbroker: {partitions: 0}\n"),))
    assert "web.port" in str(error.value)
    assert "broker.partitions" in str(error.value)


def test_the_environment_overrides_files_and_overrides_win_over_both(tmp_path, monkeypatch):
    file = written(tmp_path, "broker: {partitions: 5, events_topic: mine}")
    assert load(files=(file,)).broker.partitions == 5
    monkeypatch.setenv("WUA_BROKER__PARTITIONS", "7")
    loaded = load(files=(file,))
    assert (loaded.broker.partitions, loaded.broker.events_topic) == (7, "mine")
    assert load(files=(file,), overrides={"broker.partitions": 9}).broker.partitions == 9


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WUA_BROKR__URL", "unknown section"),
        ("WUA_BROKER__URLL", "unknown key.*WUA_BROKER__URL"),
    ],
)
def test_a_misspelt_override_is_an_error(monkeypatch, name, message):
    monkeypatch.setenv(name, "x")
    with pytest.raises(SettingsError, match=message):
        load(files=())


def test_a_bad_override_names_the_variable(monkeypatch):
    monkeypatch.setenv("WUA_WEB__PORT", "high")
    with pytest.raises(SettingsError, match=r"environment variable WUA_WEB__PORT.*valid integer"):
        load(files=())


def test_a_short_admin_key_is_refused_and_never_shown(monkeypatch):
    monkeypatch.setenv("WUA_WEB__ADMIN_KEY", "hunter2")
    with pytest.raises(SettingsError, match=r"WUA_WEB__ADMIN_KEY.*at least 16 characters") as error:
        load(files=())
    assert "hunter2" not in str(error.value)
    monkeypatch.setenv("WUA_WEB__ADMIN_KEY", "0123456789abcdef")
    loaded = load(files=())
    assert loaded.web.admin_key.get_secret_value() == "0123456789abcdef"
    assert "0123456789" not in repr(loaded)


@pytest.mark.parametrize("section", ["clickhouse", "broker"])
@pytest.mark.parametrize(
    "url",
    [
        "ftp://wua:hunter2@store:8123",
        "wua:hunter2@store:8123",
        "http://wua:a hunter2@store:8123",
        "http://wua:hunter2@a@ store:8123",
        "http://wua:hunter2/b@ store:8123",
        "http://wua:hunter2\nb@store:8123",
        "kafka://wua:hunter2@store:8123;kafka://wua:hunter2@other",
        "kafka://wua:hunter2@store:9092",
    ],
)
def test_an_address_that_is_none_is_shown_without_user_and_password(monkeypatch, section, url):
    monkeypatch.setenv(f"WUA_{section.upper()}__URL", url)
    with pytest.raises(SettingsError, match=rf"`{section}\.url` = .*\(hidden\)@") as error:
        load(files=())
    shown = "".join(traceback.format_exception(error.value))
    assert "hunter2" not in shown
    assert "wua:" not in shown
    assert url.rpartition("@")[2] in shown


@pytest.mark.parametrize(
    "url", ["http://wua:hunter2/b@store:8123", "http://wua:3#hunter2@store:8123", "http://wua:#hunter2@store"]
)
def test_a_password_that_hides_the_host_is_refused_and_not_shown(monkeypatch, url):
    monkeypatch.setenv("WUA_CLICKHOUSE__URL", url)
    with pytest.raises(SettingsError, match=r"clickhouse\.url.*percent-encode") as error:
        load(files=())
    assert "hunter2" not in "".join(traceback.format_exception(error.value))


def test_a_value_in_place_of_a_section_is_shown_without_password(monkeypatch, tmp_path):
    file = written(tmp_path, "clickhouse: http://wua:hunter2@store:8123")
    with pytest.raises(SettingsError, match=r"`clickhouse` = 'http://\(hidden\)@store:8123'"):
        load(files=(file,))


@pytest.mark.parametrize("key", ["hunter2", "0" * 63, "0" * 66, "g" * 64])
def test_an_address_key_is_32_bytes_in_hex_and_never_shown(monkeypatch, key):
    monkeypatch.setenv("WUA_INGEST__ADDRESS_KEY", key)
    with pytest.raises(SettingsError, match=r"WUA_INGEST__ADDRESS_KEY.*32 bytes in hex") as error:
        load(files=())
    assert key not in str(error.value)
    monkeypatch.setenv("WUA_INGEST__ADDRESS_KEY", "ab" * 32)
    assert "abab" not in repr(load(files=()))


@pytest.mark.parametrize(
    "digests", [["hunter2-hunter2-hunter2"], ["AB" * 32], ["0" * 63], ["0" * 64, "hunter2-hunter2-hunter2"]]
)
def test_a_secret_in_place_of_its_digest_is_refused_and_never_shown(tmp_path, digests):
    file = written(tmp_path, yaml.safe_dump({"sites": {"shop": {"server_keys": digests}}}))
    with pytest.raises(SettingsError, match=r"sites\.shop\.server_keys.*`wua keys new`") as error:
        load(files=(file,))
    assert digests[-1] not in str(error.value)


@pytest.mark.parametrize("key", ["", "short", "with space in it", "a&b=c-d-e-f", "x" * 129])
def test_a_write_key_stands_in_an_address_as_it_is(tmp_path, key):
    file = written(tmp_path, yaml.safe_dump({"sites": {"shop": {"write_keys": [key]}}}))
    with pytest.raises(SettingsError, match=r"sites\.shop\.write_keys\.0"):
        load(files=(file,))


@pytest.mark.parametrize(
    ("key", "value"), [("write_keys", ["key-of-everybody"]), ("server_keys", ["ab" * 32])]
)
def test_keys_of_the_default_site_are_refused_where_sites_have_names(tmp_path, key, value):
    alone = {"default_site": {key: value}}
    file = written(tmp_path, yaml.safe_dump(alone))
    assert getattr(load(files=(file,)).site("any"), key) == tuple(value)
    file = written(tmp_path, yaml.safe_dump({**alone, "sites": {"shop": {}}}))
    with pytest.raises(SettingsError, match=rf"faust\.yml: `default_site\.{key}`.*sites\.<site_id>") as error:
        load(files=(file,))
    assert value[0] not in str(error.value)


def test_an_environment_is_laid_over_the_base_file(tmp_path, monkeypatch):
    base = written(tmp_path, "broker: {partitions: 5}")
    (tmp_path / "deploy/prod").mkdir(parents=True)
    (tmp_path / "deploy/prod/faust.yml").write_text("broker: {replication_factor: 3}")
    monkeypatch.setenv("WUA_CONFIG", str(base))
    monkeypatch.setenv("WUA_ENV", "prod")
    broker = load().broker
    assert (broker.partitions, broker.replication_factor) == (5, 3)
    monkeypatch.setenv("WUA_ENV", "moon")
    with pytest.raises(SettingsError, match=r"WUA_ENV=moon.*dev, staging or prod"):
        load()


def test_a_named_file_that_is_missing_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("WUA_CONFIG", str(tmp_path / "none.yml"))
    with pytest.raises(SettingsError, match="no such file"):
        load()


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        Settings().web.port = 1
