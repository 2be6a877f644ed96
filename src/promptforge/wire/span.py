"""The meaning of a span: ``Told`` to ``core.span.Span``, by the table in ``wire/conventions``.

One look into the table for each attribute sorts it into a bucket; what a span does not tell costs nothing. This runs
for every span that arrives, so what is rare is asked last.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

import msgspec

from promptforge.core import money
from promptforge.core.json import MAX_NAME, Json, is_array, is_object
from promptforge.core.span import Span
from promptforge.wire import conventions, messages
from promptforge.wire.conventions import CALLS_MODEL, COUNTS, FAMILIES, TABLE, TAGS
from promptforge.wire.messages import Message, Numbered
from promptforge.wire.openai import USUAL_TIERS
from promptforge.wire.span_error import failing
from promptforge.wire.span_usage import usage_of
from promptforge.wire.told import Happening, Told, text

#: Of a name, an id, a tag: as much as the record takes.
MAX_SHORT = 256
MAX_TAGS = 32
#: Of what no convention knows: how many attributes are kept, and how much of each.
MAX_LEFT = 100
MAX_LEFT_SIZE = 8_000
MAX_CLAIM = 1_000_000 * 10**money.PLACES
MAX_SECONDS = 10**6
VERSION = re.compile(r"v?([0-9]{1,9})", re.IGNORECASE)
#: Of an invocation's parameters: what stands elsewhere in the record.
NOT_PARAMS = ("model", "model_name", "messages", "input", "prompt", "system", "stream", "instructions", "contents")
#: Facts that are called as the span's fields, and are names or ids.
PLAIN = frozenset({"model", "response_model", "request_id", "end_user", "session_id", "prompt_name"})
#: Facts that ``_rest`` looks at.
RARE = frozenset(
    {
        *("finish_reasons", "streamed", "first_token_seconds", "other_session_id", "prompt_version", "claimed"),
        *("service_tier", "metadata", "tags", "output_type"),
    }
)
Facts = dict[str, Json]


def span_of(told: Told) -> Span:
    """What a span tells, in the record's words."""
    reading = _Reading()
    for happening in told.happenings:
        reading.happening(happening)
    reading.attributes(told.attributes)
    current, previous, openinference, params, tags, _, counts, other_counts = reading.buckets
    facts = {**openinference, **previous, **current}
    calls_model, embeds = _kind(facts, counts)
    span = Span(
        trace_id=told.trace_id,
        span_id=told.span_id,
        parent_id=told.parent_id,
        name=told.name[:MAX_SHORT],
        started_ns=told.started_ns,
        ended_ns=max(told.started_ns, told.ended_ns),
        calls_model=calls_model,
        service=told.service,
        scope=told.scope,
        provider=_provider(facts),
        response_model=_short(facts.get("used_model")),
        usage=usage_of(counts, other_counts, embeds=embeds) if reading.raw else None,
        usage_raw=reading.raw or None,
        params=params,
        terms={},
        tags={},
    )
    for name in facts.keys() & PLAIN:
        setattr(span, name, _short(facts[name]))
    if "params" in facts or "tools" in params or "tools" in reading.numbered:
        _params(span, reading, facts, params)
    span.model = span.model or span.response_model
    _content(span, reading, facts, embeds=embeds)
    if reading.left or reading.first_token_ns is not None or tags or not RARE.isdisjoint(facts):
        _rest(span, reading, facts, tags)
    if told.status == 2 or "error_type" in facts or "exception_type" in facts:
        _failure(span, told, facts)
    return span


