"""The tables of the history: narrow *facts* for ever, wide *payloads* until they expire.

One row of facts per execution, chain execution or adjustment (``kind``). A missing name is the empty string and a
missing version 0, because a Nullable costs a second column on every read; numbers that are summed are Nullable,
because nothing else tells zero from unknown. ``seq`` is the journal's number: it makes a reader's "as of" exact.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from promptforge.core import ids
from promptforge.core.chain_execution import StepRun
from promptforge.core.execution import Attempt, Content, Execution
from promptforge.core.filter import as_json
from promptforge.record.body import shown

FOREVER = date(2149, 6, 6)
"""What ``expires_on`` says when content is kept without end: the last date that the type can hold."""

WEEK = 7
"""Content leaves the disk a week at a time, because a partition a day would make every search visit hundreds of parts;
it is out of every answer from the day itself."""

_EPOCH = date(1970, 1, 1)
_NOTHING = Content()
_NO_TAGS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type in the table, its type on the wire, and how to get its value from an execution.

    Of a nested column (``lines.unit``) *read* takes one of the rows that *nested* names. What a chain execution has in
    it is in ``chain_rows.py``.
    """

    name: str
    type: str
    read: Callable[[Any], Any] | None = None
    wire: str = ""

    @property
    def nested(self) -> str:
        """The field of the execution that holds the rows; empty for a plain column."""
        return self.name.partition(".")[0] if "." in self.name else ""

    @property
    def sent(self) -> str:
        """The type in which values are sent; the engine makes the rest of it."""
        return self.wire or self.type.split(" CODEC")[0]


def milliseconds(moment: datetime | None) -> int | None:
    """A time as the tables hold it."""
    if moment is None:
        return None
    span = moment - _START
    return (span.days * 86_400 + span.seconds) * 1000 + span.microseconds // 1000


def moment_of(number: int) -> datetime:
    """The time back."""
    return _START + timedelta(milliseconds=number)


_START = datetime(1970, 1, 1, tzinfo=UTC)


def _kind(e: Execution) -> str:
    return "adjustment" if e.adjusts else "execution"


def _id(e: Execution) -> int:
    return number_of(e.id)


def number_of(shown: str) -> int:
    """The integer of an execution's or chain execution's id; ValueError when it is none."""
    number = ids.parse(shown.partition("_")[0], shown)
    if number is None:
        raise ValueError(f"'{shown[:60]}' is not an id")
    return number


def json_text(value: object) -> str:
    """JSON as it is stored; empty for None. The text search reads the same bytes."""
    return "" if value is None else as_json(value)


def _compact(value: object) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()


def _name(field: str) -> Callable[[Execution], str]:
    return lambda e: getattr(e, field) or ""


def _prompt(field: str) -> Callable[[Execution], str]:
    return lambda e: (getattr(e.prompt, field) or "") if e.prompt else ""


def _error_type(failed: Execution | Attempt | StepRun) -> str:
    return failed.error_type.value if failed.error_type else ""


def _content(field: str) -> Callable[[Execution], Any]:
    return lambda e: getattr(e.content or _NOTHING, field)


_LC = "LowCardinality(String)"
_LZ4 = " CODEC(LZ4)"
_MONEY = "Decimal(38, 12)"
_TIME = "DateTime64(3, 'UTC')"


def _enum(field: str) -> Callable[[Any], str]:
    """The value of an enumeration's member; ``_value_`` because the property ``value`` takes three times as long."""
    return attrgetter(f"{field}._value_")


def _short(name: str, read: Callable[[Execution], Any]) -> Column:
    return Column(name, _LC, read, "String")


_SHAPE = (
    "toUInt8((kind = 'chain') + (kind = 'adjustment') * 2 + in_chain * 4"
    " + (status = 'error') * 8 + (status = 'pending') * 16"
    " + (cost_state = 'priced') * 32 + (cost_state = 'unpriced') * 64 + (cost_state = 'unknown') * 96"
    " + (usage_source = 'estimated') * 128)"
)
"""What decides how a row counts, in one byte: figures group by it first, which is most of their speed."""

