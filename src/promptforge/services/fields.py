"""The fields of an arrival: from JSON that others wrote to values, or the sentence that says what is wrong where."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

from promptforge.core import money
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType, Json, Status
from promptforge.core.json import bounded, is_array, is_object, storable
from promptforge.core.price import Line, PriceSource
from promptforge.core.usage import NOTHING, Usage, UsageSource, usage
from promptforge.services.tags import short, tags_of

MAX_COUNT = 10**9
MAX_LEAF = 60
MAX_CLAIM = 1_000_000 * 10**money.PLACES
FIELDS = frozenset(
    (
        *("id", "externalId", "externalSource", "createdAt", "status", "provider", "model"),
        *("promptName", "promptId", "version", "label"),
        *("input", "output", "error", "errorType", "stackTrace", "latencyMs", "firstTokenMs"),
        *("tokenIn", "tokenOut", "usage", "usageSource", "costUsd", "finishReason"),
        *("endUser", "sessionId", "service", "tags", "metadata"),
    )
)
START = datetime(1970, 1, 1, tzinfo=UTC)
_written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
Asked = tuple[str | None, str | None, int | None, str | None]


def canonical(item: Mapping[str, Json]) -> str:
    """The item as one text, whatever the order of its names; InvalidInput for what is not an arrival at all."""
    if not is_object(cast("object", item)):
        raise InvalidInput("an execution is a JSON object")
    if set(map(type, item.values())) != {str}:  # plain texts, as tables have them, need no look
        bounded(item, "$")
    if not item.keys() <= FIELDS:
        unknown = [name for name in item if name not in FIELDS]
        names = ", ".join(f"'{name[:60]}'" for name in unknown[:5])
        raise InvalidInput(f"there is no field {names}; see the fields of an arrival in docs/record.md", path="$")
    try:
        text = _written(item)
        text.encode()
    except ValueError:
        text = "\\u0000"
    if "\\u0000" in text:
        storable(item, "$")
    return text


def asked_of(item: Mapping[str, Json]) -> Asked | None:
    """The prompt that an item names: id, name, version, label; None when it names none."""
    if not is_object(cast("object", item)) or not (item.get("promptId") or item.get("promptName")):
        return None
    version = whole(item, "version")
    asked = text(item, "promptId"), text(item, "promptName"), version, text(item, "label")
    if (asked[0] and asked[1]) or (version is not None and asked[3]):
        raise InvalidInput(
            "name a prompt by promptId or promptName, and a version by number or label", path="$.version"
        )
    return asked


def moment(value: Json) -> datetime | None:
    """A moment in UTC, cut to milliseconds; without a zone it is UTC."""
    if value is None:
        return None
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return START + timedelta(milliseconds=value if abs(value) > 10**11 else value * 1000)
        at = datetime.fromisoformat(cast("str", value).strip())
        if at.tzinfo is not None:
            at = at.astimezone(UTC)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
        if at >= START:
            return at
    except (ValueError, TypeError, AttributeError, OverflowError):
        pass
    raise InvalidInput(
        f"createdAt '{str(value)[:60]}' is not a time: write it like 2026-01-31T12:00:00.000Z", path="$.createdAt"
    )


def status(item: Mapping[str, Json]) -> tuple[Status, ErrorType | None]:
    """How it ended; an error of no known kind is the provider's."""
    failed = item.get("error") is not None or item.get("errorType") is not None
    given = item.get("status")
    if given not in (None, "success", "error"):
        raise InvalidInput("status is 'success' or 'error'", path="$.status")
    if given == "success" and failed:
        raise InvalidInput("status is 'success', but there is an error as well", path="$.status")
    if given != "error" and not failed:
        return Status.SUCCESS, None
    kind = item.get("errorType")
    try:
        return Status.ERROR, ErrorType.PROVIDER if kind is None else ErrorType(cast("str", kind))
    except ValueError:
        known = ", ".join(ErrorType)
        raise InvalidInput(f"errorType is one of {known}", path="$.errorType") from None


