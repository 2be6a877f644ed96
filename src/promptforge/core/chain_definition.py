"""What a chain may be, before anything is read of what its steps say: names, keys, sizes and ranges."""

import json
import re
from collections import Counter
from collections.abc import Iterator

from promptforge.core import definition
from promptforge.core.chain import ChainDocument, ChainProblem, Step, StepType, refusal
from promptforge.core.errors import InvalidInput
from promptforge.core.json import bounded, storable

MAX_NAME = 100
MAX_STEPS = 100
MAX_STEP_NAME = 60
MAX_ORDER = 10_000
MAX_TAGS = 20
MAX_TAG = 50
MAX_DOCUMENT = 500_000
MAX_TIME_MS = 24 * 60 * 60 * 1000
MAX_RETRIES = 10
MAX_VERSION = 2**31 - 1
#: What API_CALL steps read secrets from, and what every step reads the inputs from: no step may write these.
SECRET = "secret"  # noqa: S105 - the name of a root, not a secret
RESERVED = ("input", SECRET)
#: What ``config`` may hold, by type; a PROMPT has its settings beside it.
CONFIG = {
    StepType.PROMPT: (),
    StepType.API_CALL: ("method", "url", "headers", "body", "expects"),
    StepType.CONDITION: ("condition", "trueTag", "falseTag"),
    StepType.TRANSFORM: ("template", "mapping", "expression"),
    StepType.MERGE: ("strategy", "from", "separator"),
    StepType.MEMORY: ("operation", "scope", "key", "value", "default", "ttlSeconds"),
}
#: Whose config is filled from the context itself.
_FILLED = (StepType.API_CALL, StepType.MEMORY)
_KEY = re.compile(r"[^\W\d][\w-]{0,59}")
_PROMPT_ONLY = ("prompt", "version", "label")


def name(given: str) -> str:
    """The name of a chain as it is kept; other than a prompt's it stays as it was written."""
    made = given.strip()
    if not 1 <= len(made) <= MAX_NAME or not made.isprintable():
        raise InvalidInput(f"a chain's name has 1 to {MAX_NAME} characters on one line", path="$.name")
    return made


def check(document: ChainDocument) -> None:
    """InvalidInput, naming the step, for the first thing that no document may hold."""
    for problem in problems(document):
        raise refusal(document, problem)


def problems(document: ChainDocument) -> Iterator[ChainProblem]:
    """Everything that no document may hold, in the order of its steps."""
    if len(document.steps) > MAX_STEPS:
        yield _of_chain("$.steps", f"a chain takes at most {MAX_STEPS} steps, not {len(document.steps)}")
    if not 1 <= document.deadline_ms <= MAX_TIME_MS:
        yield _of_chain("$.deadlineMs", f"deadlineMs is 1 to {MAX_TIME_MS} (a day)")
    if document.max_cost is not None and not 0 <= document.max_cost < 1 << 63:
        yield _of_chain("$.maxCost", 'maxCost is an amount in US dollars, such as "0.05"')
    yield from _unkept(document)
    for n, step in enumerate(document.steps):
        for field, message in _of_step(step):
            yield ChainProblem(step=step.name, path=f"$.steps[{n}].{field}", message=message)
    names = Counter(step.name for step in document.steps)
    for n, step in enumerate(document.steps):
        if names[step.name] > 1:
            message = f"{names[step.name]} steps have the name '{step.name}': give each its own"
            yield ChainProblem(step=step.name, path=f"$.steps[{n}].name", message=message)
            names[step.name] = 0


def _of_chain(path: str, message: str) -> ChainProblem:
    return ChainProblem(step=None, path=path, message=message)


def _unkept(document: ChainDocument) -> Iterator[ChainProblem]:
    """What is too large to work with, or cannot be stored."""
    size = 0
    parts: list[tuple[str | None, str, object]] = [
        (None, "$.requiredInputs", document.required_inputs),
        (None, "$.output", document.output),
    ]
    for n, step in enumerate(document.steps):
        texts = [step.name, step.prompt, step.output_key, step.when, *step.tags]
        parts += [
            (step.name, f"$.steps[{n}]", texts),
            (step.name, f"$.steps[{n}].config", step.config),
            (step.name, f"$.steps[{n}].inputMapping", step.input_mapping),
            (step.name, f"$.steps[{n}].params", step.params),
        ]
    for name, path, part in parts:
        try:
            bounded(part, path)
            storable(part, path)
        except InvalidInput as error:
            yield ChainProblem(step=name, path=path, message=str(error))
        else:
            size += len(json.dumps(part))
    if size > MAX_DOCUMENT:
        yield _of_chain("$.steps", f"a chain takes at most {MAX_DOCUMENT} characters as JSON")


def _of_step(step: Step) -> Iterator[tuple[str, str]]:
    """The field that is wrong, and why."""
    if not 1 <= len(step.name) <= MAX_STEP_NAME or not step.name.isprintable() or step.name != step.name.strip():
        yield "name", f"a step's name has 1 to {MAX_STEP_NAME} characters on one line, without spaces around it"
    if not 0 <= step.order <= MAX_ORDER:
        yield "order", f"order is 0 to {MAX_ORDER}, not {step.order}"
    key = step.output_key
    if key in RESERVED:
        yield "outputKey", f"'{key}' is reserved and cannot be an outputKey: choose another"
    elif key is not None and not _KEY.fullmatch(key):
        yield "outputKey", "an outputKey is a letter or '_', then up to 59 letters, digits, '_' or '-'"
    if len(step.tags) > MAX_TAGS or any(not 1 <= len(tag) <= MAX_TAG for tag in step.tags):
        yield "tags", f"a step takes at most {MAX_TAGS} tags of 1 to {MAX_TAG} characters"
    if step.timeout_ms is not None and not 1 <= step.timeout_ms <= MAX_TIME_MS:
        yield "timeoutMs", f"timeoutMs is 1 to {MAX_TIME_MS} (a day)"
    if step.retries is not None and not 0 <= step.retries <= MAX_RETRIES:
        yield "retries", f"retries is 0 to {MAX_RETRIES}"
    known = CONFIG[step.type]
    for unknown in [given for given in step.config if given not in known]:
        takes = ", ".join(known) or "nothing: what it takes stands beside it"
        yield (
            f"config.{unknown[:MAX_TAG]}",
            f"unknown setting '{unknown[:MAX_TAG]}': config of {step.type} takes {takes}",
        )
    if step.type in _FILLED and step.input_mapping is not None:
        yield "inputMapping", f"{step.type} reads no inputMapping: put the references into its config"
    yield from _of_prompt(step)


def _of_prompt(step: Step) -> Iterator[tuple[str, str]]:
    if step.type is not StepType.PROMPT:
        for field in [*_PROMPT_ONLY, "params"]:
            if getattr(step, field) not in (None, {}):
                yield field, f"{field} belongs to a PROMPT step, and this one is {step.type}"
        return
    if not step.prompt:
        yield "prompt", "which prompt is missing: give its id or name as prompt (or promptId)"
    if step.version is not None and step.label is not None:
        yield "version", "choose the version by number or by label, not by both"
    if step.version is not None and not 1 <= step.version <= MAX_VERSION:
        yield "version", f"versions count from 1 to {MAX_VERSION}, there is no version {step.version}"
    try:
        definition.overrides(step.params)
        definition.provider(None, step.params)
    except InvalidInput as error:
        yield (error.path or "$.params")[2:], str(error)