FACTS: tuple[Column, ...] = (
    Column("id", "UInt128 CODEC(LZ4)", _id),
    _short("workspace", attrgetter("workspace")),
    Column("created_at", f"{_TIME} CODEC(DoubleDelta, LZ4)", lambda e: milliseconds(e.created_at)),
    _short("kind", _kind),
    Column("in_chain", "Bool", lambda e: e.step is not None),
    _short("status", _enum("status")),
    _short("source", _enum("source")),
    _short("model", _name("model")),
    _short("provider", _name("provider")),
    _short("response_model", _name("response_model")),
    _short("prompt_id", _prompt("prompt_id")),
    _short("prompt_name", _prompt("prompt_name")),
    _short("version_id", _prompt("version_id")),
    Column("version", "UInt32 CODEC(LZ4)", lambda e: e.prompt.version if e.prompt else 0),
    _short("label", _prompt("label")),
    Column("chain_execution_id", "String CODEC(LZ4)", lambda e: e.step.chain_execution_id if e.step else ""),
    _short("chain_id", lambda e: (e.step.chain_id or "") if e.step else ""),
    _short("chain_name", lambda e: (e.step.chain_name or "") if e.step else ""),
    _short("chain_version_id", lambda _: ""),
    Column("chain_version", "UInt32", lambda e: (e.step.chain_version or 0) if e.step else 0),
    _short("step", lambda e: e.step.step if e.step else ""),
    Column("step_order", "UInt32", lambda e: e.step.order if e.step else 0),
    Column("iteration", "UInt32", lambda e: e.step.iteration if e.step else 0),
    _short("user_id", _name("user_id")),
    _short("key_id", _name("key_id")),
    _short("service", _name("service")),
    _short("end_user", _name("end_user")),
    Column("session_id", "String CODEC(LZ4)", _name("session_id")),
    Column("tags", "Map(LowCardinality(String), String) CODEC(LZ4)", attrgetter("tags"), "Map(String, String)"),
    _short("error_type", _error_type),
    _short("finish_reason", _name("finish_reason")),
    Column("started_at", f"Nullable({_TIME})", lambda e: milliseconds(e.started_at)),
    Column("latency_ms", "Nullable(Int64) CODEC(LZ4)", attrgetter("latency_ms")),
    Column("first_token_ms", "Nullable(Int64) CODEC(LZ4)", attrgetter("first_token_ms")),
    Column("token_in", "Nullable(Int64) CODEC(LZ4)", attrgetter("token_in")),
    Column("token_out", "Nullable(Int64) CODEC(LZ4)", attrgetter("token_out")),
    Column(
        "usage",
        "Map(LowCardinality(String), Int64)",
        lambda e: e.usage.leaves if e.usage else _NO_TAGS,
        "Map(String, Int64)",
    ),
    Column("usage_known", "Bool", lambda e: e.usage is not None),
    _short("usage_source", _enum("usage_source")),
    Column("cost", f"Nullable({_MONEY}) CODEC(LZ4)", attrgetter("cost")),
    _short("cost_state", _enum("cost_state")),
    Column("lines.unit", f"Array({_LC})", attrgetter("unit"), "Array(String)"),
    Column("lines.quantity", "Array(Int64)", attrgetter("quantity")),
    Column("lines.rate", "Array(Decimal(18, 6))", attrgetter("rate")),
    Column("lines.per", "Array(UInt32)", attrgetter("per")),
    Column("lines.amount", f"Array({_MONEY})", attrgetter("amount")),
    Column("lines.source", f"Array({_LC})", _enum("source"), "Array(String)"),
    Column("lines.valid_from", f"Array(Nullable({_TIME}))", lambda line: milliseconds(line.valid_from)),
    Column("lines.rounded", "Array(Bool)", attrgetter("rounded")),
    Column("lines.attempt", "Array(UInt16)", attrgetter("attempt")),
    Column("claimed", f"Nullable({_MONEY})", attrgetter("claimed")),
    Column("cached", "Bool", attrgetter("cached")),
    Column("avoided", f"Nullable({_MONEY})", attrgetter("avoided")),
    Column("attempts.number", "Array(UInt16)", attrgetter("number")),
    Column("attempts.provider", f"Array({_LC})", attrgetter("provider"), "Array(String)"),
    Column("attempts.model", f"Array({_LC})", attrgetter("model"), "Array(String)"),
    Column("attempts.offset_ms", "Array(Int64)", attrgetter("offset_ms")),
    Column("attempts.latency_ms", "Array(Int64)", attrgetter("latency_ms")),
    Column("attempts.status", f"Array({_LC})", _enum("status"), "Array(String)"),
    Column(
        "attempts.error_type",
        f"Array({_LC})",
        _error_type,
        "Array(String)",
    ),
    Column("attempts.http_status", "Array(UInt16)", lambda attempt: attempt.http_status or 0),
    Column("attempts.request_id", "Array(String)", lambda attempt: attempt.request_id or ""),
    Column("steps.order", "Array(UInt32)", attrgetter("order")),
    Column("steps.name", f"Array({_LC})", attrgetter("name"), "Array(String)"),
    Column("steps.type", f"Array({_LC})", _enum("type"), "Array(String)"),
    Column("steps.status", f"Array({_LC})", _enum("status"), "Array(String)"),
    Column("steps.latency_ms", "Array(Nullable(Int64))", attrgetter("latency_ms")),
    Column("steps.error_type", f"Array({_LC})", _error_type, "Array(String)"),
    Column("steps.execution", "Array(UInt128)", lambda step: number_of(step.execution_id) if step.execution_id else 0),
    Column("streamed", "Bool", attrgetter("streamed")),
    Column("adjusts", "UInt128", lambda e: number_of(e.adjusts) if e.adjusts else 0),
    Column("recorded_at", _TIME, lambda e: milliseconds(e.recorded_at or e.created_at)),
    Column("expires_on", "Date", lambda e: ((e.expires_on or FOREVER) - _EPOCH).days),
    Column("input_hash", "UInt64", attrgetter("input_hash")),
    Column("output_hash", "UInt64", attrgetter("output_hash")),
    Column("input_chars", "UInt64", attrgetter("input_chars")),
    Column("output_chars", "UInt64", attrgetter("output_chars")),
    Column("shape", f"UInt8 MATERIALIZED {_SHAPE} CODEC(LZ4)"),
    # one column to show a row by, since reading sixty costs more than finding the row
    Column("shown", "String CODEC(ZSTD(1))", shown),
    Column("seq", "UInt64 CODEC(Delta, LZ4)"),
    Column("batch", "UInt64 CODEC(Delta, LZ4)"),
)

