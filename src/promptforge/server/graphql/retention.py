"""What a workspace keeps of content, and for how long: seen and changed."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from promptforge.core.access import Permission
from promptforge.core.errors import InvalidInput
from promptforge.core.retention import Retention as CoreRetention
from promptforge.core.retention import Rule, day_of
from promptforge.server.graphql.context import Context, Info
from promptforge.server.graphql.enums import ContentPolicyEnum
from promptforge.server.graphql.field import ask, read

if TYPE_CHECKING:
    from promptforge.server.graphql.prompt import Prompt


def _prompt(rule: Rule, context: Context) -> Any:
    if rule.prompt_id is None or Permission.CONTENT not in context.actor.permissions:
        return None
    return context.prompts.now(rule.prompt_id)


def _day(rule: Rule, context: Context) -> str | None:
    return None if rule.days is None else day_of(rule, context.forge.clock.now(), 0).isoformat()


@strawberry.type(description="What holds for executions of the prompt, with the tag, in error: what is null, for all.")
class RetentionRule:
    days: int | None = strawberry.field(description="Days that content is kept: 0 keeps none, null keeps it for ever.")
    prompt_id: strawberry.ID | None
    prompt: Annotated["Prompt", strawberry.lazy("promptforge.server.graphql.prompt")] | None = ask(_prompt)
    tag_key: str | None = read(lambda rule: rule.tag[0] if rule.tag else None)
    tag_value: str | None = read(lambda rule: rule.tag[1] if rule.tag else None)
    expires_on: str | None = ask(_day, description="When content of today would go; null for never.")
    errors: bool = strawberry.field(description="Whether it is for executions in status error only.")


@strawberry.type
class KeyContent:
    key_id: strawberry.ID = read(lambda pair: pair[0])
    content: ContentPolicyEnum = read(lambda pair: pair[1])


@strawberry.type(description="What the workspace keeps of content, and for how long. Figures are kept for ever.")
class Retention:
    content: ContentPolicyEnum = strawberry.field(description="Of which executions content is kept at all.")
    default_days: int = strawberry.field(description="Days where no rule holds.")
    default_expires_on: str = ask(
        lambda retention, context: day_of(None, context.forge.clock.now(), retention.default_days).isoformat(),
        description="When content of today would go where no rule holds.",
    )
    rules: list[RetentionRule]
    keys: list[KeyContent] = read(
        lambda retention: sorted(retention.of_keys.items()),
        description="Policies for single keys; the stricter of workspace and key holds.",
    )


async def retention(info: Info) -> CoreRetention:
    """What holds in the workspace."""
    return await info.context.forge.retentions.show(info.context.actor)


async def set_rule(
    info: Info,
    days: int | None = None,
    prompt_id: strawberry.ID | None = None,
    tag_key: str | None = None,
    tag_value: str | None = None,
    errors: bool = False,
) -> CoreRetention:
    """Add a rule, in the place of the one for the same executions."""
    rule = Rule(days=days, prompt_id=prompt_id, tag=_tag(tag_key, tag_value), errors=errors)
    return await info.context.forge.retentions.set_rule(info.context.actor, rule)


async def remove_rule(
    info: Info,
    prompt_id: strawberry.ID | None = None,
    tag_key: str | None = None,
    tag_value: str | None = None,
    errors: bool = False,
) -> CoreRetention:
    """Remove the rule for the same executions."""
    rule = Rule(days=None, prompt_id=prompt_id, tag=_tag(tag_key, tag_value), errors=errors)
    return await info.context.forge.retentions.remove_rule(info.context.actor, rule)


async def set_content(info: Info, policy: ContentPolicyEnum, key_id: strawberry.ID | None = None) -> CoreRetention:
    """Say of which executions content is kept at all."""
    return await info.context.forge.retentions.set_content(info.context.actor, policy, key_id)


def _tag(key: str | None, value: str | None) -> tuple[str, str] | None:
    if key is None and value is None:
        return None
    if key is None or value is None:
        raise InvalidInput("give the tag's key and its value, or neither", path="$.tagKey")
    return key, value
