"""``client.prompts``: prompts, their versions, and running them. Wherever an id is asked for, a name does too."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from promptforge.sdk import documents
from promptforge.sdk.binding import Awaiting, Blocking, call, stream
from promptforge.sdk.building import Json, Rows, build
from promptforge.sdk.errors import NotFoundError, PromptForgeError
from promptforge.sdk.estimate import Estimate, estimated
from promptforge.sdk.protocol import Plan, StreamPlan, ask, given
from promptforge.sdk.running import Options, executed, of_prompt, streamed
from promptforge.sdk.values import Execution, Prompt, PromptDiff, PromptVersion, StreamEvent

Turns = Sequence[Mapping[str, str]]


class Prompts:
    @call
    def get(self, id: str) -> Plan[Prompt]:
        """Get a prompt with its versions."""
        return (yield from _prompt(id))

    @call
    def create(
        self,
        *,
        name: str,
        template: str | None = None,
        messages: Turns | None = None,
        model: str | None = None,
        provider: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        params: Json | None = None,
        input_schema: Json | None = None,
        label: str | None = None,
        description: str | None = None,
        category: str | None = None,
        tags: Sequence[str] | None = None,
        is_public: bool | None = None,
    ) -> Plan[Prompt]:
        """Create a prompt, and its first version when a template or messages are given.

        When that version is refused the prompt is archived again, so that the name stays free.
        """
        made = {"name": name, "description": description, "category": category, "tags": tags, "isPublic": is_public}
        data = yield from ask(documents.CREATE_PROMPT, {"input": given(made)}, repeatable=False)
        prompt = build(Prompt, data["createPrompt"])
        if template is None and messages is None:
            return prompt
        settings = _params(params, model, temperature, max_tokens)
        content = _version(prompt.id, template, messages, settings, provider, input_schema, label)
        try:
            yield from ask(documents.CREATE_VERSION, {"input": content}, repeatable=False)
        except PromptForgeError:
            yield from ask(documents.ARCHIVE, {"id": prompt.id})
            raise
        return (yield from _prompt(prompt.id))

    @call
    def create_version(
        self,
        id: str,
        *,
        template: str | None = None,
        messages: Turns | None = None,
        model: str | None = None,
        provider: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        params: Json | None = None,
        input_schema: Json | None = None,
        label: str | None = None,
    ) -> Plan[PromptVersion]:
        """Add a version, which gets the next number; *label* is set on it."""
        settings = _params(params, model, temperature, max_tokens)
        content = _version(id, template, messages, settings, provider, input_schema, label)
        data = yield from ask(documents.CREATE_VERSION, {"input": content}, repeatable=False)
        return build(PromptVersion, data["createPromptVersion"])

    @call
    def update(
        self,
        id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        category: str | None = None,
        tags: Sequence[str] | None = None,
        is_public: bool | None = None,
    ) -> Plan[Prompt]:
        """Change what is said about a prompt; what is not given stays. Versions never change."""
        change = {"name": name, "description": description, "category": category, "tags": tags, "isPublic": is_public}
        return (yield from _changed(documents.UPDATE_PROMPT, "updatePrompt", {"id": id, "input": given(change)}))

    @call
    def set_label(self, id: str, label: str, version: int) -> Plan[Prompt]:
        """Point a label at a version."""
        return (
            yield from _changed(documents.SET_LABEL, "setPromptLabel", {"id": id, "label": label, "version": version})
        )

    @call
    def remove_label(self, id: str, label: str) -> Plan[Prompt]:
        """Take a label away."""
        return (yield from _changed(documents.REMOVE_LABEL, "removePromptLabel", {"id": id, "label": label}))

    @call
    def archive(self, id: str) -> Plan[Prompt]:
        """Put a prompt away; its name is free again, its versions and executions stay."""
        return (yield from _changed(documents.ARCHIVE, "archivePrompt", {"id": id}))

    @call
    def restore(self, id: str) -> Plan[Prompt]:
        """Take a prompt out of the archive, by its id."""
        return (yield from _changed(documents.RESTORE, "restorePrompt", {"id": id}))

    @call
    def fork(self, id: str, name: str, *, version: int | None = None) -> Plan[Prompt]:
        """Copy a version (the latest unless said otherwise) to a new prompt of that name."""
        variables = {"id": id, "name": name, "version": version}
        return (yield from _changed(documents.FORK, "forkPrompt", variables, repeatable=False))

    @call
    def diff(self, id: str, old: int, new: int) -> Plan[PromptDiff]:
        """Compare two versions by their numbers."""
        data = yield from ask(documents.PROMPT_DIFF, {"id": id, "from": old, "to": new})
        if data["prompt"] is None:
            raise _absent(id)
        return build(PromptDiff, data["prompt"]["diff"])

    @call
    def execute(
        self,
        id: str,
        variables: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        wait: bool = True,
        **options: Unpack[Options],
    ) -> Plan[Execution]:
        """Run a version, a label or else the latest version, and return the execution with its output and cost.

        One that ends in error raises, and the error has it as ``execution``. Without *wait* it returns as soon as it
        is accepted, pending.
        """
        return (yield from executed(of_prompt(id, variables, version, label, options), wait))

    @call
    def estimate(
        self,
        id: str,
        variables: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        **options: Unpack[Options],
    ) -> Plan[Estimate]:
        """Say what running a version would use and cost, without running it."""
        return (yield from estimated(of_prompt(id, variables, version, label, options)))

    @stream
    def stream(
        self,
        id: str,
        variables: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        **options: Unpack[Options],
    ) -> StreamPlan[StreamEvent]:
        """Run and iterate over what comes: ``started``, then ``delta`` events with text, then ``finished``."""
        yield from streamed(of_prompt(id, variables, version, label, options))

    # Last, because inside the class the name hides the type.
    @call
    def list(
        self,
        *,
        mine: bool | None = None,
        limit: int | None = None,
        offset: int | None = None,
        search: str | None = None,
        archived: bool | None = None,
    ) -> Plan[Rows[Prompt]]:
        """List prompts, newest first, each with its latest ten versions; *mine* leaves others' public ones out."""
        variables = {"mine": mine, "limit": limit, "offset": offset, "search": search, "archived": archived}
        data = yield from ask(documents.PROMPTS, variables)
        return [build(Prompt, raw) for raw in data["prompts"]]


