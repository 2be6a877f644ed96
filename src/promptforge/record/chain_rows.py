"""Chain executions as rows of the history: what each column holds, and back.

A chain execution is a row of facts like any other, with tokens and cost NULL: they live on its calls. Its content is a
row of payloads; ``steps`` there holds as JSON what the other columns cannot, and is empty for executions.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from json import loads
from typing import Any

from promptforge.core.chain_execution import ChainContent, ChainExecution, StepContent, without_content
from promptforge.core.filter import output_text
from promptforge.record.body import chain_shown, chain_shown_of
from promptforge.record.schema import Column, json_text

Row = Mapping[str, Any]
_NOTHING = ChainContent()

_ALIKE = frozenset(
    {
        *("id", "workspace", "created_at", "status", "source", "user_id", "key_id", "service", "end_user"),
        *("session_id", "tags", "error_type", "started_at", "latency_ms", "cost_state", "recorded_at", "expires_on"),
        *("input_hash", "output_hash"),
    }
)
"""Columns that are read as those of an execution are."""


def _chain(field: str, missing: Any = "") -> Callable[[ChainExecution], Any]:
    return lambda e: (getattr(e.chain, field) or missing) if e.chain else missing


def _content(field: str) -> Callable[[ChainExecution], Any]:
    return lambda e: getattr(e.content or _NOTHING, field)


def _fields(content: StepContent) -> dict[str, Any]:
    return {field.name: getattr(content, field.name) for field in fields(content)}


def _document(e: ChainExecution) -> str:
    """The contents of the steps in their order, what was changed for the run, and the output where it is not a text;
    ``content`` false: none."""
    document: dict[str, Any] = {"steps": [step.content and _fields(step.content) for step in e.steps]}
    if e.plan.overrides:
        document["overrides"] = e.plan.overrides
    if e.content is None:
        document["content"] = False
    elif not isinstance(e.content.output, str | None):
        document["output"] = e.content.output
    return json_text(document)


_READ: Mapping[str, Callable[[ChainExecution], Any]] = {
    "kind": lambda _: "chain",
    "chain_id": _chain("chain_id"),
    "chain_name": _chain("chain_name"),
    "chain_version_id": _chain("version_id"),
    "chain_version": _chain("version", 0),
    "label": _chain("label"),
    "shown": chain_shown,
    # of the payloads
    "input": lambda e: json_text(_content("input")(e)),
    "output": lambda e: output_text(_content("output")(e)),
    "error": _content("error"),
    "stack_trace": _content("stack_trace"),
    "metadata": lambda e: json_text(_content("metadata")(e)),
    "steps": _document,
}

_EMPTY: Mapping[str, Any] = {"String": "", "Nullable": None, "Map": {}, "Array": ()}


def reading(column: Column) -> Callable[[Any], Any]:
    """How to get a column's value from a chain execution; what it has not is empty, zero or NULL."""
    if column.name in _ALIKE and column.read is not None:
        return column.read
    empty = _EMPTY.get(column.sent.partition("(")[0], 0)
    return _READ.get(column.name) or (lambda _: empty)


def has_content(execution: ChainExecution) -> bool:
    """Whether there is anything for the payloads."""
    said = execution.content is not None or bool(execution.plan.overrides)
    return said or any(step.content is not None for step in execution.steps)


def chain_of(facts: Row, payload: Row | None = None) -> ChainExecution:
    """The chain execution that a row of facts, and one of payloads, was made from."""
    shown = replace(
        chain_shown_of(facts["shown"]),
        end_user=facts["end_user"] or None,
        session_id=facts["session_id"] or None,
        tags=facts["tags"],
    )
    if payload is None:
        return without_content(shown)
    document = loads(payload["steps"])
    contents = [given and StepContent(**given) for given in document["steps"]]
    steps = [replace(step, content=content) for step, content in zip(shown.steps, contents, strict=True)]
    plan = replace(shown.plan, overrides=document.get("overrides", shown.plan.overrides))
    return replace(shown, plan=plan, steps=tuple(steps), content=_content_of(payload, document))


def _content_of(payload: Row, document: Mapping[str, Any]) -> ChainContent | None:
    if "content" in document:
        return None
    return ChainContent(
        input=_json(payload["input"]),
        output=document.get("output", payload["output"]),
        error=payload["error"],
        stack_trace=payload["stack_trace"],
        metadata=_json(payload["metadata"]),
    )


def _json(text: str) -> Any:
    return loads(text) if text else None
