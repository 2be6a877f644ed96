"""Retention: for how long content is kept, and whether it is kept at all. Pure; figures are never touched.

The day is fixed when an execution is closed, because errors may be kept longer, and never changes afterwards: a rule
changed later holds for what is closed later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from promptforge.core.altered import altered
from promptforge.core.chain_execution import ChainExecution, StepRun, without_content
from promptforge.core.execution import Execution, PromptRef, Status

FOREVER = date(2149, 6, 6)
"""The day of what is kept without end: the last that the history can hold."""


class ContentPolicy(StrEnum):
    """Of which executions content is kept at all."""

    ALL = "all"
    ERRORS = "errors"
    NONE = "none"


_STRICTNESS = {ContentPolicy.ALL: 0, ContentPolicy.ERRORS: 1, ContentPolicy.NONE: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """All of an execution that retention looks at, for ends that have not come and for what is not made yet."""

    created_at: datetime
    status: Status
    prompt: PromptRef | None
    tags: Mapping[str, str]
    key_id: str | None


Ended = Execution | Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Days that content is kept: 0 keeps nothing, None keeps for ever. What is left out holds for everything."""

    days: int | None
    prompt_id: str | None = None
    tag: tuple[str, str] | None = None
    errors: bool = False

    def holds(self, execution: Ended) -> bool:
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
        of_key = self.of_keys.get(key_id or "")
        return self.content if of_key is None else max(self.content, of_key, key=_STRICTNESS.__getitem__)


def rule_of(rules: Sequence[Rule], execution: Ended) -> Rule | None:
    """The most special rule that holds; of equally special ones the shortest, whatever order they stand in."""
    held = [rule for rule in rules if rule.holds(execution)]
    return min(held, key=lambda rule: (*(not part for part in rule.scope), _length(rule))) if held else None


def _length(rule: Rule) -> float:
    return float("inf") if rule.days is None else rule.days


def expires_on(retention: Retention, execution: Ended, since: datetime | None = None) -> date:
    """The first day on which content is in no answer; days count from *since*, which is ``createdAt`` by default."""
    return day_of(rule_of(retention.rules, execution), since or execution.created_at, retention.default_days)


def day_of(rule: Rule | None, start: datetime, default_days: int) -> date:
    """The first day without content, by a rule or where none holds."""
    if rule is None:
        return by_default(start.date(), default_days)
    if rule.days is None:
        return FOREVER
    return min(FOREVER, start.date() + timedelta(days=rule.days))


@lru_cache(1024)
def by_default(start: date, days: int) -> date:
    """The day where no rule holds: the first of a month, so that most content lies in few partitions."""
    last = start + timedelta(days=days)
    return (last.replace(day=1) + timedelta(days=32)).replace(day=1)


def keeps(retention: Retention, execution: Ended) -> bool:
    """Whether the content of this finished execution is kept at all."""
    rule = rule_of(retention.rules, execution)
    if rule is not None and rule.days == 0:
        return False
    return _admits(retention.policy(execution.key_id), execution.status)


def _admits(policy: ContentPolicy, end: Status) -> bool:
    return policy is ContentPolicy.ALL or (policy is ContentPolicy.ERRORS and end is Status.ERROR)


def _ends(status: Status) -> tuple[Status, ...]:
    """How what has this status ends, or may end; the last is the one that a crash would give it."""
    return (Status.SUCCESS, Status.ERROR) if status is Status.PENDING else (status,)


def retained(retention: Retention, execution: Execution, since: datetime | None = None) -> Execution:
    """An execution as it may be journaled: its day fixed, its content left out where none is to be kept.

    An open one has content only if it would keep it however it ends, and the day of an error: that is what a crash
    makes of it.
    """
    ends = (
        [_ending(execution, end, execution.prompt) for end in _ends(execution.status)]
        if execution.pending
        else [execution]
    )
    return altered(
        execution,
        expires_on=expires_on(retention, ends[-1], since),
        content=execution.content if all(keeps(retention, end) for end in ends) else None,
    )


def _ending(execution: Execution | ChainExecution, end: Status, prompt: PromptRef | None) -> Ending:
    return Ending(
        created_at=execution.created_at,
        status=end,
        prompt=prompt,
        tags=execution.tags,
        key_id=execution.key_id,
    )


# ── chains ──


def retained_chain(
    retention: Retention, chain: ChainExecution, prompts: Mapping[str, str], since: datetime | None = None
) -> ChainExecution:
    """A chain execution as it may be journaled, its steps included: open or closed, as ``retained`` is for calls.

    *prompts* are the ids of the prompts that its PROMPT steps call, by the name of the step, as acceptance froze them.
    What they say goes in and out of the chain too, so a rule for one of them holds for a chain execution in which that
    step runs, where it is the stricter one. An open one has content only if it would keep it however it ends.
    """
    rules = _rules(retention, chain, prompts)
    start = since or chain.created_at
    expires = min(day_of(rule, start, retention.default_days) for rule in rules)
    if _kept(retention, chain, rules):
        return replace(chain, expires_on=expires)
    return replace(without_content(chain), expires_on=expires)


def retained_step(retention: Retention, chain: ChainExecution, step: StepRun, prompts: Mapping[str, str]) -> StepRun:
    """A finished step of an open chain execution as its checkpoint may be journaled; *prompts* as above.

    Without content, a chain cannot go on from it after a crash: what may not be kept is not kept for that either.
    """
    return step if _kept(retention, chain, _rules(retention, chain, prompts)) else replace(step, content=None)


def _rules(retention: Retention, chain: ChainExecution, prompts: Mapping[str, str]) -> list[Rule | None]:
    """The rule for the chain and those for the prompts of its steps; of an open one, for whatever may become of it."""
    ends = _ends(chain.status)
    if chain.pending:
        ran = [(prompt_id, end) for prompt_id in prompts.values() for end in ends]
    else:
        ran = [(prompts[step.name], step.status) for step in chain.steps if step.name in prompts]
    of_chain = [rule_of(retention.rules, _as_call(chain, end)) for end in ends]
    of_steps = [rule_of(retention.rules, _as_call(chain, end, prompt_id)) for prompt_id, end in ran]
    return [*of_chain, *(rule for rule in of_steps if rule is not None and rule.prompt_id is not None)]


def _kept(retention: Retention, chain: ChainExecution, rules: Sequence[Rule | None]) -> bool:
    policy = retention.policy(chain.key_id)
    return all(rule is None or rule.days != 0 for rule in rules) and all(
        _admits(policy, e) for e in _ends(chain.status)
    )


def _as_call(chain: ChainExecution, end: Status, prompt_id: str | None = None) -> Ending:
    """The chain execution, or a step of it that calls a prompt, in the shape that rules speak of."""
    prompt = None
    if prompt_id is not None:
        prompt = PromptRef(prompt_id=prompt_id, prompt_name="", version_id="", version=0)
    return _ending(chain, end, prompt)