_TEXT = " CODEC(ZSTD(1))"

PAYLOADS: tuple[Column, ...] = (
    Column("id", "UInt128 CODEC(LZ4)", _id),
    _short("workspace", attrgetter("workspace")),
    Column("created_at", f"{_TIME} CODEC(DoubleDelta, LZ4)", lambda e: milliseconds(e.created_at)),
    Column("expires_on", "Date", lambda e: ((e.expires_on or FOREVER) - _EPOCH).days),
    Column("input", f"String{_TEXT}", lambda e: json_text((e.content or _NOTHING).input)),
    Column("request", f"String{_TEXT}", lambda e: _compact((e.content or _NOTHING).request)),
    Column("output", f"Nullable(String){_TEXT}", _content("output")),
    Column("error", f"Nullable(String){_TEXT}", _content("error")),
    Column("stack_trace", f"Nullable(String){_TEXT}", _content("stack_trace")),
    Column("usage_raw", f"String{_TEXT}", lambda e: _compact((e.content or _NOTHING).usage_raw)),
    Column("metadata", f"String{_TEXT}", lambda e: _compact((e.content or _NOTHING).metadata)),
    Column("attempt_errors", f"Array(String){_TEXT}", _content("attempt_errors")),
    Column("steps", f"String{_TEXT}", lambda _: ""),
    Column("batch", "UInt64 CODEC(Delta, LZ4)"),
)

SEARCHED = (
    r"lower(concat(replaceRegexpAll(input, '\\\\(u[0-9a-fA-F]{4}|.)', ' '), ' ', "
    "ifNull(output, ''), ' ', ifNull(error, '')))"
)
"""The text that the search looks into; ``core.filter.searched`` says the same in Python. Fixed: it is in the index."""


def _columns(columns: tuple[Column, ...]) -> str:
    return ",\n  ".join(f"`{column.name}` {column.type}" for column in columns)


QUARTER = "toStartOfFifteenMinutes(created_at)"
"""Every time zone's midnight is the start of one."""
ROLLED = ("shape", "error_type", "prompt_id", "prompt_name", "provider", "model")
SUMS = "count(), sum(latency_ms), count(latency_ms), sum(token_in), sum(token_out), sum(cost)"
"""With these the engine keeps sums per quarter of an hour in each part, and takes them where a question allows."""

_ORDER = "ORDER BY (workspace, created_at, id)"
_COMMON = "min_rows_to_fsync_after_merge = 1, fsync_after_insert = 1, fsync_part_directory = 1"

_FACTS_1 = f"""CREATE TABLE IF NOT EXISTS facts (
  {_columns(FACTS)},
  INDEX session_id session_id TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX end_user end_user TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX chain_execution_id chain_execution_id TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX tag_keys mapKeys(tags) TYPE bloom_filter(0.01) GRANULARITY 4,
  INDEX tag_values mapValues(tags) TYPE bloom_filter(0.01) GRANULARITY 4,
  PROJECTION quarters (
    SELECT workspace, {QUARTER}, {", ".join(ROLLED)}, {SUMS} GROUP BY workspace, {QUARTER}, {", ".join(ROLLED)}
  )
) ENGINE = MergeTree {_ORDER}
SETTINGS index_granularity = 2048, {_COMMON}"""

_PAYLOADS_1 = f"""CREATE TABLE IF NOT EXISTS payloads (
  {_columns(PAYLOADS)},
  INDEX words ({SEARCHED}) TYPE text(tokenizer = splitByNonAlpha)
) ENGINE = MergeTree PARTITION BY toMonday(expires_on) {_ORDER}
SETTINGS index_granularity = 128, {_COMMON}"""

_ABOUT_1 = f"""CREATE TABLE IF NOT EXISTS about (name String, value String)
ENGINE = MergeTree ORDER BY name SETTINGS {_COMMON}"""

Run = Callable[[str], None]
"""Has the engine carry out a statement."""


def _first(run: Run) -> None:
    for statement in (_FACTS_1, _PAYLOADS_1, _ABOUT_1):
        run(statement)


CHANGES: tuple[Callable[[Run], None], ...] = (_first,)
"""How the tables came to be, in order; only ever added to. The engine has no transactions: a change that was cut short
runs again from its start, so each of its statements must be harmless a second time (IF NOT EXISTS, IF EXISTS). And a
new home is made with the columns of today, which a later change then finds there."""

TABLES: tuple[str, ...] = ("payloads", "facts")
"""Every table of what was recorded, content before figures. Each row has ``id``, ``workspace`` and ``batch``: what
goes through a whole history (sizes, backup, removal of a workspace) goes through these."""
