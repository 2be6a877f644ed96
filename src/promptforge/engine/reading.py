"""One step by itself: whether everything it says can be read, and what it reads of the context.

Whatever passes here can be compiled by ``plan.py``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from promptforge.core.chain import Step, StepType
from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_object, kind
from promptforge.engine.merge import compile_merge
from promptforge.language.condition import compile_condition
from promptforge.language.mapping import compile_form, compile_mapping
from promptforge.language.reference import Reference
from promptforge.language.template import parse
from promptforge.language.transform import compile_transform

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OPERATIONS = ("read", "write", "append")
MAX_SECONDS = 10 * 366 * 86_400
#: Scheme and host, and what ends them; a name before the host would be a credential.
_ORIGIN = re.compile(r"https?://[^\s/?#@\\]+(?:[/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Read:
    """A place that a step reads. ``strict``: the step fails when nothing is there; otherwise that is null or left out.

    ``path`` is where it stands in the step.
    """

    reference: Reference
    path: str
    strict: bool = True


@dataclass(slots=True)
class Reading:
    """What a step reads, and what of it cannot be read: pairs of a path in the step and a sentence."""

    reads: list[Read] = field(default_factory=list[Read])
    problems: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def take(self, path: str, compiled: Callable[[], tuple[Reference, ...]], *, strict: bool = True) -> None:
        """Note the references, or why there are none."""
        try:
            self.reads += [Read(reference, path, strict) for reference in compiled()]
        except InvalidInput as error:
            inside = (error.path or "$")[2:]
            self.problems.append((inside or path, str(error)))


def examine(step: Step) -> Reading:
    """Read all that a step says."""
    reading = Reading()
    if (when := step.when) is not None:
        reading.take("when", lambda: compile_condition(when, "$.when").references, strict=False)
    if step.input_mapping is not None:
        reading.take("inputMapping", lambda: compile_mapping(step.input_mapping).references)
    match step.type:
        case StepType.CONDITION:
            _condition(step.config, reading)
        case StepType.TRANSFORM:
            _transform(step.config, reading)
        case StepType.MERGE:
            reading.take("config.from", lambda: compile_merge(step.config).references, strict=False)
        case StepType.API_CALL:
            reading.problems += _api_call(step.config)
            _forms(step.config, ("url", "headers", "body"), reading)
        case StepType.MEMORY:
            reading.problems += _memory(step.config)
            _forms(step.config, ("key", "value", "default"), reading)
        case StepType.PROMPT:
            pass
    return reading


def _condition(config: Mapping[str, Json], reading: Reading) -> None:
    given = config.get("condition")
    if isinstance(given, str) and given.strip():
        reading.take("config.condition", lambda: compile_condition(given).references, strict=False)
    else:
        says = "config.condition is missing: write one such as {{mood}} == 'Negative'"
        reading.problems.append(("config.condition", says))
    for name in ("trueTag", "falseTag"):
        tag = config.get(name)
        if tag is not None and not (isinstance(tag, str) and 1 <= len(tag) <= 50):
            reading.problems.append((f"config.{name}", f"{name} is a tag of 1 to 50 characters, not {kind(tag)}"))


def _transform(config: Mapping[str, Json], reading: Reading) -> None:
    path = "config" if len(config) != 1 else f"config.{next(iter(config))}"
    reading.take(path, lambda: compile_transform(config).references, strict="expression" not in config)


def _forms(config: Mapping[str, Json], names: tuple[str, ...], reading: Reading) -> None:
    for name in names:
        if name in config:
            path = f"config.{name}"
            reading.take(path, lambda value=config[name], path=path: compile_form(value, f"$.{path}").references)


def _api_call(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    method = config.get("method", "GET")
    if not isinstance(method, str) or method.upper() not in METHODS:
        yield "config.method", f"method must be one of {', '.join(METHODS)}"
    url = config.get("url")
    if not isinstance(url, str) or not url:
        yield "config.url", 'config.url is missing: write one such as "https://api.example.com/orders/{{order.id}}"'
    elif not _is_destination(url):
        says = "a url begins with http:// or https:// and the whole host, both written out: "
        yield "config.url", says + "references may only stand after them, and credentials in headers"
    headers = config.get("headers", {})
    if not is_object(headers) or not all(isinstance(value, str | int | float) for value in headers.values()):
        yield "config.headers", 'headers must be an object of texts, such as {"x-team": "support"}'
    if config.get("expects", "json") not in ("json", "text"):
        yield "config.expects", "expects must be json (parsed where it is JSON) or text"


def _is_destination(url: str) -> bool:
    try:
        parts = parse(url).parts
    except InvalidInput:
        return True  # that is said already
    origin = _ORIGIN.match(parts[0]) if parts and isinstance(parts[0], str) else None
    return origin is not None and (len(parts) == 1 or origin[0][-1] in "/?#")


def _memory(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    operation = config.get("operation")
    if operation not in OPERATIONS:
        yield "config.operation", f"operation must be one of {', '.join(OPERATIONS)}"
    if config.get("scope", "chain") not in ("chain", "user"):
        yield "config.scope", "scope must be chain or user (the end user of the run)"
    key = config.get("key")
    if not isinstance(key, str) or not key.strip():
        yield "config.key", "config.key is missing: name what is remembered, such as last_order"
    if operation in ("write", "append") and "value" not in config:
        yield "config.value", f"config.value is missing: say what to {operation}"
    for unused in [name for name in ("value", "ttlSeconds") if operation == "read" and name in config]:
        yield f"config.{unused}", f"{unused} means nothing when operation is read"
    seconds = config.get("ttlSeconds")
    if seconds is not None and not (isinstance(seconds, int) and not isinstance(seconds, bool)):
        yield "config.ttlSeconds", f"ttlSeconds is a whole number of seconds, not {kind(seconds)}"
    elif isinstance(seconds, int) and not 1 <= seconds <= MAX_SECONDS:
        yield "config.ttlSeconds", f"ttlSeconds is 1 to {MAX_SECONDS} (ten years)"
