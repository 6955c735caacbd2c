"""Closed vocabularies. A value is at once the metric label, the column value and the word in the docs."""

from __future__ import annotations

from enum import IntFlag, StrEnum


class EventType(StrEnum):
    """The six types of event that a browser or server may send."""

    PAGE_VIEW = "page_view"
    CLICK = "click"
    SCROLL = "scroll"
    FORM_SUBMIT = "form_submit"
    VIDEO_PLAY = "video_play"
    CUSTOM_EVENT = "custom_event"


class ReservedName(StrEnum):
    """Names of custom events that the product itself gives a meaning to; all begin with ``$``."""

    PAGE_LEAVE = "$page_leave"
    WEB_VITALS = "$web_vitals"
    IDENTIFY = "$identify"
    ALIAS = "$alias"
    EXPOSURE = "$exposure"
    PURCHASE = "$purchase"
    GOAL = "$goal"


class Origin(StrEnum):
    """Who wrote the event to ``web_events``; the producing part sets it, never the sender."""

    BROWSER = "browser"
    SERVER = "server"
    REPLAY = "replay"


class Tool(StrEnum):
    """The analytics tools whose exports can be imported."""

    PLAUSIBLE = "plausible"
    UMAMI = "umami"
    GA4 = "ga4"


class ImportedDimension(StrEnum):
    """By what another tool's daily sums are given; ``total``: by nothing."""

    TOTAL = "total"
    PAGE = "page"
    ENTRY_PAGE = "entry_page"
    EXIT_PAGE = "exit_page"
    SOURCE = "source"
    UTM_SOURCE = "utm_source"
    UTM_MEDIUM = "utm_medium"
    UTM_CAMPAIGN = "utm_campaign"
    UTM_TERM = "utm_term"
    UTM_CONTENT = "utm_content"
    COUNTRY = "country"
    REGION = "region"
    CITY = "city"
    DEVICE = "device"
    BROWSER = "browser"
    OS = "os"
    CUSTOM_EVENT = "custom_event"


class Outcome(StrEnum):
    """What became of a received event; ``received = accepted + rejected + duplicate``."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"


class Step(StrEnum):
    """The named steps of the ingest pipeline, in their order."""

    DECODE = "decode"
    VALIDATE = "validate"
    TIME = "time"
    ENRICH = "enrich"
    DEDUPLICATE = "deduplicate"
    SESSIONISE = "sessionise"


class RejectReason(StrEnum):
    """Why an event was not accepted."""

    EMPTY_BODY = "empty_body"
    TOO_LARGE = "too_large"
    INVALID_UTF8 = "invalid_utf8"
    NUL_CHARACTER = "nul_character"
    MALFORMED_JSON = "malformed_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_DEEP = "too_deep"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    WRONG_KEY = "wrong_key"
    UNKNOWN_SITE = "unknown_site"
    WRONG_WRITE_KEY = "wrong_write_key"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    FORBIDDEN_SITE = "forbidden_site"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    UNKNOWN_RESERVED_NAME = "unknown_reserved_name"
    INVALID_VALUE = "invalid_value"
    INVALID_URL = "invalid_url"
    TOO_LONG = "too_long"
    TOO_MANY_PROPERTIES = "too_many_properties"
    PROPERTIES_TOO_LARGE = "properties_too_large"
    IN_FUTURE = "in_future"
    TOO_OLD = "too_old"
    LATE = "late"


class DeviceClass(StrEnum):
    """What kind of device the visitor used."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
    TABLET = "tablet"
    TV = "tv"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """Marketing channel of a visit, GA4's public groups plus AI Assistants."""

    CROSS_NETWORK = "Cross-network"
    PAID_SHOPPING = "Paid Shopping"
    PAID_SEARCH = "Paid Search"
    PAID_SOCIAL = "Paid Social"
    PAID_VIDEO = "Paid Video"
    DISPLAY = "Display"
    PAID_OTHER = "Paid Other"
    ORGANIC_SHOPPING = "Organic Shopping"
    ORGANIC_SOCIAL = "Organic Social"
    ORGANIC_VIDEO = "Organic Video"
    AI_ASSISTANTS = "AI Assistants"
    ORGANIC_SEARCH = "Organic Search"
    EMAIL = "Email"
    AFFILIATES = "Affiliates"
    AUDIO = "Audio"
    SMS = "SMS"
    MOBILE_PUSH = "Mobile Push"
    REFERRAL = "Referral"
    DIRECT = "Direct"


class SourceKind(StrEnum):
    """What kind of place a referring host is."""

    SEARCH = "search"
    SOCIAL = "social"
    AI_ASSISTANT = "ai_assistant"
    EMAIL = "email"
    VIDEO = "video"
    SHOPPING = "shopping"
    NEWS = "news"
    OTHER = "other"


class BotKind(StrEnum):
    """What a program is for; the column ``bot_kind``, which is empty for people."""

    AI_FETCHER = "ai_fetcher"
    AI_CRAWLER = "ai_crawler"
    SEARCH_CRAWLER = "search_crawler"
    MONITOR = "monitor"
    AUTOMATION = "automation"
    OTHER = "other"


class BotReason(IntFlag):
    """Why an event is thought to come from a program; several may hold at once."""

    NONE = 0
    USER_AGENT = 1
    EMPTY_USER_AGENT = 2
    SPIDER = 4
    AI_CRAWLER = 8
    AI_FETCHER = 16
    SEARCH_CRAWLER = 32
    MONITOR = 64
    AUTOMATION = 128
    WEBDRIVER = 256
    MISSING_HEADERS = 512
    DATA_CENTRE = 1024
    RATE = 2048
    SPAM_REFERRER = 4096

    @property
    def labels(self) -> list[str]:
        """The names of the reasons that hold, in lower case, e.g. ``["user_agent", "spider"]``."""
        return [reason.name.lower() for reason in BotReason if reason and reason in self and reason.name]
