"""The demo's funnels and goals: stored at its start as operators store theirs, and theirs from then on."""

from __future__ import annotations

import msgspec
import pytest

from app.commands.demo import own_funnels
from app.commands.demo_definitions import DEFINED, define
from app.settings import Settings
from app.traffic.catalogue import simulated_sites
from tests.answering import Asked, asked, engine, migrated
from tests.asking_api import NOW
from views.funnels.model import FUNNEL
from views.goals import GOAL
from views.queries import Queries

__all__ = ["asked", "engine", "migrated"]

pytestmark = pytest.mark.asyncio


def of_the_demo(asked: Asked) -> Queries:
    """Questions as the demo answers them: no funnel stands in its settings."""
    loaded = asked.settings
    return Queries(asked.pool, settings=loaded.model_copy(update={"funnels": own_funnels(loaded)}))


async def test_every_site_has_a_funnel_and_goals_as_the_api_lists_them(asked: Asked) -> None:
    definitions = of_the_demo(asked).definitions
    await define(definitions, now_ms=NOW)
    assert set(DEFINED) == set(simulated_sites())
    for site_id, kinds in DEFINED.items():
        for kind in (FUNNEL, GOAL):
            listed = await definitions.listed(kind, site_id=site_id)
            assert {one.id: one.definition for one in listed} == kinds[kind]
            assert all(one.version == 1 for one in listed)


async def test_what_an_operator_changed_or_deleted_stays_so_at_the_next_start(asked: Asked) -> None:
    definitions = of_the_demo(asked).definitions
    await define(definitions, now_ms=NOW)
    changed = msgspec.structs.replace(DEFINED["shop"][FUNNEL]["checkout"], title="Ours")
    of_shop = {"site_id": "shop", "expected": None, "now_ms": NOW}
    await definitions.replace(FUNNEL, changed, definition_id="checkout", **of_shop)
    await definitions.delete(GOAL, definition_id="purchase", **of_shop)
    await define(definitions, now_ms=NOW)
    [checkout] = await definitions.listed(FUNNEL, site_id="shop")
    assert (checkout.version, checkout.definition) == (2, changed)
    assert "purchase" not in {one.id for one in await definitions.listed(GOAL, site_id="shop")}


async def test_funnels_of_the_settings_stay_where_somebody_wrote_them() -> None:
    assert own_funnels(Settings()) == {}
    step = {"title": "A", "page": "/a"}
    written = Settings(funnels={"mine": {"title": "Mine", "steps": [step, step]}})
    assert own_funnels(written) == written.funnels
