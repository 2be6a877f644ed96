"""``client.chains``: defining chains, and running them. Wherever an id is asked for, a name does too."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from promptforge.sdk import chain_running, documents
from promptforge.sdk.binding import Awaiting, Blocking, call, stream
from promptforge.sdk.building import Json, Rows, build, camel
from promptforge.sdk.chain_running import ChainOptions
from promptforge.sdk.chain_values import (
    AppliedChain,
    Chain,
    ChainEvent,
    ChainExecution,
    ChainStep,
    ChainValidation,
    ChainVersion,
)
from promptforge.sdk.errors import NotFoundError
from promptforge.sdk.protocol import Plan, StreamPlan, ask, given


class StepFields(TypedDict, total=False):
    """What a step is; docs/chains.md says what ``config`` takes by type. In a change None takes a field away."""

    name: str | None
    order: int | None
    type: str | None
    prompt_id: str | None
    version: int | None
    label: str | None
    params: Json | None
    config: Json | None
    input_mapping: Json | None
    output_key: str | None
    tags: Sequence[str] | None
    when: str | None
    timeout_ms: int | None
    retries: int | None
    on_error: str | None


class Chains:
    @call
    def get(self, id: str) -> Plan[Chain]:
        """Get a chain with its draft."""
        return build(Chain, (yield from _chain(documents.CHAIN, id)))

    @call
    def create(
        self,
        *,
        name: str,
        description: str | None = None,
        intent_tags: Sequence[str] | None = None,
        required_inputs: Json | None = None,
        is_active: bool | None = None,
        is_public: bool | None = None,
    ) -> Plan[Chain]:
        """Create a chain without steps."""
        made = {"name": name, "description": description, "intentTags": intent_tags, "requiredInputs": required_inputs}
        made |= {"isActive": is_active, "isPublic": is_public}
        return (yield from _changed(documents.CREATE_CHAIN, "createChain", {"input": given(made)}, repeatable=False))

    @call
    def update(
        self,
        id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        intent_tags: Sequence[str] | None = None,
        is_active: bool | None = None,
        is_public: bool | None = None,
        draft: Json | None = None,
    ) -> Plan[Chain]:
        """Change what is given; *draft* are its settings as the API names them: ``{"maxCost": "0.05"}``."""
        change = {"name": name, "description": description, "intentTags": intent_tags}
        change |= {"isActive": is_active, "isPublic": is_public}
        variables = {"id": id, "input": {**given(change), **(draft or {})}}
        return (yield from _changed(documents.UPDATE_CHAIN, "updateChain", variables))

    @call
    def create_step(self, id: str, **step: Unpack[StepFields]) -> Plan[ChainStep]:
        """Add a step to the draft; it needs ``order`` and ``type``."""
        variables = {"input": {"chainId": id, **given(_step(step))}}
        data = yield from ask(documents.CREATE_CHAIN_STEP, variables, repeatable=False)
        return build(ChainStep, data["createChainStep"])

    @call
    def update_step(self, id: str, step: str, /, **changes: Unpack[StepFields]) -> Plan[ChainStep]:
        """Change a step of the draft, by its id or name."""
        variables = {"chain": id, "id": step, "input": _step(changes)}
        data = yield from ask(documents.UPDATE_CHAIN_STEP, variables)
        return build(ChainStep, data["updateChainStep"])

    @call
    def delete_step(self, id: str, step: str) -> Plan[Chain]:
        """Take a step, by its id or name, out of the draft; versions keep it."""
        return (yield from _changed(documents.DELETE_CHAIN_STEP, "deleteChainStep", {"chain": id, "id": step}))

    @call
    def create_version(
        self, id: str, document: Json | None = None, *, yaml: str | None = None, label: str | None = None
    ) -> Plan[ChainVersion]:
        """Freeze the draft, or a document or file, which becomes the draft; nothing new where nothing changed."""
        chosen = given({"chainId": id, "document": document, "yaml": yaml, "label": label})
        data = yield from ask(documents.CREATE_CHAIN_VERSION, {"input": chosen})
        return build(ChainVersion, data["createChainVersion"])

    @call
    def apply(self, yaml: str, *, name: str | None = None, label: str | None = None) -> Plan[AppliedChain]:
        """Make the chain of the file's name (or of *name*) what the file says; the second time changes nothing."""
        data = yield from ask(documents.APPLY_CHAIN, {"yaml": yaml, "name": name, "label": label})
        return build(AppliedChain, data["applyChain"])

    @call
    def validate(
        self, id: str | None = None, *, document: Json | None = None, yaml: str | None = None
    ) -> Plan[ChainValidation]:
        """Prove a chain's draft, a document or a file, without a change or a run."""
        chosen = given({"chainId": id, "document": document, "yaml": yaml})
        data = yield from ask(documents.VALIDATE_CHAIN, {"input": chosen})
        return build(ChainValidation, data["validateChain"])

    @call
    def export(self, id: str, version: int | None = None) -> Plan[str]:
        """Write a chain with its draft, or with a version, as a file."""
        if version is None:
            return (yield from _chain(documents.CHAIN_FILE, id))["yaml"]
        found = (yield from _chain(documents.CHAIN_VERSION_FILE, id, version=version))["version"]
        if found is None:
            raise NotFoundError(f"the chain '{id}' has no version {version}", code="NOT_FOUND")
        return found["yaml"]

    @call
    def diff(self, id: str, old: int, new: int) -> Plan[str]:
        """Compare two versions by their numbers: a unified diff of their files."""
        return (yield from _chain(documents.CHAIN_DIFF, id, **{"from": old, "to": new}))["diff"]

    @call
    def file_diff(self, id: str, yaml: str) -> Plan[str]:
        """Compare a chain with what applying a file would make of it."""
        return (yield from _chain(documents.CHAIN_FILE_DIFF, id, yaml=yaml))["fileDiff"]

    @call
    def versions(self, id: str, *, limit: int | None = None) -> Plan[Rows[ChainVersion]]:
        """List the versions of a chain, newest first."""
        found = yield from _chain(documents.CHAIN_VERSIONS, id, limit=limit)
        return [build(ChainVersion, raw) for raw in found["versions"]]

    @call
    def set_label(self, id: str, label: str, version: int) -> Plan[Chain]:
        """Point a label at a version."""
        variables = {"id": id, "label": label, "version": version}
        return (yield from _changed(documents.SET_CHAIN_LABEL, "setChainLabel", variables))

    @call
    def remove_label(self, id: str, label: str) -> Plan[Chain]:
        """Take a label away."""
        return (yield from _changed(documents.REMOVE_CHAIN_LABEL, "removeChainLabel", {"id": id, "label": label}))

    @call
    def archive(self, id: str) -> Plan[Chain]:
        """Put a chain away; its name is free again, its versions and executions stay."""
        return (yield from _changed(documents.ARCHIVE_CHAIN, "archiveChain", {"id": id}))

    @call
    def restore(self, id: str) -> Plan[Chain]:
        """Take a chain out of the archive, by its id."""
        return (yield from _changed(documents.RESTORE_CHAIN, "restoreChain", {"id": id}))

    @call
    def fork(self, id: str, name: str, *, version: int | None = None) -> Plan[Chain]:
        """Copy the draft (or a version) to the draft of a new chain of that name."""
        variables = {"id": id, "name": name, "version": version}
        return (yield from _changed(documents.FORK_CHAIN, "forkChain", variables, repeatable=False))

    @call
    def execute(
        self,
        id: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        wait: bool = True,
        **options: Unpack[ChainOptions],
    ) -> Plan[ChainExecution]:
        """Run a chain, by id or name; with *wait* false return the pending execution."""
        return chain_running.executed(chain_running.of_chain(id, input, version, label, options), wait)

    @stream
    def stream(
        self,
        id: str,
        input: Mapping[str, Any] | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        **options: Unpack[ChainOptions],
    ) -> StreamPlan[ChainEvent]:
        """Run a chain and iterate over its steps as they begin and end."""
        return chain_running.streamed(chain_running.of_chain(id, input, version, label, options))

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
    ) -> Plan[Rows[Chain]]:
        """List chains, newest first; of their steps only the outline."""
        variables = {"mine": mine, "limit": limit, "offset": offset, "search": search, "archived": archived}
        data = yield from ask(documents.CHAINS, variables)
        return [build(Chain, raw) for raw in data["chains"]]


class BlockingChains(Chains, Blocking):
    pass


class AwaitingChains(Chains, Awaiting):
    pass


def _chain(document: str, id: str, **variables: Any) -> Plan[Json]:
    data = yield from ask(document, {"id": id, **variables})
    if data["chain"] is None:
        raise NotFoundError(f"there is no chain '{id}' in this workspace", code="NOT_FOUND")
    return data["chain"]


def _changed(document: str, field: str, variables: Json, *, repeatable: bool = True) -> Plan[Chain]:
    data = yield from ask(document, variables, repeatable=repeatable)
    return build(Chain, data[field])


def _step(fields: StepFields) -> dict[str, Any]:
    return {camel(name): value for name, value in fields.items()}
