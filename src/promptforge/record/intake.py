"""What every execution goes through before it is journaled: checked, cleaned of secrets, made storable.

One shape for each fact: no empty names beside missing ones, times in whole milliseconds, an id that carries the moment
of ``created_at``.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar, cast

import re2

from promptforge.core import ids
from promptforge.core.altered import altered
from promptforge.core.chain_execution import AnyExecution, ChainContent, ChainExecution, StepContent, StepRun
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import Content, Execution
from promptforge.core.json import is_array, is_object
from promptforge.core.ports import Claim
from promptforge.core.redaction import Redactor
from promptforge.record.body import plain, try_encoding
from promptforge.record.schema import milliseconds

_NAMES = ("user_id", "key_id", "service", "end_user", "session_id")
_OPTIONAL: Mapping[type, tuple[str, ...]] = {
    Execution: (*_NAMES, "response_model", "finish_reason"),
    ChainExecution: (*_NAMES, "forked_from", "failed_step"),
}
_optional = {kind: attrgetter(*names) for kind, names in _OPTIONAL.items()}
_WIDEST = 1 << 63
_RE2: Any = re2  # its annotations are incomplete
_Texts = TypeVar("_Texts", Execution, ChainExecution, StepRun)


def taken_in(execution: Execution, redactor: Redactor) -> Execution:
    """The execution as it is kept; InvalidInput when it cannot be."""
    _require_id(execution, ids.EXECUTION, "an execution")
    clean = _is_clean(execution, redactor)
    made = execution if clean else redactor.execution(execution)
    changes = _tidied(made)
    if made.prompt is not None and made.prompt.label == "":
        changes["prompt"] = replace(made.prompt, label=None)
    step = made.step
    if step is not None and "" in {step.chain_id, step.chain_name}:
        changes["step"] = replace(step, chain_id=step.chain_id or None, chain_name=step.chain_name or None)
    made = altered(made, **changes) if changes else made
    return made if clean else _encodable(made)


def chain_taken_in(execution: ChainExecution, redactor: Redactor) -> ChainExecution:
    """The chain execution as it is kept, its steps included; InvalidInput when it cannot be."""
    _require_id(execution, ids.CHAIN_EXECUTION, "a chain execution")
    made = redactor.chain_execution(execution)
    changes = _tidied(made)
    if made.chain is not None and made.chain.label == "":
        changes["chain"] = replace(made.chain, label=None)
    return _encodable(altered(made, **changes) if changes else made)


def step_taken_in(step: StepRun, redactor: Redactor) -> StepRun:
    """The finished step as it is kept; InvalidInput when it cannot be."""
    return _encodable(redactor.step(step))


def claim_taken_in(claim: Claim | None, redactor: Redactor) -> Claim | None:
    """The claim as it is kept: a caller may have made the key of anything."""
    return claim and replace(claim, key=redactor.text(claim.key))


def _is_clean(execution: Execution, redactor: Redactor) -> bool:
    """Whether it can be written as it is and holds nothing to remove, which is nearly always so."""
    look = _look(redactor)
    try:
        return look is not None and look(plain(execution)) is None
    except (UnicodeEncodeError, OverflowError, TypeError):
        return False


@lru_cache(256)
def _look(redactor: Redactor) -> Callable[[bytes], object] | None:
    """A search for all of a redactor's marks at once; None where it has none, or more than fit."""
    if redactor.marks is None:
        return None
    options = _RE2.Options()
    options.encoding = _RE2.Options.Encoding.LATIN1
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    try:
        return _RE2.compile(b"|".join(map(_RE2.escape, redactor.marks)), options).search
    except _RE2.error:
        return None


def _require_id(execution: AnyExecution, prefix: str, what: str) -> None:
    number = ids.parse(prefix, execution.id)
    if number is None:
        raise InvalidInput(f"'{execution.id[:60]}' is not the id of {what}")
    if milliseconds(execution.created_at) != ids.milliseconds(number):
        raise InvalidInput(f"the id {execution.id} does not carry the moment of its createdAt")


def _tidied(made: AnyExecution) -> dict[str, Any]:
    """No empty names beside missing ones, and whole milliseconds."""
    changes: dict[str, Any] = {}
    if "" in _optional[type(made)](made):
        changes = {name: None for name in _OPTIONAL[type(made)] if getattr(made, name) == ""}
    for name in ("created_at", "started_at", "recorded_at"):
        moment = getattr(made, name)
        if moment is not None and (moment.microsecond % 1000 or moment.tzinfo is not UTC):
            changes[name] = _whole(moment)
    return changes


def _encodable(made: _Texts) -> _Texts:
    """The same where it can be written, else with every text and JSON value made storable; InvalidInput when a figure
    is beyond 64 bits."""
    try:
        try_encoding(made)
    except (UnicodeEncodeError, OverflowError):
        made = _mended(made)
        try:
            try_encoding(made)
        except (UnicodeEncodeError, OverflowError) as error:
            name = made.name if isinstance(made, StepRun) else made.id
            raise InvalidInput(f"{name} holds a value that cannot be stored: {error}") from None
    return made


def _whole(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _mended(made: _Texts) -> _Texts:
    given = {field.name: getattr(made, field.name) for field in fields(made)}
    texts = {name: _storable(value) for name, value in given.items() if isinstance(value, str | Mapping)}
    if isinstance(made, ChainExecution):
        texts["steps"] = tuple(_mended(step) for step in made.steps)
    return replace(made, **texts, content=_storable(made.content))


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
    if isinstance(value, Content | ChainContent | StepContent):
        return replace(value, **{field.name: _storable(getattr(value, field.name)) for field in fields(value)})
    return value
