"""faust.yml + environment -> one frozen Settings, decoded once and handed down."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as PydanticSettingsError

from app.currency_settings import CurrencySettings
from app.errors import SettingsError
from app.funnel_settings import CHECKOUT, FunnelSettings
from app.report_settings import ReportSettings
from app.section import Section as _Section
from app.site_settings import SiteSettings
from app.web_settings import CacheSettings, WebSettings

#: Environment names with our prefix that are no settings: they choose the file, or steer the tests.
RESERVED_ENV = frozenset({"WUA_CONFIG", "WUA_ENV", "WUA_KAFKA", "WUA_REQUIRE_KAFKA"})
PREFIX = "WUA_"
#: What a server listens at to be reached by any of its machine's addresses.
ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
#: User and password of a URL, whatever is wrong with it: all before the last "@".
_CREDENTIALS = re.compile(r"^('?(?:[A-Za-z+.-]+://)?).*@", re.DOTALL)
#: Keys whose values no message may show.
SECRETS = frozenset(
    {"address_key", "admin_key", "oidc_client_secret", "server_keys", "smtp_password", "webhook_secret"}
)
#: Of `default_site` they hold for as long as `sites` is empty: then any site is taken.
KEYS_OF_SITES = ("write_keys", "server_keys")


class AppSettings(_Section):
    """The Faust app and its worker."""

    id: str = Field("web-user-analytics", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    data_dir: Path = Path("./data")
    web_host: str = "127.0.0.1"
    web_port: int = Field(6066, ge=1, le=65535)
    advertised_host: str = Field("", pattern=r"^[A-Za-z0-9._:-]*$")
    worker_url: str = Field("", pattern=r"^(https?://[^/?#@\s]+/?)?$")
    table_cleanup_interval_s: float = Field(30.0, gt=0)
    standby_replicas: int = Field(0, ge=0)


class BrokerSettings(_Section):
    """Kafka: where it is and what the topics are called."""

    url: str = Field("kafka://localhost:9092", pattern=r"^kafka://[^;/@\s]+:\d+(;kafka://[^;/@\s]+:\d+)*$")
    events_topic: str = "web_events"
    dead_letter_topic: str = "web_events.dead_letter"
    sessions_topic: str = "web_sessions"
    partitions: int = Field(4, ge=1, le=1024)
    replication_factor: int = Field(1, ge=1)
    epoch: int = Field(0, ge=0, le=2**32 - 1)
    session_timeout_s: float = Field(10.0, gt=0)
    heartbeat_interval_s: float = Field(2.0, gt=0)
    produce_timeout_s: float = Field(10.0, gt=0)

    @property
    def bootstrap_servers(self) -> str:
        """``host:port,host:port``, as the Kafka clients take it."""
        return self.url.replace("kafka://", "").replace(";", ",")


class IngestSettings(_Section):
    """Size of a block, the memory for duplicates, and the key that addresses are sealed under."""

    block_max_events: int = Field(20_000, ge=1, le=500_000)
    block_max_bytes: int = Field(16 * 1024 * 1024, ge=1024)
    dedup_ids_per_visitor: int = Field(4096, ge=1, le=1_000_000)
    address_key: SecretStr = SecretStr("")

    @field_validator("address_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"([0-9a-fA-F]{64})?", value.get_secret_value()):
            raise ValueError("expected 32 bytes in hex, such as `openssl rand -hex 32` makes")
        return value


class SessionSettings(_Section):
    """The rules of the session window."""

    gap_ms: int = Field(1_800_000, ge=1)
    grace_ms: int = Field(86_400_000, ge=0)
    cap_ms: int = Field(86_400_000, ge=0)
    bounce_engaged_ms: int = Field(10_000, ge=0)
    split_at_midnight: bool = False
    split_at_campaign: bool = False
    bot_events_per_minute: int = Field(120, ge=0)
    bot_min_events: int = Field(200, ge=1)


class ClickHouseSettings(_Section):
    """ClickHouse: a server over HTTP, or chDB in this process."""

    url: str = Field("http://localhost:8123", pattern=r"^(https?://\S+|chdb:///\S+)$")
    database: str = Field("wua", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    cluster: str = Field("", pattern=r"^[A-Za-z0-9_.-]*$")
    replicated: bool = False
    pool_size: int = Field(4, ge=1, le=64)
    insert_timeout_s: float = Field(60.0, gt=0)
    query_timeout_s: float = Field(30.0, gt=0)
    retry_max_wait_s: float = Field(10.0, gt=0)
    keep_free_mb: int = Field(256, ge=0)
    cache_mb: int = Field(256, ge=0)

    @field_validator("url")
    @classmethod
    def _can_be_taken_apart(cls, value: str) -> str:
        # TRICKY: a "/", "?" or "#" in a password ends the host; messages about host and port would show it.
        try:
            url = urlsplit(value)
            rest = url.path + url.query + url.fragment
            is_whole = url.port != 0 and (url.scheme == "chdb" or "@" not in rest)
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError(
                "expected http(s)://[user:password@]host:port; in user and password percent-encode what is "
                "neither letter nor digit"
            )
        return value


class GeoSettings(_Section):
    """Where countries come from."""

    mmdb_path: str = ""


class BotSettings(_Section):
    """What programs are known by, beside what they say of themselves."""

    networks_path: str = ""
    spam_referrers_path: str = ""


class LogSettings(_Section):
    """What is logged, and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"
    batches: bool = True


