"""Secrets never reach the record: one gate that every execution passes before it is journaled.

Exact values of configured secrets go, whatever surrounds them, and so do values behind authorization-like names
and anything that looks like one of our own keys.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from promptforge.core.chain_execution import ChainContent, ChainExecution, StepContent, StepRun
from promptforge.core.execution import Content, Execution
from promptforge.core.json import Json, is_array, is_object

REDACTED = "[redacted]"
_SHORTEST = 8  # a shorter "secret" would blank ordinary words
_HEADERS = re.compile(
    r"""(?ix) (?P<name> ["']? \b (?: proxy-)? (?: authorization | x-api-key | api-key | x-goog-api-key
        | x-promptforge-key | set-cookie ) ["']? \s* [:=] \s* ["']? )
        (?: (?: bearer | basic ) \s+ )? (?P<value> [^\s"',;}{]+ )"""
)
_NAMES = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "set-cookie"})
_OURS = re.compile(r"\bpf_[A-Za-z0-9_-]{40,}")
#: One quick look decides whether the slower patterns can match at all.
_SUSPECT = re.compile(r"(?i)authorization|api-key|promptforge-key|set-cookie|pf_")


class Redactor:
    """Holds the process's secrets and nothing else; its repr shows none."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        self._secrets = tuple(sorted({s for s in secrets if s and len(s) >= _SHORTEST}, key=len, reverse=True))

    def text(self, value: str) -> str:
        """The text without secrets."""
        for secret in self._secrets:
            if secret in value:
                value = value.replace(secret, REDACTED)
        if _SUSPECT.search(value):
            value = _HEADERS.sub(lambda m: m["name"] + REDACTED, value)
            value = _OURS.sub(REDACTED, value)
        return value

    def json(self, value: Json) -> Json:
        """The same JSON without secrets, in keys as in values."""
        if isinstance(value, str):
            return self.text(value)
        if is_object(value):
            return {self.text(k): REDACTED if k.lower() in _NAMES else self.json(v) for k, v in value.items()}
        if is_array(value):
            return [self.json(item) for item in value]
        return value

    def execution(self, execution: Execution) -> Execution:
        """The execution with every text that people or programs gave cleaned."""
        return replace(
            execution,
            content=self._content(execution.content),
            tags={self.text(k): self.text(v) for k, v in execution.tags.items()},
            end_user=self._maybe(execution.end_user),
            session_id=self._maybe(execution.session_id),
            service=self._maybe(execution.service),
            model=self.text(execution.model),
        )

    def chain_execution(self, execution: ChainExecution) -> ChainExecution:
        """The same for a chain execution and its steps."""
        content = execution.content
        return replace(
            execution,
            content=content and self._chain_content(content),
            steps=tuple(self.step(step) for step in execution.steps),
            tags={self.text(k): self.text(v) for k, v in execution.tags.items()},
            end_user=self._maybe(execution.end_user),
            session_id=self._maybe(execution.session_id),
            service=self._maybe(execution.service),
        )

    def step(self, step: StepRun) -> StepRun:
        """The same for a finished step."""
        content = step.content
        if content is None:
            return step
        cleaned = StepContent(
            input=self.json(content.input),
            output=self.json(content.output),
            error=self._maybe(content.error),
            stack_trace=self._maybe(content.stack_trace),
        )
        return replace(step, content=cleaned)

    def _chain_content(self, content: ChainContent) -> ChainContent:
        return ChainContent(
            input=self.json(content.input),
            output=self.json(content.output),
            error=self._maybe(content.error),
            stack_trace=self._maybe(content.stack_trace),
            metadata=self.json(content.metadata),
        )

    def _maybe(self, value: str | None) -> str | None:
        return None if value is None else self.text(value)

    def _content(self, content: Content | None) -> Content | None:
        if content is None:
            return None
        return Content(
            input=self.json(content.input),
            request=self.json(content.request),
            output=self._maybe(content.output),
            error=self._maybe(content.error),
            stack_trace=self._maybe(content.stack_trace),
            usage_raw=self.json(content.usage_raw),
            metadata=self.json(content.metadata),
            attempt_errors=tuple(self.text(e) for e in content.attempt_errors),
        )