class _Reading:
    """One span while it is read: its facts by bucket, its messages by number and by event, and what is left."""

    __slots__ = ("answers", "buckets", "first_token_ns", "left", "numbered", "raw", "turns")

    def __init__(self) -> None:
        self.buckets: tuple[Facts, ...] = ({}, {}, {}, {}, {}, {}, {}, {})
        self.raw: Facts = {}
        self.left: Facts = {}
        self.numbered: dict[str, Numbered] = {}
        self.turns: list[Message] = []
        self.answers: list[Message] = []
        self.first_token_ns: int | None = None

    def attributes(self, told: Mapping[str, Json]) -> None:
        """Sort attributes into the buckets."""
        buckets, raw = self.buckets, self.raw
        for name, value in told.items():
            row = TABLE.get(name)
            if value is None:  # an attribute without a value says nothing
                continue
            if row is not None:
                bucket, fact = row
                buckets[bucket][fact] = value
                if bucket >= COUNTS:
                    raw[name] = value
            elif not self._family(name, value):
                self.left[name] = value

    def _family(self, name: str, value: Json) -> bool:
        """Take an attribute whose name holds a number or a word of the program's own; whether it is one."""
        first, _, rest = name.partition(".")
        second, _, rest = rest.partition(".")
        family = FAMILIES.get(f"{first}.{second}") if rest else None
        if family is None:
            return False
        if family == "count":
            if len(self.raw) < MAX_LEFT:
                self.raw[text(name)[:MAX_NAME]] = _bounded(value)
        elif family == "tag":
            self.buckets[TAGS][rest.removeprefix("properties.")] = value
        else:
            return messages.gather(self.numbered.setdefault(family, {}), rest, value)
        return True

    def happening(self, happening: Happening) -> None:
        """Take in what happened within the span."""
        name, said = happening.name, happening.attributes
        if name == "exception":
            self.attributes({key: value for key, value in said.items() if key in TABLE})
        elif name in conventions.DETAIL_EVENTS:
            self.attributes(said)
        elif (role := conventions.MESSAGE_EVENTS.get(name)) is not None:
            turn = messages.of_event(said, role)
            if turn is not None and len(self.turns) + len(self.answers) < messages.MAX_MESSAGES:
                (self.answers if role == "choice" else self.turns).append(turn)
        elif name in conventions.FIRST_TOKEN_EVENTS and self.first_token_ns is None:
            self.first_token_ns = happening.at_ns

    def listed(self, family: str, role: str) -> list[Message]:
        """The numbered messages of a family."""
        return messages.assembled(self.numbered[family], role) if family in self.numbered else []


def _kind(facts: Facts, counts: Facts) -> tuple[bool, bool]:
    """Whether it is a call of a model, and one that embeds; the first kind that is known decides."""
    for name, known in CALLS_MODEL.items():
        kind = facts.get(name)
        if isinstance(kind, str) and (calls := known.get(kind)) is not None:
            return calls, kind in conventions.EMBEDS
    # Older programs name no kind; a model and who runs it, or tokens, are named only where one is called.
    return ("model" in facts or "used_model" in facts) and ("provider" in facts or bool(counts)), False


def _provider(facts: Facts) -> str | None:
    said = _short(facts.get("provider") or facts.get("other_provider"))
    if said is None:
        return None
    lower = said.lower()
    return conventions.PROVIDERS.get(lower, lower)


def _params(span: Span, reading: _Reading, facts: Facts, told: Facts) -> None:
    """What the model was asked for beside the messages, where it is told as JSON; with it the model asked for."""
    said = messages.decoded(facts.get("params"))
    if is_object(said):
        told = {**{name: value for name, value in said.items() if name not in NOT_PARAMS and value is not None}, **told}
        span.model = span.model or _short(said.get("model"))
        span.streamed = span.streamed or said.get("stream") is True
    if "tools" in reading.numbered:
        told["tools"] = [messages.decoded(each["content"]) for each in reading.listed("tools", "")]
    elif "tools" in told:
        told["tools"] = messages.decoded(told["tools"])
    span.params = told


def _content(span: Span, reading: _Reading, facts: Facts, *, embeds: bool) -> None:
    """Fill in what went in and what came out."""
    given = messages.messages(facts["input_messages"], "user") if "input_messages" in facts else None
    given = given or reading.listed("input", "user") or reading.turns
    if "instructions" in facts:
        system = messages.messages(facts["instructions"], "system") or _instructions(facts["instructions"])
        given = [*system, *given]
    if given:
        span.input = messages.readable(given)
    elif "texts" in reading.numbered:
        texts = [each["content"] for each in reading.listed("texts", "user")]
        span.input = texts[0] if len(texts) == 1 else texts
    else:
        span.input = _given(facts)
    if embeds:
        return
    told = messages.messages(facts["output_messages"], "assistant") if "output_messages" in facts else None
    answer = messages.answer(told or reading.listed("output", "assistant") or reading.answers)
    if answer is not None:
        span.output, span.finish_reason = answer.text, span.finish_reason or answer.finish_reason
    else:
        span.output = _words(facts.get("output_messages", facts.get("output_value")))


def _instructions(value: Json) -> list[Message]:
    """The system's message out of its parts, or out of a plain text."""
    found = messages.decoded(value)
    told = messages.message({"role": "system", "parts": found if is_array(found) else [found]}, "system")
    return [told] if told else []


def _given(facts: Facts) -> Json:
    """What a span says went in, where it says so as one value."""
    said = facts.get("input_messages", facts.get("input_value"))
    if facts.get("input_type") != "application/json":
        return said
    found = messages.decoded(said)
    if is_object(found) and (given := messages.messages(found.get("messages"), "user")):
        return messages.readable(given)
    return found


def _words(value: Json) -> str | None:
    return value if isinstance(value, str) or value is None else msgspec.json.encode(value).decode()


