"""A posted event -> whose it is: the visitor id that it carries, or on cookieless sites one that is found."""

from __future__ import annotations

from app.adapters.visitor_ids import VisitorIds
from app.core.pages import read_address
from app.core.visitor_ids import OF_A_PAGE, Asker
from app.events.rejects import Reject
from app.events.vocabulary import RejectReason, Step
from app.events.wire import ClientEvent
from app.settings import Settings


class Visitors:
    """Names visitors by the settings of the sites."""

    def __init__(self, settings: Settings, *, ids: VisitorIds) -> None:
        self._settings = settings
        self._ids = ids

    def name(self, posted: ClientEvent, *, ip: str, user_agent: str, received_at: int) -> str | Reject:
        """The id of the event's visitor, who is at ``ip``.

        One that ends with its page gives way to a derived one where there can be one.
        """
        is_cookieless = self._settings.site(posted.site_id).cookieless
        gives_way = is_cookieless and ip and posted.visitor_id.startswith(OF_A_PAGE)
        if posted.visitor_id and not gives_way:
            return posted.visitor_id
        if not is_cookieless:
            return _refuse("the event has no visitor_id, and its site is not cookieless")
        if not ip:
            return _refuse("the event has no visitor_id, and none can be derived without an ip")
        return self.find(posted, ip=ip, user_agent=user_agent, received_at=received_at)

    def find(self, posted: ClientEvent, *, ip: str, user_agent: str, received_at: int) -> str:
        """The derived id, whatever the event says."""
        asker = Asker(site_id=posted.site_id, ip=ip, user_agent=user_agent, host=_host(posted.url))
        return self._ids.find(asker, now_ms=received_at)


def _host(url: str) -> str:
    try:
        return read_address(url).host
    except ValueError:
        return ""


def _refuse(detail: str) -> Reject:
    return Reject(reason=RejectReason.MISSING_FIELD, step=Step.DECODE, field="visitor_id", detail=detail)