class Settings(BaseSettings):
    """Everything that can be set. Frozen: change it by making another with ``model_copy(update=...)``."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__", case_sensitive=False
    )

    app: AppSettings = AppSettings()
    broker: BrokerSettings = BrokerSettings()
    ingest: IngestSettings = IngestSettings()
    sessions: SessionSettings = SessionSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    web: WebSettings = WebSettings()
    reports: ReportSettings = ReportSettings()
    cache: CacheSettings = CacheSettings()
    geo: GeoSettings = GeoSettings()
    bots: BotSettings = BotSettings()
    log: LogSettings = LogSettings()
    default_site: SiteSettings = SiteSettings()
    sites: dict[str, SiteSettings] = {}
    currencies: CurrencySettings = CurrencySettings()
    funnels: dict[str, FunnelSettings] = {"checkout": CHECKOUT}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only: ``Settings()`` is the defaults; ``load`` adds files and environment."""
        return (init_settings,)

    def site(self, site_id: str) -> SiteSettings:
        """Settings of a site; the defaults where it has none of its own."""
        return self.sites.get(site_id, self.default_site)


def load(*, files: tuple[Path, ...] | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings: defaults < faust.yml < deploy/<env>/faust.yml < environment < ``overrides``.

    ``overrides`` maps dotted keys to values, e.g. ``{"clickhouse.url": "chdb:///tmp/x"}``.
    Raises SettingsError that lists every unknown key and bad value with the place it came from.
    """
    files = default_files() if files is None else files
    by_file = {file: _read(file) for file in files}
    _refuse_unknown_environment()

    class _Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from_files = (
                InitSettingsSource(settings_cls, values) for values in reversed([*by_file.values()])
            )
            return init_settings, env_settings, *from_files

    try:
        loaded = _Loaded(**_nested(overrides or {}))
    except ValidationError as error:
        # A cause would be printed with it, and shows what it found, secrets and passwords too.
        raise SettingsError(_explain(error, by_file)) from None
    except PydanticSettingsError as error:
        raise SettingsError(f"environment: {error}; expected a JSON value") from error
    for key in KEYS_OF_SITES:
        if loaded.sites and getattr(loaded.default_site, key):
            raise SettingsError(
                f"{_place(('default_site', key), by_file)}: `default_site.{key}` opens nothing once `sites` "
                f"names any: give the keys to the sites that they are for, as `sites.<site_id>.{key}`"
            )
    return loaded


def default_files() -> tuple[Path, ...]:
    """The files that ``load`` reads: ``WUA_CONFIG`` or ./faust.yml, then that of ``WUA_ENV``."""
    base = Path(os.environ.get("WUA_CONFIG", "faust.yml"))
    if "WUA_CONFIG" in os.environ and not base.is_file():
        raise SettingsError(f"WUA_CONFIG={base}: no such file; name an existing faust.yml or unset it")
    files = [base] if base.is_file() else []
    if environment := os.environ.get("WUA_ENV"):
        overlay = base.parent / "deploy" / environment / "faust.yml"
        if not overlay.is_file():
            raise SettingsError(f"WUA_ENV={environment}: no file {overlay}; expected dev, staging or prod")
        files.append(overlay)
    return tuple(files)


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{file}: expected sections such as `broker:`, found {type(values).__name__}")
    return values


def _nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    nested: dict[str, Any] = {}
    for key, value in dotted.items():
        *parents, leaf = key.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return nested


def _refuse_unknown_environment() -> None:
    """An override with a typing mistake must not be passed over in silence."""
    sections = {name.upper(): field.annotation for name, field in Settings.model_fields.items()}
    for name in os.environ:
        if not name.startswith(PREFIX) or name in RESERVED_ENV:
            continue
        section, _, key = name.removeprefix(PREFIX).upper().partition("__")
        if section not in sections:
            expected = ", ".join(f"{PREFIX}{known}__..." for known in sections)
            raise SettingsError(f"environment variable {name}: unknown section; expected one of {expected}")
        model = sections[section]
        fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        if key and fields and key.partition("__")[0].lower() not in fields:
            expected = ", ".join(f"{PREFIX}{section}__{field.upper()}" for field in fields)
            raise SettingsError(f"environment variable {name}: unknown key; expected one of {expected}")


def _explain(error: ValidationError, by_file: Mapping[Path, dict[str, Any]]) -> str:
    """One line for each mistake: place, key, what was found, what was expected."""
    lines = []
    for mistake in error.errors():
        path = tuple(str(part) for part in mistake["loc"])
        key = ".".join(path)
        if mistake["type"] == "extra_forbidden":
            lines.append(f"{_place(path, by_file)}: unknown key `{key}`; see faust.yml for the known keys")
        else:
            shown = _CREDENTIALS.sub(r"\1(hidden)@", repr(mistake["input"]))
            found = "(hidden)" if SECRETS.intersection(path) else shown
            lines.append(f"{_place(path, by_file)}: `{key}` = {found}: {mistake['msg']}")
    return "\n".join(lines)


def _place(path: tuple[str, ...], by_file: Mapping[Path, dict[str, Any]]) -> str:
    variable = PREFIX + "__".join(path).upper()
    if variable in os.environ:
        return f"environment variable {variable}"
    for file, values in reversed([*by_file.items()]):
        place: Any = values
        for part in path:
            place = place.get(part) if isinstance(place, dict) else None
        if place is not None or (len(path) == 1 and path[0] in values):
            return str(file)
    return ", ".join(str(file) for file in by_file) or "settings"


def told(settings: Settings) -> dict[str, str]:
    """Each setting by its dotted key, for people: whether a secret is set, and no password of a URL.

    Without what is particular to sites.
    """
    values = settings.model_dump(mode="json", exclude={"sites", "default_site"})
    return {".".join(path): _told(path, value) for path, value in _leaves(values, ())}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for name, one in value.items():
        yield from _leaves(one, (*path, name))


def _told(path: tuple[str, ...], value: Any) -> str:
    if SECRETS.intersection(path):
        return "(set)" if value else "(not set)"
    if isinstance(value, str):
        return _CREDENTIALS.sub(r"\1(hidden)@", value)
    return json.dumps(value)
