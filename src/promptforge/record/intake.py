"""What every execution goes through before it is journaled: checked, cleaned of secrets, made storable.

One shape for each fact: no empty names beside missing ones, times in whole milliseconds, an id that carries the moment
of ``created_at``.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any, cast

from promptforge.core import ids
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import Content, Execution
from promptforge.core.json import is_array, is_object
from promptforge.core.redaction import Redactor
from promptforge.record.body import encode
from promptforge.record.schema import milliseconds

_OPTIONAL = ("response_model", "user_id", "key_id", "service", "end_user", "session_id", "finish_reason")
_WIDEST = 1 << 63


def taken_in(execution: Execution, redactor: Redactor) -> Execution:
    """The execution as it is kept; InvalidInput when it cannot be."""
    number = ids.parse(ids.EXECUTION, execution.id)
    if number is None:
        raise InvalidInput(f"'{execution.id[:60]}' is not the id of an execution")
    if milliseconds(execution.created_at) != ids.milliseconds(number):
        raise InvalidInput(f"the id {execution.id} does not carry the moment of its createdAt")
    made = redactor.execution(execution)
    changes: dict[str, Any] = {name: None for name in _OPTIONAL if getattr(made, name) == ""}
    if made.prompt is not None and made.prompt.label == "":
        changes["prompt"] = replace(made.prompt, label=None)
    for name in ("created_at", "started_at", "recorded_at"):
        moment = getattr(made, name)
        if moment is not None and (moment.microsecond % 1000 or moment.tzinfo is not UTC):
            changes[name] = _whole(moment)
    if changes:
        made = replace(made, **changes)
    try:
        encode(made)
    except (UnicodeEncodeError, OverflowError):
        made = _mended(made)
    return made


def _whole(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _mended(execution: Execution) -> Execution:
    """The same with every text and JSON value made storable; InvalidInput when a figure is beyond 64 bits."""
    given = {field.name: getattr(execution, field.name) for field in fields(execution)}
    texts = {name: _storable(value) for name, value in given.items() if isinstance(value, str | Mapping)}
    made = replace(execution, **texts, content=_storable(execution.content))
    try:
        encode(made)
    except (UnicodeEncodeError, OverflowError) as error:
        raise InvalidInput(f"the execution {execution.id} holds a value that cannot be stored: {error}") from None
    return made


def _storable(value: Any) -> Any:
    """Half characters replaced, and numbers beyond 64 bits as text: both are legal JSON and no store keeps them."""
    if isinstance(value, Enum | bool):
        return value
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, int):
        return value if -_WIDEST <= value < _WIDEST else str(value)
    if is_object(value):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_storable(item) for item in cast("tuple[Any, ...]", value))
    if is_array(value):
        return [_storable(item) for item in value]
    if isinstance(value, Content):
        return replace(value, **{field.name: _storable(getattr(value, field.name)) for field in fields(value)})
    return value
