"""Every page of the dashboard: its address, its name, where it stands in the navigation."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Group(StrEnum):
    """A heading of the navigation."""

    NOW = "At a glance"
    BEHAVIOUR = "Behaviour"
    MARKETING = "Marketing"
    PRODUCT = "Product"
    MANAGE = "Manage"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """``script`` is its module in ``web/static/dashboard/pages``; ``is_for_admins``: hidden from others."""

    path: str
    title: str
    script: str
    group: Group
    is_for_admins: bool = False


PAGES = (
    Page(path="/", title="Overview", script="overview", group=Group.NOW),
    Page(path="/realtime", title="Realtime", script="realtime", group=Group.NOW),
    Page(path="/funnels", title="Funnels", script="funnels", group=Group.BEHAVIOUR),
    Page(path="/journeys", title="Journeys", script="journeys", group=Group.BEHAVIOUR),
    Page(path="/retention", title="Retention", script="retention", group=Group.BEHAVIOUR),
    Page(path="/heatmap", title="Heatmap", script="heatmap", group=Group.BEHAVIOUR),
    Page(path="/sessions", title="Sessions", script="sessions", group=Group.BEHAVIOUR),
    Page(path="/users", title="Users", script="users", group=Group.BEHAVIOUR),
    Page(path="/goals", title="Goals", script="goals", group=Group.MARKETING),
    Page(path="/attribution", title="Attribution", script="attribution", group=Group.MARKETING),
    Page(path="/seo", title="SEO and AI", script="seo", group=Group.MARKETING),
    Page(path="/experiments", title="Experiments", script="experiments", group=Group.PRODUCT),
    Page(path="/performance", title="Performance", script="performance", group=Group.PRODUCT),
    Page(path="/reports", title="Reports", script="reports", group=Group.MANAGE),
    Page(path="/data-quality", title="Data quality", script="data_quality", group=Group.MANAGE),
    Page(path="/settings", title="Settings", script="settings", group=Group.MANAGE, is_for_admins=True),
    Page(path="/ops", title="Ops", script="ops", group=Group.MANAGE, is_for_admins=True),
)