def usage_of(item: Mapping[str, Json]) -> tuple[Usage | None, UsageSource]:
    """What it used, None when that is not known, and who says so."""
    token_in, token_out = whole(item, "tokenIn"), whole(item, "tokenOut")
    leaves = item.get("usage")
    if leaves is not None and not is_object(leaves):
        raise InvalidInput('usage is an object of counts, such as {"input": 12, "output": 3}', path="$.usage")
    used: Usage | None = None
    if leaves is not None:
        if any(not leaf.isidentifier() or len(leaf) > MAX_LEAF for leaf in leaves):
            raise InvalidInput("a leaf of usage has a name like 'input_cache_read'", path="$.usage")
        used = usage(**{leaf: _count(count, f"$.usage.{leaf}") for leaf, count in leaves.items()})
        for name, said, sum_ in (("tokenIn", token_in, used.token_in), ("tokenOut", token_out, used.token_out)):
            if said is not None and said != sum_:
                raise InvalidInput(f"{name} is {said}, but the leaves of usage add up to {sum_}", path=f"$.{name}")
    elif token_in is not None or token_out is not None:
        used = usage(input=token_in or 0, output=token_out or 0)
    given = item.get("usageSource")
    try:
        source = (
            (UsageSource.UNKNOWN if used is None else UsageSource.REPORTED) if given is None else UsageSource(given)
        )
    except ValueError:
        raise InvalidInput(f"usageSource is one of {', '.join(UsageSource)}", path="$.usageSource") from None
    if source is UsageSource.NONE and not (used and used.leaves):
        return NOTHING, source
    if (used is None) != (source is UsageSource.UNKNOWN) or source is UsageSource.NONE:
        raise InvalidInput(f"usageSource is '{source}', which does not fit the usage given", path="$.usageSource")
    return used, source


def claim(item: Mapping[str, Json]) -> int | None:
    """The cost that the item claims, in 10^-12 dollars."""
    value = item.get("costUsd")
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidInput('costUsd is a text, such as "0.0045", so that no digit is lost', path="$.costUsd")
    amount = money.parse_usd(value)
    if not 0 <= amount <= MAX_CLAIM:
        raise InvalidInput(f"costUsd '{value[:40]}' is not between 0 and 1000000", path="$.costUsd")
    return amount


def claimed_line(amount: int) -> Line:
    """The line of a cost that is only claimed."""
    rate = amount // 10 ** (money.PLACES - money.RATE_PLACES)
    return Line(unit="claimed", quantity=1, rate=rate, per=1, amount=amount, source=PriceSource.CLAIMED)


def tags(item: Mapping[str, Json]) -> dict[str, str]:
    """Tags as names and texts."""
    given = item.get("tags")
    if given is None:
        return {}
    if not is_object(given) and not is_array(given):
        raise InvalidInput("tags is an object of texts, or a list of texts", path="$.tags")
    return tags_of(cast("Mapping[str, Json]", given))


def output(item: Mapping[str, Json]) -> str | None:
    """The output as text."""
    value = item.get("output")
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def required(item: Mapping[str, Json], name: str) -> str:
    """A short text that must be there."""
    value = text(item, name)
    if value is None:
        raise InvalidInput(f"{name} is missing", path=f"$.{name}")
    return value


def text(item: Mapping[str, Json], name: str) -> str | None:
    """A short text; an empty one is none."""
    value = long(item, name)
    return short(value, name) if value else None


def long(item: Mapping[str, Json], name: str) -> str | None:
    """A text of any length."""
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{name} is a text", path=f"$.{name}")
    return value


def whole(item: Mapping[str, Json], name: str) -> int | None:
    """A whole number."""
    value = item.get(name)
    return None if value is None else _count(value, f"$.{name}")


def _count(value: Json, path: str) -> int:
    """A whole number, or the text of one, as tables have it."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise InvalidInput(f"{path[2:]} is a whole number from 0 to {MAX_COUNT}", path=path)
    return value
