"""The one tree of errors. Each says what happened, where, and what to do now."""

from __future__ import annotations


class WuaError(Exception):
    """Root of every error this project raises on purpose."""

    retriable = False


class SettingsError(WuaError):
    """A setting is unknown or has a bad value; names file, key and what was expected."""


class SinkError(WuaError):
    """ClickHouse refused a block; trying again with the same rows cannot help."""


class SinkUnavailableError(SinkError):
    """ClickHouse cannot be reached or is read-only; the same insert may succeed later."""

    retriable = True


class BrokerUnavailableError(WuaError):
    """Kafka did not acknowledge in time; the caller still owns the events."""

    retriable = True


class WorkerUnavailableError(WuaError):
    """No worker can answer now: none is there, or partitions are moving."""

    retriable = True


class DeliveryError(WuaError):
    """Records of a partition came again, or out of order, where only new ones may come."""


class TopicMissingError(WuaError):
    """A topic is not there and was not made; says which, and who can make it."""


class MigrationError(WuaError):
    """The schema in the database and the migrations on disk disagree."""


class ReconcileError(WuaError):
    """Layers cannot be compared or rebuilt as things stand; says what stands in the way."""


class ErasureError(WuaError):
    """What is held of a person cannot be read or removed as things stand; to run again is safe."""


class ImportFileError(WuaError):
    """An export of another tool cannot be read; names file and line, and says what is expected."""


class QueryError(WuaError):
    """A question cannot be answered as asked; says which parameter and what is allowed."""


class ThrownError(QueryError):
    """A statement found what it cannot be answered with, and said so itself by ``throwIf``."""


class NotFoundError(QueryError):
    """What the question is about does not exist; says what was looked for and what there is."""


class SearchConsoleError(WuaError):
    """A file is no export of Search Console, or cannot be imported; says which line and what is expected."""


class ConflictError(QueryError):
    """What is to be changed is not as the asker knew it; says what it was, and to read it again."""


class SendRefusedError(WuaError):
    """A report was refused by whom it was sent to; to send it again would not help."""


class SendUnavailableError(WuaError):
    """A report could not be sent now: nobody took it; the same may succeed later."""

    retriable = True


class SendUnknownError(WuaError):
    """A report was under way when its receiver fell silent: nobody knows whether it was taken."""


class ReportError(WuaError):
    """A report cannot be made as things stand; says why and what to do."""


class StateError(WuaError):
    """The state store holds something this version cannot read."""


class FencedError(WuaError):
    """Another worker owns the partition now; this one must write nothing more and join its group again."""


class EmbeddedError(WuaError):
    """The embedded stack cannot start or stay up."""


class KeyStoreError(WuaError):
    """The keys of the API cannot be read or written, or there is no such key."""


class AccountError(WuaError):
    """Who may open the dashboard cannot be read or written, or there is no such person or link."""


class ProviderError(WuaError):
    """The OpenID provider does not answer, or what it says of somebody cannot be believed."""