def _failure(span: Span, told: Told, facts: Facts) -> None:
    how = failing(told, facts, calls_model=span.calls_model)
    if how is None:
        return
    span.failed = True
    span.error_type, span.error, span.stack_trace = how
    span.output = span.output or None
    if "response_model" not in facts:  # the only model that it names is the one that was asked for
        span.response_model = None
    if span.finish_reason is None:  # what was counted when a stream was cut is not what it used
        span.usage = None


def _rest(span: Span, reading: _Reading, facts: Facts, tags: Facts) -> None:
    """Fill in what few spans tell."""
    span.session_id = span.session_id or _short(facts.get("other_session_id"))
    span.finish_reason = _finish_reason(facts.get("finish_reasons")) or span.finish_reason
    span.streamed = span.streamed or facts.get("streamed") is True
    if reading.first_token_ns is not None:
        span.streamed = True
        span.first_token_ms = max(0, reading.first_token_ns - span.started_ns) // 1_000_000
    seconds = facts.get("first_token_seconds")
    if isinstance(seconds, int | float) and 0 <= seconds < MAX_SECONDS:
        span.first_token_ms = round(seconds * 1000)
    if "prompt_version" in facts and (version := VERSION.fullmatch(str(facts["prompt_version"]))):
        span.prompt_version = int(version[1])
    if "claimed" in facts:
        span.claimed = _claim(facts["claimed"])
    if tags or "tags" in facts:
        span.tags = _tags(span, tags, facts.get("tags"))
    if facts.get("output_type") == "application/json" and isinstance(answer := facts.get("output_value"), str):
        _raw_answer(span, answer, facts)
    if "service_tier" in facts:
        span.terms = _terms(facts["service_tier"])
    if reading.left or "metadata" in facts:
        span.metadata = _metadata(reading.left, facts) or None


def _raw_answer(span: Span, answer: str, facts: Facts) -> None:
    """Take from a provider's whole answer what its attributes lack: the id, by which the same call is known again."""
    if span.request_id is None and (found := conventions.RESPONSE_ID.search(answer)):
        span.request_id = found[1]
    if "service_tier" not in facts and (found := conventions.SERVICE_TIER.search(answer)):
        facts["service_tier"] = found[1]


def _terms(tier: Json) -> dict[str, str]:
    """What the provider billed by beside the model, where it was not the usual."""
    if not isinstance(tier, str) or tier in USUAL_TIERS:
        return {}
    return {"processing": "batch"} if tier == "batch" else {"service_tier": tier[:MAX_SHORT]}


def _claim(value: Json) -> int | None:
    """A cost in dollars as 10^-12 dollars. The number of the protocol is a float: what it prints is what it says."""
    try:
        usd = Decimal(str(value)) if isinstance(value, int | float | str) else Decimal("NaN")
        claimed = int(usd.scaleb(money.PLACES).to_integral_value(ROUND_HALF_EVEN))
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return claimed if 0 <= claimed <= MAX_CLAIM else None


def _tags(span: Span, own: Facts, names: Json) -> dict[str, str]:
    """The program's own tags; those that say who and in which session are that."""
    tags = {name[:MAX_SHORT]: "" for name in names if isinstance(name, str)} if is_array(names) else {}
    for name, value in own.items():
        word = _short(value)
        if word is None:
            continue
        if name in ("session_id", "session.id"):
            span.session_id = span.session_id or word
        elif name in ("user_id", "user.id"):
            span.end_user = span.end_user or word
        else:
            tags[text(name)[:MAX_SHORT]] = word
    return dict(list(tags.items())[:MAX_TAGS])


def _metadata(left: Facts, facts: Facts) -> Facts:
    """What the program wrote as metadata, and what no convention knows; bounded, and flat."""
    said = messages.decoded(facts.get("metadata"))
    told = {**said} if is_object(said) else {} if said is None else {"metadata": said}
    told |= left
    return {text(name)[:MAX_NAME]: _bounded(value) for name, value in list(told.items())[:MAX_LEFT]}


def _bounded(value: Json) -> Json:
    if isinstance(value, bool | int | float | None) or (isinstance(value, str) and len(value) <= MAX_LEFT_SIZE):
        return value
    written = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return value if len(written) <= MAX_LEFT_SIZE else f"{written[: MAX_LEFT_SIZE - 1]}…"


def _finish_reason(value: Json) -> str | None:
    return _short(value[0]) if is_array(value) and value else _short(value)


def _short(value: Json) -> str | None:
    """A name or an id: a text of at most as many characters as the record takes."""
    if isinstance(value, str):
        return value[:MAX_SHORT] or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
