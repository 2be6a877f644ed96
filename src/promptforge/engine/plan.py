"""How a chain runs, without I/O and without a clock: a generator that yields waves of steps and is sent their results.

A wave is all steps of one ``order``. Each sees the context as it was before the wave; results enter it afterwards. The
same results give the same waves, so whoever has kept the results of a chain can run it again up to where it stood.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from promptforge.core.chain import ChainDocument, OnError, Step, StepType
from promptforge.core.chain_definition import SECRET
from promptforge.core.chain_execution import SkippedStep
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType, Status
from promptforge.core.json import Json, is_object
from promptforge.engine.merge import Merge, compile_merge
from promptforge.language.condition import Condition, compile_condition
from promptforge.language.mapping import Form, compile_form, compile_mapping
from promptforge.language.reference import opening
from promptforge.language.transform import Transform, compile_transform
from promptforge.language.url import with_url

#: What of the configuration of a step is filled from the context before it is called.
_FILLED = {
    StepType.API_CALL: ("url", "headers", "body"),
    StepType.MEMORY: ("key", "value", "default"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a step. ``tag`` is what a condition activated."""

    status: Status = Status.SUCCESS
    output: Json = None
    error: str | None = None
    error_type: ErrorType | None = None
    stack_trace: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A step whose turn it is. ``input`` is what it reads; None without a mapping, which leaves it the context.

    ``problem`` says why it cannot run: its input could not be made.
    """

    step: Step
    input: Json
    context: Mapping[str, Json]
    problem: InvalidInput | None = None
    work: Callable[[Mapping[str, Json]], Result] | None = field(default=None, repr=False)

    def evaluate(self) -> Result:
        """The result of a step that needs nothing but its input (``core.chain.PURE``), or whose input is wrong."""
        if self.problem is not None:
            return _failed(self.problem)
        if self.work is None:
            raise ValueError(f"step '{self.step.name}' must be called, not evaluated")
        mapped: Mapping[str, Json] = self.input if is_object(self.input) else {}
        try:
            return self.work({**self.context, **mapped})
        except InvalidInput as error:
            return _failed(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """The steps of one order: those to run now, all at the same time, and those that are left out."""

    ready: tuple[Ready, ...]
    skipped: tuple[SkippedStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the chain ended: its output, or the step that failed it (None where the output itself could not be made)."""

    output: Json = None
    error: str | None = None
    error_type: ErrorType | None = None
    stack_trace: str | None = None
    failed: Step | None = None


@dataclass(frozen=True, slots=True)
class _Compiled:
    step: Step
    when: Condition | None
    form: Form | None
    work: Callable[[Mapping[str, Json]], Result] | None


class Plan:
    """A chain's document, compiled once; ``run`` may be called any number of times. InvalidInput names the step."""

    def __init__(self, document: ChainDocument) -> None:
        self.document = document
        self._steps = [_compiled(step) for step in sorted(document.steps, key=attrgetter("order"))]
        self._output = None if document.output is None else compile_form(document.output, "$.output")

    @property
    def secrets(self) -> frozenset[str]:
        """The names that API calls read below ``secret``."""
        forms = [compiled.form for compiled in self._steps if compiled.step.type is StepType.API_CALL]
        read = [place.steps for form in forms if form is not None for place in form.references]
        return frozenset(str(steps[1]) for steps in read if steps[0] == SECRET and len(steps) > 1)

    def run(
        self, given: Mapping[str, Json], secrets: Mapping[str, Json] | None = None
    ) -> Generator[Wave, Sequence[Result], Ending]:
        """Yield waves and take the results of their ready steps, in their order.

        *secrets* is what ``{{secret.NAME}}`` reads in an API_CALL: marks, which the caller replaces at the last moment.
        """
        context: dict[str, Json] = opening(given)
        active: set[str] = set()
        last: Json = None
        for _, group in groupby(self._steps, key=lambda compiled: compiled.step.order):
            wave = _wave(list(group), context, active, secrets or {})
            if not wave.ready:
                yield wave
                continue
            results = yield wave
            ran = list(zip((ready.step for ready in wave.ready), results, strict=True))
            for step, result in ran:
                if result.status is Status.ERROR and step.on_error is OnError.FAIL:
                    return _broken(step, result)
            for step, result in ran:
                if step.output_key is not None:
                    context[step.output_key] = result.output
                if result.tag is not None:
                    active.add(result.tag)
            outputs = {step.output_key or step.name: result.output for step, result in ran}
            last = next(iter(outputs.values())) if len(ran) == 1 else outputs
        if self._output is None:
            return Ending(output=last)
        try:
            return Ending(output=self._output.apply(context))
        except InvalidInput as error:
            return Ending(error=f"Output: {error}", error_type=ErrorType.VALIDATION)


