"""What a field and the values beside it mean in the text of a filter: a test of the tree, by the kind of the field."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from promptforge.core import filter as tree
from promptforge.core import money
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.core.filter import CHAIN_FIELDS, FIELDS, All, Filter, Kind, Not, Operator, Test

MAX_NUMBER = 2**63 - 1

NAMES: Mapping[str, str] = {
    "status": "status",
    "prompt": "prompt_name",
    "promptId": "prompt_id",
    "version": "version",
    "versionId": "version_id",
    "label": "label",
    "model": "model",
    "provider": "provider",
    "error": "error_type",
    "costState": "cost_state",
    "user": "user_id",
    "key": "key_id",
    "endUser": "end_user",
    "session": "session_id",
    "service": "service",
    "source": "source",
    "chain": "chain_name",
    "chainId": "chain_id",
    "chainVersion": "chain_version",
    "chainExecution": "chain_execution_id",
    "created": "created_at",
    "latency": "latency_ms",
    "tokensIn": "token_in",
    "tokensOut": "token_out",
    "tokens": "tokens",
    "cost": "cost",
    "cached": "cached",
    "tag": "tag",
    "text": "text",
}
"""What a field is called in the text; every field of the tree has one name."""
CALLED: Mapping[str, str] = {field: name for name, field in NAMES.items()}
CALLS = frozenset(NAMES)
CHAINS = frozenset(CALLED[field] for field in CHAIN_FIELDS)
_CHOICES: Mapping[str, type[StrEnum]] = {
    "status": Status,
    "error_type": ErrorType,
    "cost_state": CostState,
    "source": Source,
}
COMPARED: Mapping[str, Operator] = {">=": Operator.AT_LEAST, "<=": Operator.AT_MOST, "<": Operator.BELOW}
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)?")
_MILLISECONDS = {None: 1, "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
STAR = "\x00"


class Unfit(ValueError):
    """What a part of the text cannot mean, and where it begins."""

    def __init__(self, at: int, says: str) -> None:
        super().__init__(says)
        self.at = at


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it was written; *text* has ``STAR`` where an asterisk stands for anything."""

    text: str
    at: int

    @property
    def exact(self) -> str:
        return self.text.replace(STAR, "*")


def meaning(field: str, key: str | None, operator: str, values: Sequence[Value], at: int) -> Filter:
    """The test that a field and its values make; what it means depends on the kind of the field."""
    name, kind = CALLED[field], FIELDS[field].kind
    compared = operator not in (":", "=")
    if compared and len(values) > 1:
        raise Unfit(at, f"'{operator}' takes one value")
    if compared and kind not in (Kind.NUMBER, Kind.MONEY, Kind.TIME):
        raise Unfit(at, f"'{name}' is no number: write {name}:VALUE")
    try:
        if [value.text for value in values] == [STAR] and Operator.EXISTS in tree.OPERATORS[kind]:
            return Test(field, Operator.EXISTS, key=key)
        return _READ[kind](field, key, operator, values)
    except InvalidInput as error:
        raise Unfit(values[0].at, str(error)) from None


def _names(field: str, key: str | None, operator: str, values: Sequence[Value]) -> Filter:
    """One of the names, where ``*`` stands for anything."""
    if choices := _CHOICES.get(field):
        for value in values:
            if STAR not in value.text and value.exact not in (known := [choice.value for choice in choices]):
                raise InvalidInput(f"there is no {CALLED[field]} '{value.exact[:40]}', only {', '.join(known)}")
    exact = tuple(value.exact for value in values if STAR not in value.text)
    tests: list[Filter] = [Test(field, Operator.IN, exact)] if exact else []
    for value in values:
        if STAR in value.text:
            if "*" in value.text:
                raise InvalidInput("a name with an asterisk of its own cannot have one that stands for anything")
            tests.append(Test(field, Operator.LIKE, (re.sub(f"{STAR}+", "*", value.text),)))
    return tests[0] if len(tests) == 1 else tree.Any(tuple(tests))


