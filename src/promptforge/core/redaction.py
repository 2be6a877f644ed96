"""Secrets never reach the record: one gate that every execution passes before it is journaled.

Exact values of configured secrets go, whatever surrounds them, and so do values behind authorization-like names
and anything that looks like one of our own keys. The secrets of a workspace go from its own records only: else one
workspace could blank words in another, or try out what is secret there.

Nearly everything is clean, and what is clean comes back as the very object that was given: a look, and no copy.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import is_
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from promptforge.core.altered import altered
from promptforge.core.chain_execution import ChainContent, ChainExecution, StepContent, StepRun
from promptforge.core.execution import Attempt, Content, Execution
from promptforge.core.json import Json, is_array, is_object

REDACTED = "[redacted]"
#: Of a secret, in characters: a shorter one would blank ordinary words.
SHORTEST = 8
_HEADERS = re.compile(
    r"""(?ix) (?P<name> ["']? \b (?: proxy-)? (?: authorization | x-api-key | api-key | x-goog-api-key
        | x-promptforge-key | set-cookie ) ["']? \s* [:=] \s* ["']? )
        (?: (?: bearer | basic ) \s+ )? (?P<value> [^\s"',;}{]+ )"""
)
_NAMES = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "set-cookie"})
_OURS = re.compile(r"\bpf_[A-Za-z0-9_-]{40,}")
_Value = TypeVar("_Value", Execution, Content, Attempt)


class Redactor:
    """Removes the secrets that it was given; its repr shows none."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    @property
    def marks(self) -> Sequence[bytes] | None:
        """Bytes, in any case of letters: where none is among those of a value, as UTF-8, there is nothing to remove.

        So one look at the whole does instead of one at each text. None where no look will do: a number is compared as
        it is written, which its bytes do not show.
        """
        if any(not form.strip("0123456789.+-e") for form in self._forms):
            return None
        return (*_SUSPECT_BYTES, *(form.encode("utf-8", "surrogatepass") for form in self._forms))

    def text(self, value: str) -> str:
        """The text without secrets."""
        for form in self._forms:
            if form in value:
                value = value.replace(form, REDACTED)
        if _suspect(value):
            value = _HEADERS.sub(lambda m: m["name"] + REDACTED, value)
            value = _OURS.sub(REDACTED, value)
        return value

    def json(self, value: Json) -> Json:
        """The same JSON without secrets, in keys as in values."""
        if value is None:
            return None
        if isinstance(value, str):
            return self.text(value)
        if is_object(value):
            cleaned = {self.text(k): REDACTED if k.lower() in _NAMES else self.json(v) for k, v in value.items()}
            return value if _same(value, dict, (*cleaned, *cleaned.values())) else cleaned
        if is_array(value):
            items = [self.json(item) for item in value]
            return value if _same(value, list, items) else items
        if isinstance(value, int | float) and len(text := repr(value)) >= SHORTEST:
            return value if self.text(text) == text else REDACTED
        return value

    def execution(self, execution: Execution) -> Execution:
        """The execution with every text that people or programs gave cleaned."""
        return _with(
            execution,
            content=execution.content and self._content(execution.content),
            tags=execution.tags and self._tags(execution.tags),
            end_user=self._maybe(execution.end_user),
            session_id=self._maybe(execution.session_id),
            service=self._maybe(execution.service),
            model=self.text(execution.model),
            provider=self.text(execution.provider),
            response_model=self._maybe(execution.response_model),
            finish_reason=self._maybe(execution.finish_reason),
            attempts=execution.attempts and self._attempts(execution.attempts),
        )

    def chain_execution(self, execution: ChainExecution) -> ChainExecution:
        """The same for a chain execution and its steps."""
        content = execution.content
        return replace(
            execution,
            content=content and self._chain_content(content),
            plan=replace(execution.plan, overrides={k: self.json(v) for k, v in execution.plan.overrides.items()}),
            steps=tuple(self.step(step) for step in execution.steps),
            skipped=tuple(replace(step, reason=self.text(step.reason)) for step in execution.skipped),
            tags=self._tags(execution.tags),
            end_user=self._maybe(execution.end_user),
            session_id=self._maybe(execution.session_id),
            service=self._maybe(execution.service),
        )

    def step(self, step: StepRun) -> StepRun:
        """The same for a finished step."""
        content = step.content and StepContent(
            input=self.json(step.content.input),
            output=self.json(step.content.output),
            error=self._maybe(step.content.error),
            stack_trace=self._maybe(step.content.stack_trace),
        )
        return replace(step, attempts=self._attempts(step.attempts), content=content)

    def _chain_content(self, content: ChainContent) -> ChainContent:
        return ChainContent(
            input=self.json(content.input),
            output=self.json(content.output),
            error=self._maybe(content.error),
            stack_trace=self._maybe(content.stack_trace),
            metadata=self.json(content.metadata),
        )

    def _attempts(self, attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
        """What an answer says of itself, and the host of a call to an address that a user gave."""
        cleaned = tuple(
            _with(
                each,
                provider=self.text(each.provider),
                model=self.text(each.model),
                request_id=self._maybe(each.request_id),
            )
            for each in attempts
        )
        return attempts if _same(attempts, tuple, cleaned) else cleaned

    def _maybe(self, value: str | None) -> str | None:
        return None if value is None else self.text(value)

    def _tags(self, tags: Mapping[str, str]) -> Mapping[str, str]:
        cleaned = {self.text(name): self.text(value) for name, value in tags.items()}
        return tags if _same(tags, dict, (*cleaned, *cleaned.values())) else cleaned

    def _content(self, content: Content) -> Content:
        errors = tuple(self.text(error) for error in content.attempt_errors)
        return _with(
            content,
            input=self.json(content.input),
            request=self.json(content.request),
            output=self._maybe(content.output),
            error=self._maybe(content.error),
            stack_trace=self._maybe(content.stack_trace),
            usage_raw=self.json(content.usage_raw),
            metadata=self.json(content.metadata),
            attempt_errors=content.attempt_errors if _same(content.attempt_errors, tuple, errors) else errors,
        )


class Redactors:
    """The redactor of each workspace; their repr shows no secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Every redactor knows *secrets*: those of the process."""
        self._secrets = frozenset(secrets)
        self._common = Redactor(self._secrets)
        self._learned: dict[str, frozenset[str]] = {}
        self._redactors: dict[str, Redactor] = {}

    def learn(self, workspace: str, secret: str) -> None:
        """Remove *secret* too, from now on, from what belongs to *workspace*."""
        learned = self._learned.get(workspace, frozenset()) | {secret}
        self._learned[workspace] = learned
        self._redactors[workspace] = Redactor(self._secrets | learned)

    def of(self, workspace: str) -> Redactor:
        """The redactor for what belongs to a workspace, as of now."""
        return self._redactors.get(workspace, self._common)


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as it stands in text that holds JSON, a URL or Python's own writing of it."""
    as_json = {json.dumps(secret, ensure_ascii=ascii)[1:-1] for ascii in (False, True)}
    twice = {json.dumps(form, ensure_ascii=False)[1:-1] for form in as_json}
    slashed = {form.replace("/", "\\/") for form in as_json}
    in_url = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    return {secret, repr(secret)[1:-1]} | as_json | twice | slashed | in_url


def _suspect(text: str) -> bool:
    """Whether the slower patterns can match at all. Written out, because every text goes through here."""
    lower = text.lower()
    return (
        ("authorization" in lower or "api-key" in lower or "promptforge-key" in lower)
        or ("set-cookie" in lower or "pf_" in lower)
        # letters that the patterns take for i and s, and the lower case does not
        or ("ı" in text or "İ" in text or "ſ" in text)
    )


#: What ``_suspect`` looks for, in bytes; those that are no ASCII have ASCII letters as their lower case or equals.
_SUSPECT_BYTES = (
    *(b"authorization", b"api-key", b"promptforge-key", b"set-cookie", b"pf_"),
    *(letter.encode() for letter in "ıİſ\u212a"),
)


def _same(given: Mapping[str, Json] | Sequence[Json], plain: type, cleaned: Iterable[Json]) -> bool:
    """Whether these are the very names and values that were given, in a *plain* container that any store can write."""
    before = (*given, *given.values()) if isinstance(given, Mapping) else given
    return isinstance(given, plain) and all(map(is_, before, cleaned))


def _with(given: _Value, **cleaned: Any) -> _Value:
    """The same with what was cleaned."""
    changes = {name: value for name, value in cleaned.items() if value is not getattr(given, name)}
    return altered(given, **changes) if changes else given
