"""Pruning over HTTP of a real server."""

from datetime import timedelta

from kit.executions import done
from promptforge.core.access import Scope
from promptforge.server.graphql.scalars import write_time

PRUNE = """mutation($before: DateTime!, $dryRun: Boolean!) { pruneExecutions(before: $before, dryRun: $dryRun) {
  executions chainExecutions days first last costUsd costDisplay
} }"""


async def test_a_dry_run_says_what_the_real_one_takes(caller, forge, actor):
    """Counts, days and money are the same, and afterwards there is nothing left to take."""
    old = forge.clock.now() - timedelta(days=3)
    await forge.record.record([done(actor.workspace, old), done(actor.workspace, old - timedelta(days=1))])
    before = write_time(old + timedelta(hours=1))

    dry = (await caller.ask(PRUNE, before=before, dryRun=True))["pruneExecutions"]
    real = (await caller.ask(PRUNE, before=before, dryRun=False))["pruneExecutions"]
    again = (await caller.ask(PRUNE, before=before, dryRun=False))["pruneExecutions"]

    assert (
        dry
        == real
        == {
            "executions": 2,
            "chainExecutions": 0,
            "days": 2,
            "first": write_time(old - timedelta(days=1)),
            "last": write_time(old),
            "costUsd": "0.0090",
            "costDisplay": "$0.0090",
        }
    )
    assert (again["executions"], again["first"], again["costUsd"]) == (0, None, "0.0000")


async def test_a_reader_prunes_nothing(caller_of, actor):
    """It needs the scope admin."""
    reader = await caller_of(actor, frozenset({Scope.READ, Scope.RUN}))
    error = await reader.refused(PRUNE, before="2020-01-01T00:00:00Z", dryRun=True)
    assert error["extensions"]["code"] == "FORBIDDEN"
