"""Who may prune, and what."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kit.executions import done
from promptforge.core.access import Permission
from promptforge.core.errors import Forbidden, InvalidInput

DAY = timedelta(days=1)


async def test_only_an_administrator_prunes(forge, actor):
    """Not even to see what would go."""
    member = replace(actor, permissions=actor.permissions - {Permission.ADMIN})
    for dry in (True, False):
        with pytest.raises(Forbidden):
            await forge.pruning.prune(member, forge.clock.now() - 2 * DAY, dry=dry)


async def test_the_last_day_is_not_pruned(forge, actor):
    """Idempotency keys lead to it; whatever the moment is, it must be a day ago."""
    for before in (forge.clock.now() + DAY, forge.clock.now(), forge.clock.now() - DAY + timedelta(minutes=1)):
        with pytest.raises(InvalidInput, match="older than a day"):
            await forge.pruning.prune(actor, before, dry=True)


async def test_only_the_own_workspace_is_pruned(forge, actor, other_actor):
    """Another workspace keeps what is as old."""
    old = forge.clock.now() - 3 * DAY
    runs = [done(someone.workspace, old) for someone in (actor, other_actor)]
    await forge.record.record(runs)

    pruned = await forge.pruning.prune(actor, old + DAY, dry=False)

    assert pruned.executions == 1
    assert await forge.record.get(actor.workspace, runs[0].id) is None
    assert await forge.record.get(other_actor.workspace, runs[1].id) == runs[1]