class BlockingPrompts(Prompts, Blocking):
    pass


class AwaitingPrompts(Prompts, Awaiting):
    pass


def _prompt(id: str) -> Plan[Prompt]:
    data = yield from ask(documents.PROMPT, {"id": id})
    if data["prompt"] is None:
        raise _absent(id)
    return build(Prompt, data["prompt"])


def _changed(document: str, field: str, variables: Mapping[str, Any], *, repeatable: bool = True) -> Plan[Prompt]:
    data = yield from ask(document, variables, repeatable=repeatable)
    return build(Prompt, data[field])


def _absent(id: str) -> NotFoundError:
    return NotFoundError(f"there is no prompt '{id}' in this workspace", code="NOT_FOUND")


def _params(given_params: Json | None, model: str | None, temperature: float | None, max_tokens: int | None) -> Json:
    flat = given({"model": model, "temperature": temperature, "max_tokens": max_tokens})
    return {**(given_params or {}), **flat}


def _version(
    id: str,
    template: str | None,
    messages: Turns | None,
    params: Json,
    provider: str | None,
    input_schema: Json | None,
    label: str | None,
) -> dict[str, Any]:
    turns = None if messages is None else [dict(turn) for turn in messages]
    return given(
        {
            "promptId": id,
            "content": template,
            "messages": turns,
            "params": params,
            "provider": provider,
            "inputSchema": input_schema,
            "label": label,
        }
    )
