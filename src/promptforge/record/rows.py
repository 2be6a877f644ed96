"""Executions as rows of the history: into blocks, and back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from json import loads
from typing import Any

from promptforge.core import ids, money
from promptforge.core.execution import (
    Attempt,
    Content,
    CostState,
    ErrorType,
    Execution,
    PromptRef,
    Source,
    Status,
    StepRef,
)
from promptforge.core.price import Line, PriceSource
from promptforge.core.usage import Usage, UsageSource
from promptforge.record.native import Flat, block, ends
from promptforge.record.schema import FACTS, FOREVER, PAYLOADS, Column

Row = Mapping[str, Any]

_NOT_READ = {"kind", "in_chain", "seq", "batch"}
FACT_NAMES = tuple(column.name for column in FACTS if column.read and column.name not in _NOT_READ)
PAYLOAD_NAMES = tuple(
    column.name for column in PAYLOADS if column.read and column.name not in {"workspace", "expires_on"}
)


def facts_block(batch: int, rows: Sequence[tuple[int, Execution]]) -> bytes:
    """The figures of executions, each with its journal number, as one Native block."""
    executions = [execution for _, execution in rows]
    return block(
        [
            *_filled(FACTS, executions),
            ("seq", "UInt64", [seq for seq, _ in rows]),
            ("batch", "UInt64", [batch] * len(rows)),
        ],
        len(rows),
    )


def payloads_block(batch: int, executions: Sequence[Execution]) -> bytes:
    """Their content as one Native block."""
    return block([*_filled(PAYLOADS, executions), ("batch", "UInt64", [batch] * len(executions))], len(executions))


def _filled(columns: Iterable[Column], executions: Sequence[Execution]) -> list[tuple[str, str, Sequence[Any] | Flat]]:
    nested: dict[str, tuple[bytes, list[Any]]] = {}
    for name in ("lines", "attempts"):
        rows = [getattr(execution, name) for execution in executions]
        nested[name] = (ends(rows), list(chain.from_iterable(rows)))
    filled: list[tuple[str, str, Sequence[Any] | Flat]] = []
    for column in columns:
        if column.read is None:
            continue
        if column.nested:
            bounds, rows = nested[column.nested]
            filled.append((column.name, column.sent, Flat(bounds, [column.read(row) for row in rows])))
        else:
            filled.append((column.name, column.sent, [column.read(execution) for execution in executions]))
    return filled


def _amount(value: Decimal | None) -> int | None:
    return None if value is None else money.from_decimal(value)


def _lines(row: Row) -> tuple[Line, ...]:
    fields = ("unit", "quantity", "rate", "per", "amount", "source", "valid_from", "rounded", "attempt")
    return tuple(
        Line(
            unit=unit,
            quantity=quantity,
            rate=int(rate.scaleb(money.RATE_PLACES)),
            per=per,
            amount=money.from_decimal(amount),
            source=PriceSource(source),
            valid_from=valid_from,
            rounded=rounded,
            attempt=attempt,
        )
        for unit, quantity, rate, per, amount, source, valid_from, rounded, attempt in zip(
            *(row[f"lines.{field}"] for field in fields), strict=True
        )
    )


def _attempts(row: Row) -> tuple[Attempt, ...]:
    fields = (
        "number",
        "provider",
        "model",
        "offset_ms",
        "latency_ms",
        "status",
        "error_type",
        "http_status",
        "request_id",
    )
    return tuple(
        Attempt(
            number=number,
            provider=provider,
            model=model,
            offset_ms=offset_ms,
            latency_ms=latency_ms,
            status=Status(status),
            error_type=ErrorType(error_type) if error_type else None,
            http_status=http_status or None,
            request_id=request_id or None,
        )
        for number, provider, model, offset_ms, latency_ms, status, error_type, http_status, request_id in zip(
            *(row[f"attempts.{field}"] for field in fields), strict=True
        )
    )


def _prompt(row: Row) -> PromptRef | None:
    if not row["prompt_id"]:
        return None
    return PromptRef(
        prompt_id=row["prompt_id"],
        prompt_name=row["prompt_name"],
        version_id=row["version_id"],
        version=row["version"],
        label=row["label"] or None,
    )


def _step(row: Row) -> StepRef | None:
    if not row["chain_execution_id"]:
        return None
    return StepRef(
        chain_execution_id=row["chain_execution_id"],
        chain_id=row["chain_id"] or None,
        step=row["step"],
        order=row["step_order"],
        iteration=row["iteration"],
    )


def execution_of(row: Row, content: Content | None = None) -> Execution:
    """The execution that a row of facts was made from."""
    expires: date = row["expires_on"]
    started: datetime | None = row["started_at"]
    return Execution(
        id=ids.text(ids.EXECUTION, row["id"]),
        workspace=row["workspace"],
        created_at=row["created_at"],
        status=Status(row["status"]),
        source=Source(row["source"]),
        model=row["model"],
        provider=row["provider"],
        prompt=_prompt(row),
        step=_step(row),
        response_model=row["response_model"] or None,
        user_id=row["user_id"] or None,
        key_id=row["key_id"] or None,
        service=row["service"] or None,
        end_user=row["end_user"] or None,
        session_id=row["session_id"] or None,
        tags=row["tags"],
        error_type=ErrorType(row["error_type"]) if row["error_type"] else None,
        finish_reason=row["finish_reason"] or None,
        started_at=started,
        latency_ms=row["latency_ms"],
        first_token_ms=row["first_token_ms"],
        token_in=row["token_in"],
        token_out=row["token_out"],
        usage=Usage(row["usage"]) if row["usage_known"] else None,
        usage_source=UsageSource(row["usage_source"]),
        cost=_amount(row["cost"]),
        cost_state=CostState(row["cost_state"]),
        lines=_lines(row),
        claimed=_amount(row["claimed"]),
        cached=row["cached"],
        avoided=_amount(row["avoided"]),
        attempts=_attempts(row),
        streamed=row["streamed"],
        adjusts=ids.text(ids.EXECUTION, row["adjusts"]) if row["adjusts"] else None,
        recorded_at=row["recorded_at"],
        expires_on=None if expires == FOREVER else expires,
        input_hash=row["input_hash"],
        output_hash=row["output_hash"],
        input_chars=row["input_chars"],
        output_chars=row["output_chars"],
        content=content,
    )


def _json(text: str) -> Any:
    return loads(text) if text else None


def content_of(row: Row) -> Content:
    """The content that a row of payloads was made from."""
    return Content(
        input=_json(row["input"]),
        request=_json(row["request"]),
        output=row["output"],
        error=row["error"],
        stack_trace=row["stack_trace"],
        usage_raw=_json(row["usage_raw"]),
        metadata=_json(row["metadata"]),
        attempt_errors=tuple(row["attempt_errors"]),
    )
