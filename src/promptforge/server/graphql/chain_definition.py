"""Defining chains over the API: the inputs and the mutations, each one a call of a service.

A step is given by typed fields here and as JSON to the service, which reads both forms of the documented pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from promptforge.core.chain import Chain as CoreChain
from promptforge.core.chain import ChainDocument, Severity, Step
from promptforge.core.chain import ChainProblem as CoreProblem
from promptforge.core.chain import ChainVersion as CoreVersion
from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json as CoreJson
from promptforge.core.json import is_object
from promptforge.server.graphql.chain import Chain, ChainVersion
from promptforge.server.graphql.context import Info
from promptforge.server.graphql.enums import OnErrorEnum, SeverityEnum, StepTypeEnum
from promptforge.server.graphql.field import read
from promptforge.server.graphql.scalars import Json
from promptforge.services.chain_files import Applied
from promptforge.wire import chain_document

_ABOUT = ("name", "description", "isActive", "isPublic", "intentTags")


# ── inputs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@strawberry.input
class CreateChainInput:
    name: str = strawberry.field(description="Unique in the workspace; kept as written.")
    description: str | None = None
    is_active: bool | None = True
    is_public: bool | None = False
    required_inputs: Json | None = strawberry.field(default=None, description="JSON Schema of the inputs.")
    intent_tags: list[str] | None = None


@strawberry.input(description="What is left out stays as it is; null takes a setting of the draft away.")
class UpdateChainInput:
    name: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    is_active: bool | None = strawberry.UNSET
    is_public: bool | None = strawberry.UNSET
    intent_tags: list[str] | None = strawberry.UNSET
    required_inputs: Json | None = strawberry.UNSET
    output: Json | None = strawberry.UNSET
    deadline_ms: int | None = strawberry.UNSET
    max_cost: str | None = strawberry.field(default=strawberry.UNSET, description='US dollars, such as "0.05".')


@strawberry.input(description="What is left out of a change stays as it is; null takes it away. See docs/chains.md.")
class ChainStepInput:
    name: str | None = strawberry.UNSET
    order: int | None = strawberry.UNSET
    type: StepTypeEnum | None = strawberry.UNSET
    prompt_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="An id or a name.")
    prompt: str | None = strawberry.field(default=strawberry.UNSET, description="The same as `promptId`.")
    version: int | None = strawberry.UNSET
    label: str | None = strawberry.UNSET
    params: Json | None = strawberry.UNSET
    override_params: Json | None = strawberry.field(default=strawberry.UNSET, description="The same as `params`.")
    config: Json | None = strawberry.UNSET
    input_mapping: Json | None = strawberry.UNSET
    output_key: str | None = strawberry.UNSET
    tags: list[str] | None = strawberry.UNSET
    when: str | None = strawberry.UNSET
    timeout_ms: int | None = strawberry.UNSET
    retries: int | None = strawberry.UNSET
    on_error: OnErrorEnum | None = strawberry.UNSET


@strawberry.input(description="A new step: order and type are needed.")
class CreateChainStepInput(ChainStepInput):
    chain_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Here or beside the input.")


@strawberry.input(description="The draft, or a document or a file, which then becomes the draft.")
class CreateChainVersionInput:
    chain_id: strawberry.ID
    document: Json | None = None
    yaml: str | None = None
    label: str | None = None


@strawberry.input(description="A chain's draft, a document, or a file.")
class ValidateChainInput:
    chain_id: strawberry.ID | None = None
    document: Json | None = None
    yaml: str | None = None


# ── outputs ───────────────────────────────────────────────────────────────────────────────────────────────────────


@strawberry.type(description="What is wrong with a chain: an error keeps it from running, a warning may be meant so.")
class ChainProblem:
    step: str | None = read(lambda pair: pair[0].step)
    path: str = read(lambda pair: pair[0].path, description="JSON path in the document.")
    line: int | None = read(lambda pair: pair[1], description="In the file, counted from 1.")
    message: str = read(lambda pair: pair[0].message)
    severity: SeverityEnum = read(lambda pair: pair[0].severity)


@dataclass(frozen=True, slots=True)
class Proved:
    """What was read of a chain, as far as it could be, and what is wrong with it, each with its line in the file."""

    document: ChainDocument | None
    problems: Sequence[tuple[CoreProblem, int | None]]
    name: str | None = None


@strawberry.type
class ChainValidation:
    valid: bool = read(
        lambda proved: all(one.severity is not Severity.ERROR for one, _ in proved.problems),
        description="Whether it could become a version: warnings do not count.",
    )
    problems: list[ChainProblem] = strawberry.field(description="Errors first.")
    name: str | None = strawberry.field(description="The chain's name in the file.")
    document: Json | None = read(
        lambda proved: None if proved.document is None else chain_document.write(proved.document),
        description="What was read, as createChainVersion takes it; null when it cannot be read.",
    )


@strawberry.type(description="What applying a file did.")
class AppliedChain:
    chain: Chain
    version: ChainVersion
    created: bool = strawberry.field(description="Whether the chain was not there before.")
    changed: bool = strawberry.field(description="Whether it has a new version.")


# ── mutations ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _given(value: Any) -> dict[str, CoreJson]:
    """The fields of an input that are there, by their names in JSON."""
    found = {to_camel_case(field.name): getattr(value, field.name) for field in fields(value)}
    return {
        name: part.value if isinstance(part, Enum) else part
        for name, part in found.items()
        if part is not strawberry.UNSET
    }


def _object(value: object, name: str) -> Mapping[str, CoreJson]:
    if not is_object(value):
        raise InvalidInput(f"{name} must be a JSON object", path=f"$.{name}")
    return value


async def create_chain(info: Info, input: CreateChainInput) -> CoreChain:
    """Without steps."""
    schema = input.required_inputs
    return await info.context.forge.chains.create(
        info.context.actor,
        name=input.name,
        description=input.description,
        is_active=input.is_active is not False,
        is_public=bool(input.is_public),
        intent_tags=tuple(input.intent_tags or ()),
        required_inputs=None if schema is None else _object(schema, "requiredInputs"),
    )


async def update_chain(info: Info, id: strawberry.ID, input: UpdateChainInput) -> CoreChain:
    """Its description and the settings of its draft."""
    given = _given(input)
    draft = {name: value for name, value in given.items() if name not in _ABOUT}
    about: dict[str, Any] = {name: given[name] for name in _ABOUT if name in given}
    return await info.context.forge.chains.update(
        info.context.actor,
        id,
        name=about.get("name"),
        # an empty one is none, so null takes it away as the input promises
        description=(about["description"] or "") if "description" in about else None,
        is_active=about.get("isActive"),
        is_public=about.get("isPublic"),
        intent_tags=(about["intentTags"] or ()) if "intentTags" in about else None,
        draft=draft or None,
    )


async def create_chain_step(info: Info, input: CreateChainStepInput, chain_id: strawberry.ID | None = None) -> Step:
    """To the draft."""
    given = _given(input)
    inside = given.pop("chainId", None)
    if (chain_id is None) == (inside is None):
        raise InvalidInput("name the chain once, as chainId", path="$.chainId")
    return await info.context.forge.chains.add_step(info.context.actor, chain_id or str(inside), given)


async def update_chain_step(info: Info, chain_id: strawberry.ID, id: strawberry.ID, input: ChainStepInput) -> Step:
    """Of the draft, by id or name."""
    return await info.context.forge.chains.update_step(info.context.actor, chain_id, id, _given(input))


async def delete_chain_step(info: Info, chain_id: strawberry.ID, id: strawberry.ID) -> CoreChain:
    """From the draft, by id or name."""
    return await info.context.forge.chains.remove_step(info.context.actor, chain_id, id)


async def create_chain_version(info: Info, input: CreateChainVersionInput) -> CoreVersion:
    """From the draft, a document or a file."""
    forge, actor = info.context.forge, info.context.actor
    if input.yaml is not None:
        if input.document is not None:
            raise InvalidInput("give the document or the file, not both", path="$.document")
        name = (await forge.chains.get(actor, input.chain_id)).name
        return (await forge.chain_files.apply(actor, input.yaml, name=name, label=input.label)).version
    document = None if input.document is None else chain_document.read(input.document)
    return await forge.chains.create_version(actor, input.chain_id, document, label=input.label)


async def apply_chain(info: Info, yaml: str, name: str | None = None, label: str | None = None) -> Applied:
    """Make a chain what its file says."""
    return await info.context.forge.chain_files.apply(info.context.actor, yaml, name=name, label=label)


async def validate_chain(info: Info, input: ValidateChainInput) -> Proved:
    """Change nothing."""
    forge, actor = info.context.forge, info.context.actor
    if sum(source is not None for source in (input.chain_id, input.document, input.yaml)) != 1:
        raise InvalidInput("give exactly one of chainId, document and yaml", path="$.chainId")
    if input.yaml is not None:
        proof = await forge.chain_files.validate(actor, input.yaml)
        file = proof.file
        return Proved(file and file.document, proof.problems, file and file.name)
    if input.document is not None:
        try:
            document = chain_document.read(input.document)
        except InvalidInput as error:
            return Proved(None, [(CoreProblem(step=None, path=error.path or "$", message=str(error)), None)])
    else:
        document = (await forge.chains.get(actor, input.chain_id or "")).draft
    problems = await forge.chains.validate(actor, document=document)
    return Proved(document, [(problem, None) for problem in problems])


async def set_chain_label(info: Info, chain_id: strawberry.ID, label: str, version: int) -> CoreChain:
    """Point it at a version."""
    return await info.context.forge.chains.set_label(info.context.actor, chain_id, label, version)


async def remove_chain_label(info: Info, chain_id: strawberry.ID, label: str) -> CoreChain:
    """Take it away."""
    return await info.context.forge.chains.set_label(info.context.actor, chain_id, label, None)


async def archive_chain(info: Info, id: strawberry.ID) -> CoreChain:
    """Out of use, its name free."""
    return await info.context.forge.chains.archive(info.context.actor, id)


async def restore_chain(info: Info, id: strawberry.ID) -> CoreChain:
    """Back into use."""
    return await info.context.forge.chains.restore(info.context.actor, id)


async def fork_chain(info: Info, id: strawberry.ID, name: str, version: int | None = None) -> CoreChain:
    """A copy of the draft or of a version."""
    return await info.context.forge.chains.fork(info.context.actor, id, name, version)
