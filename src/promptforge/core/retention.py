"""Retention: for how long content is kept, and whether it is kept at all. Pure; figures are never touched.

The day is fixed when an execution is closed, because errors may be kept longer, and never changes afterwards: a rule
changed later holds for what is closed later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from promptforge.core.execution import Execution, Status

FOREVER = date(2149, 6, 6)
"""The day of what is kept without end: the last that the history can hold."""


class ContentPolicy(StrEnum):
    """Of which executions content is kept at all."""

    ALL = "all"
    ERRORS = "errors"
    NONE = "none"


_STRICTNESS = {ContentPolicy.ALL: 0, ContentPolicy.ERRORS: 1, ContentPolicy.NONE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Days that content is kept: 0 keeps nothing, None keeps for ever. What is left out holds for everything."""

    days: int | None
    prompt_id: str | None = None
    tag: tuple[str, str] | None = None
    errors: bool = False

    def holds(self, execution: Execution) -> bool:
        """Whether the rule speaks of this execution."""
        return (
            (self.prompt_id is None or (execution.prompt is not None and execution.prompt.prompt_id == self.prompt_id))
            and (self.tag is None or execution.tags.get(self.tag[0]) == self.tag[1])
            and (not self.errors or execution.status is Status.ERROR)
        )

    @property
    def subject(self) -> tuple[str | None, tuple[str, str] | None, bool]:
        """What it speaks of; a workspace has one rule for each."""
        return self.prompt_id, self.tag, self.errors

    @property
    def scope(self) -> tuple[bool, bool, bool]:
        """How special it is: a prompt says more than a tag, a tag more than the outcome."""
        return self.prompt_id is not None, self.tag is not None, self.errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a workspace keeps. *of_keys* narrows for single keys; the stricter of workspace and key holds."""

    rules: Sequence[Rule] = ()
    content: ContentPolicy = ContentPolicy.ALL
    of_keys: Mapping[str, ContentPolicy] = field(default_factory=dict[str, ContentPolicy])
    default_days: int = 365

    def policy(self, key_id: str | None) -> ContentPolicy:
        """The policy for what comes with a key."""
        return max(self.content, self.of_keys.get(key_id or "", self.content), key=_STRICTNESS.__getitem__)


def rule_of(rules: Sequence[Rule], execution: Execution) -> Rule | None:
    """The most special rule that holds; of equally special ones the shortest, whatever order they stand in."""
    held = [rule for rule in rules if rule.holds(execution)]
    return min(held, key=lambda rule: (*(not part for part in rule.scope), _length(rule)), default=None)


def _length(rule: Rule) -> float:
    return float("inf") if rule.days is None else rule.days


def expires_on(retention: Retention, execution: Execution, since: datetime | None = None) -> date:
    """The first day on which content is in no answer; days count from *since*, which is ``createdAt`` by default."""
    start = since or execution.created_at
    rule = rule_of(retention.rules, execution)
    if rule is None:
        return by_default(start, retention.default_days)
    if rule.days is None:
        return FOREVER
    return min(FOREVER, start.date() + timedelta(days=rule.days))


def by_default(start: datetime, days: int) -> date:
    """The day where no rule holds: the first of a month, so that most content lies in few partitions."""
    last = start.date() + timedelta(days=days)
    return (last.replace(day=1) + timedelta(days=32)).replace(day=1)


def keeps(retention: Retention, execution: Execution) -> bool:
    """Whether the content of this finished execution is kept at all."""
    rule = rule_of(retention.rules, execution)
    if rule is not None and rule.days == 0:
        return False
    policy = retention.policy(execution.key_id)
    return policy is ContentPolicy.ALL or (policy is ContentPolicy.ERRORS and execution.status is Status.ERROR)


def retained(retention: Retention, execution: Execution, since: datetime | None = None) -> Execution:
    """An execution as it may be journaled: its day fixed, its content left out where none is to be kept.

    An open one has content only if it would keep it however it ends, and the day of an error: that is what a crash
    makes of it.
    """
    ends = [execution]
    if execution.pending:
        ends = [replace(execution, status=status) for status in (Status.SUCCESS, Status.ERROR)]
    return replace(
        execution,
        expires_on=expires_on(retention, ends[-1], since),
        content=execution.content if all(keeps(retention, end) for end in ends) else None,
    )
