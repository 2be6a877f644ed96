"""Retention: what a workspace keeps of content, and for how long. Applied wherever an execution is written.

The rules of a workspace are remembered here, so that a run asks no database; one process has the home, so what was
changed here last is what there is.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput, NotFound
from promptforge.core.ports import AccessCatalog, RetentionCatalog
from promptforge.core.retention import ContentPolicy, Retention, Rule
from promptforge.services.prompts import Prompts

MAX_RULES = 100
MAX_DAYS = 36_500
MAX_TEXT = 256


class Retentions:
    """Shows and changes what is kept, and tells those who write."""

    def __init__(
        self, catalog: RetentionCatalog, access: AccessCatalog, prompts: Prompts, *, content_days: int
    ) -> None:
        self._catalog = catalog
        self._access = access
        self._prompts = prompts
        self._content_days = content_days
        self._known: dict[str, Retention] = {}
        #: Counts what makes memories untrue: what was read before is not remembered after.
        self._changes = 0
        self._changing = asyncio.Lock()

    async def of(self, actor: Actor) -> Retention:
        """What holds in the actor's workspace, for whoever writes there."""
        found = self._known.get(actor.workspace)
        if found is None:
            changes, stored = self._changes, await self._catalog.retention(actor.workspace)
            found = replace(stored, default_days=self._content_days)
            if changes == self._changes:
                self._known[actor.workspace] = found
        return found

    def now(self, actor: Actor, before: Retention) -> Retention:
        """What holds by now, at once: *before* where nothing is remembered."""
        return self._known.get(actor.workspace, before)

    async def show(self, actor: Actor) -> Retention:
        """What the workspace keeps."""
        actor.require(Permission.NUMBERS)
        return await self.of(actor)

    async def set_rule(self, actor: Actor, rule: Rule) -> Retention:
        """Add a rule, in the place of the one that speaks of the same executions; it holds for what ends from now.

        A prompt may be given by its name too; NotFound where there is none, because that rule would never hold.
        """
        actor.require(Permission.ADMIN)
        _check(rule)
        if rule.prompt_id is not None:
            rule = replace(rule, prompt_id=(await self._prompts.get(actor, rule.prompt_id)).id)
        return await self._change_rules(actor, lambda rules: [*_without(rules, rule), rule])

    async def remove_rule(self, actor: Actor, rule: Rule) -> Retention:
        """Remove the rule that speaks of the same executions as *rule*; harmless when there is none."""
        actor.require(Permission.ADMIN)
        if rule.prompt_id is not None:
            with suppress(NotFound):
                rule = replace(rule, prompt_id=(await self._prompts.get(actor, rule.prompt_id)).id)
        return await self._change_rules(actor, lambda rules: _without(rules, rule))

    async def set_content(self, actor: Actor, policy: ContentPolicy, key_id: str | None = None) -> Retention:
        """Say of which executions content is kept at all: in the workspace, or of what comes with one of its keys."""
        actor.require(Permission.ADMIN)
        if key_id is not None and all(key.id != key_id for key in await self._access.keys(actor.workspace)):
            raise NotFound(f"there is no key '{key_id[:60]}' in this workspace")
        try:
            await self._catalog.set_content(actor.workspace, key_id, policy)
        finally:
            self.forget(actor)
        return await self.of(actor)

    async def _change_rules(self, actor: Actor, change: Callable[[Sequence[Rule]], Sequence[Rule]]) -> Retention:
        async with self._changing:
            rules = change((await self._catalog.retention(actor.workspace)).rules)
            if len(rules) > MAX_RULES:
                raise InvalidInput(f"a workspace has at most {MAX_RULES} rules: remove one first")
            try:
                await self._catalog.set_rules(actor.workspace, rules)
            finally:
                self.forget(actor)
        return await self.of(actor)

    def forget(self, actor: Actor) -> None:
        """Remember nothing of the actor's workspace any more: it was changed or removed."""
        actor.require(Permission.ADMIN)
        self._changes += 1
        self._known.pop(actor.workspace, None)


def _without(rules: Sequence[Rule], rule: Rule) -> list[Rule]:
    return [other for other in rules if other.subject != rule.subject]


def _check(rule: Rule) -> None:
    if rule.days is not None and not 0 <= rule.days <= MAX_DAYS:
        raise InvalidInput(
            f"days must be 0 (keep no content) to {MAX_DAYS}, or be left out (keep for ever), not {rule.days}",
            path="$.days",
        )
    texts = (rule.prompt_id or "", *(rule.tag or ()))
    if any(len(text) > MAX_TEXT for text in texts):
        raise InvalidInput(f"a prompt's id, a tag and its value take at most {MAX_TEXT} characters", path="$")
