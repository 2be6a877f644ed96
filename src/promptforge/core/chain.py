"""Chains: what is defined. Steps in waves of equal ``order``, frozen into immutable numbered versions.

A chain has one draft, which the step mutations change; running it without a version freezes a changed draft into the
next one. What runs is in ``chain_execution.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json

DEADLINE_MS = 15 * 60 * 1000


class StepType(StrEnum):
    PROMPT = "PROMPT"
    API_CALL = "API_CALL"
    CONDITION = "CONDITION"
    TRANSFORM = "TRANSFORM"
    MERGE = "MERGE"
    MEMORY = "MEMORY"


PURE = frozenset({StepType.CONDITION, StepType.TRANSFORM, StepType.MERGE})
"""Steps that need nothing but their input: they are worked out again after a crash, and never kept apart."""


class OnError(StrEnum):
    """What a failed step does to the chain; after ``continue`` its output is null."""

    FAIL = "fail"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. ``name`` is unique in its chain and part of every error; steps of equal ``order`` run together.

    ``prompt`` is an id or a name; ``version``, ``label`` and ``params`` (overrides) belong to it. ``config`` depends on
    the type (docs/chains.md). ``input_mapping`` None gives a PROMPT step those keys of the context that its prompt has
    as variables. ``tags``: it runs when it has none or when one of them is active. ``when`` is a condition.
    ``timeout_ms`` None: what is left of the chain's deadline. ``retries`` None: the usual policy for a PROMPT, none for
    others.
    """

    id: str
    name: str
    order: int
    type: StepType
    prompt: str | None = None
    version: int | None = None
    label: str | None = None
    params: Mapping[str, Json] = field(default_factory=dict[str, Json])
    config: Mapping[str, Json] = field(default_factory=dict[str, Json])
    input_mapping: Mapping[str, Json] | None = None
    output_key: str | None = None
    tags: tuple[str, ...] = ()
    when: str | None = None
    timeout_ms: int | None = None
    retries: int | None = None
    on_error: OnError = OnError.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDocument:
    """What a version freezes. ``output`` is a mapping over the final context; None: what the last step that ran gave.

    ``max_cost`` (10^-12 dollars) stops the chain before the step that would cross it.
    """

    steps: tuple[Step, ...] = ()
    required_inputs: Mapping[str, Json] | None = None
    output: Json = None
    deadline_ms: int = DEADLINE_MS
    max_cost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainVersion:
    """An immutable version; ``number`` counts from 1 within the chain."""

    id: str
    chain_id: str
    number: int
    document: ChainDocument
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """``latest`` 0: no version yet. ``draft`` differs from the latest version's document when it was changed since."""

    id: str
    workspace: str
    name: str
    description: str | None
    is_active: bool
    is_public: bool
    created_at: datetime
    updated_at: datetime
    created_by: str
    draft: ChainDocument = field(default_factory=ChainDocument)
    intent_tags: tuple[str, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict[str, int])
    latest: int = 0
    archived_at: datetime | None = None
    forked_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRef:
    """The version that ran, resolved once, at acceptance; *label* is the label that was asked for, if one was.

    What was captured is no chain of ours: it has a name, and otherwise empty texts and version 0.
    """

    chain_id: str
    chain_name: str
    version_id: str
    version: int
    label: str | None = None


class Severity(StrEnum):
    """An error keeps a document from becoming a version; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainProblem:
    """What is wrong with a document. ``step`` is the name of the step, None for the chain itself.

    ``path`` is a JSON path in the document (``$.steps[2].config.condition``).
    """

    step: str | None
    path: str
    message: str
    severity: Severity = Severity.ERROR


def refusal(document: ChainDocument, problem: ChainProblem) -> InvalidInput:
    """The problem as an error that names the step as every other error of a chain does."""
    step = next((step for step in document.steps if step.name == problem.step), None)
    named = f"Step {step.order} ({step.name}): " if step else ""
    return InvalidInput(f"{named}{problem.message}", path=problem.path)