def _wave(
    group: Sequence[_Compiled], context: Mapping[str, Json], active: set[str], secrets: Mapping[str, Json]
) -> Wave:
    ready: list[Ready] = []
    skipped: list[SkippedStep] = []
    seen = dict(context)  # a step of this wave sees nothing of another
    for compiled in group:
        step = compiled.step
        try:
            reason = _left_out(compiled, seen, active)
            if reason is not None:
                skipped.append(SkippedStep(name=step.name, order=step.order, type=step.type, reason=reason))
                continue
            ready.append(_ready(compiled, seen, secrets))
        except InvalidInput as error:
            ready.append(Ready(step=step, input=None, context=seen, problem=error))
    return Wave(ready=tuple(ready), skipped=tuple(skipped))


def _left_out(compiled: _Compiled, context: Mapping[str, Json], active: set[str]) -> str | None:
    tags = compiled.step.tags
    if tags and not active.intersection(tags):
        named = ", ".join(f"'{tag}'" for tag in tags)
        return f"the tag {named} was not activated" if len(tags) == 1 else f"none of the tags {named} was activated"
    if compiled.when is not None and not compiled.when.holds(context):
        return f"its condition does not hold: {compiled.step.when}"
    return None


def _ready(compiled: _Compiled, context: Mapping[str, Json], secrets: Mapping[str, Json]) -> Ready:
    step, given = compiled.step, compiled.form
    seen = {**context, SECRET: secrets} if step.type is StepType.API_CALL else context
    filled = None if given is None else given.apply(seen)
    return Ready(step=step, input=filled, context=context, work=compiled.work)


def _compiled(step: Step) -> _Compiled:
    try:
        when = None if step.when is None else compile_condition(step.when)
        return _Compiled(step, when, _form(step), _work(step))
    except InvalidInput as error:
        raise InvalidInput(f"Step {step.order} ({step.name}): {error}", path=error.path) from None


def _form(step: Step) -> Form | None:
    """What the step reads, filled before it runs and kept as its input."""
    filled = _FILLED.get(step.type)
    if filled is not None:
        form = compile_form({name: step.config[name] for name in filled if name in step.config}, "$.config")
        return with_url(form, "url") if step.type is StepType.API_CALL else form
    return None if step.input_mapping is None else compile_mapping(step.input_mapping).form


def _work(step: Step) -> Callable[[Mapping[str, Json]], Result] | None:
    match step.type:
        case StepType.CONDITION:
            return _Choice(
                compile_condition(str(step.config.get("condition", ""))),
                _text(step.config.get("trueTag")),
                _text(step.config.get("falseTag")),
            )
        case StepType.TRANSFORM:
            return _Giving(compile_transform(step.config))
        case StepType.MERGE:
            return _Giving(compile_merge(step.config))
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Choice:
    condition: Condition
    true_tag: str | None
    false_tag: str | None

    def __call__(self, context: Mapping[str, Json]) -> Result:
        holds = self.condition.holds(context)
        return Result(output=holds, tag=self.true_tag if holds else self.false_tag)


@dataclass(frozen=True, slots=True)
class _Giving:
    giver: Transform | Merge

    def __call__(self, context: Mapping[str, Json]) -> Result:
        return Result(output=self.giver.apply(context))


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _failed(error: InvalidInput) -> Result:
    return Result(status=Status.ERROR, error=str(error), error_type=ErrorType.VALIDATION)


def _broken(step: Step, result: Result) -> Ending:
    return Ending(
        error=f"Step {step.order} ({step.name}): {result.error}",
        error_type=result.error_type,
        stack_trace=result.stack_trace,
        failed=step,
    )