def _numbers(field: str, key: str | None, operator: str, values: Sequence[Value]) -> Filter:
    read = _duration if field == "latency_ms" else _whole
    return _bounded(field, operator, [read(value.exact) for value in values], 1)


def _amounts(field: str, key: str | None, operator: str, values: Sequence[Value]) -> Filter:
    return _bounded(field, operator, [money.parse_usd(value.exact.removeprefix("$")) for value in values], 1)


def _times(field: str, key: str | None, operator: str, values: Sequence[Value]) -> Filter:
    if operator in (":", "="):
        raise InvalidInput("a time is compared: write created>=2026-01-31 or created<2026-01-31T12:00")
    return _bounded(field, operator, [_moment(value.exact) for value in values], timedelta(milliseconds=1))


def _bounded(field: str, operator: str, values: Sequence[Any], least: Any) -> Filter:
    """A comparison. More than a value is at least the next one, as all numbers are whole in the tree."""
    if operator == ">":
        return Test(field, Operator.AT_LEAST, (values[0] + least,))
    if operator in COMPARED:
        return Test(field, COMPARED[operator], (values[0],))
    if Operator.IN in tree.OPERATORS[FIELDS[field].kind]:
        return Test(field, Operator.IN, tuple(values))
    same: list[Filter] = [
        All((Test(field, Operator.AT_LEAST, (value,)), Test(field, Operator.AT_MOST, (value,)))) for value in values
    ]
    return same[0] if len(same) == 1 else tree.Any(tuple(same))


def _tags(field: str, key: str | None, operator: str, values: Sequence[Value]) -> Filter:
    if any(STAR in value.text for value in values):
        raise InvalidInput("the value of a tag is written out: an asterisk alone asks whether the tag is there")
    return Test(field, Operator.IN, tuple(value.exact for value in values), key=key)


def _texts(field: str, key: str | None, operator: str, values: Sequence[Value]) -> Filter:
    tests: list[Filter] = [Test(field, Operator.WORDS, (value.exact,)) for value in values]
    return tests[0] if len(tests) == 1 else tree.Any(tuple(tests))


def _flag(field: str, key: str | None, operator: str, values: Sequence[Value]) -> Filter:
    told = {"true": Test(field, Operator.EXISTS), "false": Not(Test(field, Operator.EXISTS))}
    if len(values) != 1 or values[0].exact not in told:
        raise InvalidInput(f"write {CALLED[field]}:true or {CALLED[field]}:false")
    return told[values[0].exact]


_READ: Mapping[Kind, Callable[[str, str | None, str, Sequence[Value]], Filter]] = {
    Kind.NAME: _names,
    Kind.NUMBER: _numbers,
    Kind.MONEY: _amounts,
    Kind.TIME: _times,
    Kind.TAG: _tags,
    Kind.TEXT: _texts,
    Kind.FLAG: _flag,
}


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII) or abs(int(text)) > MAX_NUMBER:
        raise InvalidInput(f"'{text[:40]}' is not a whole number")
    return int(text)


def _duration(text: str) -> int:
    """Milliseconds, or with a unit: ``1500``, ``1500ms``, ``1.5s``, ``2m``."""
    found = _DURATION.fullmatch(text)
    if not found:
        raise InvalidInput(f"'{text[:40]}' is not a time: write milliseconds, or 1.5s, 2m, 1h")
    whole, _, part = found[1].partition(".")
    thousandths = (int(whole) * 1000 + int((part or "0").ljust(3, "0"))) * _MILLISECONDS[found[2]]
    if thousandths % 1000:
        raise InvalidInput(f"'{text[:40]}' is finer than a millisecond")
    return thousandths // 1000


def _moment(text: str) -> datetime:
    """A date (its first moment) or a moment, in UTC unless it says otherwise."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(f"'{text[:40]}' is not a time: write 2026-01-31 or 2026-01-31T12:00:00Z") from None
