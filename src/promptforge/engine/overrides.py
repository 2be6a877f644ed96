"""Changes to a chain for one run: steps with other prompts and parameters, and steps taken over from an earlier run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from promptforge.core.chain import ChainDocument, Step, StepType
from promptforge.core.chain_execution import StepRun
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import CostState, Status
from promptforge.core.json import Json, is_object

_FIELDS = ("label", "params", "prompt", "version")


def overridden(document: ChainDocument, overrides: Mapping[str, Json]) -> ChainDocument:
    """The document with PROMPT steps changed: ``{"classify": {"version": 4, "params": {"temperature": 0}}}``.

    InvalidInput for a step that is not there, or for what cannot be changed.
    """
    known = {step.name: step for step in document.steps}
    for name, given in overrides.items():
        step, where = known.get(name), f"$.overrides.{name}"
        if step is None or step.type is not StepType.PROMPT:
            there = ", ".join(each.name for each in document.steps if each.type is StepType.PROMPT) or "none"
            raise InvalidInput(f"there is no PROMPT step '{name[:60]}' to override; there are: {there}", path=where)
        if not is_object(given) or not set(given) <= set(_FIELDS):
            raise InvalidInput(f"the overrides of a step are an object of {', '.join(_FIELDS)}", path=where)
        known[name] = _changed(step, given, where)
    return replace(document, steps=tuple(known.values()))


def _changed(step: Step, given: Mapping[str, Json], where: str) -> Step:
    version, label, params, prompt = (given.get(name) for name in ("version", "label", "params", "prompt"))
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise InvalidInput("version must be a whole number", path=f"{where}.version")
    if params is not None and not is_object(params):
        raise InvalidInput("params must be an object", path=f"{where}.params")
    for name, text in (("label", label), ("prompt", prompt)):
        if text is not None and not isinstance(text, str):
            raise InvalidInput(f"{name} must be a text", path=f"{where}.{name}")
    chosen = version is not None or label is not None or prompt is not None
    return replace(
        step,
        prompt=step.prompt if prompt is None else str(prompt),
        version=version if chosen else step.version,
        label=(None if label is None else str(label)) if chosen else step.label,
        params={**step.params, **(params or {})},
    )


def taken_over(ran: Sequence[StepRun], document: ChainDocument, from_step: str, source: str) -> tuple[StepRun, ...]:
    """The steps of the run *source* that a fork does not run again: what succeeded before *from_step*, or beside it.

    They cost nothing again. InvalidInput when the document has no step of that name or id.
    """
    start = next((step for step in document.steps if from_step in (step.name, step.id)), None)
    if start is None:
        names = ", ".join(step.name for step in document.steps)
        raise InvalidInput(
            f"there is no step '{from_step[:60]}' in this version; there are: {names}", path="$.fromStep"
        )
    there = {step.name: step for step in document.steps if step.order <= start.order and step is not start}
    return tuple(
        _free(replace(step, order=there[step.name].order), source)
        for step in ran
        if step.name in there and there[step.name].type is step.type and step.status is Status.SUCCESS
    )


def _free(step: StepRun, source: str) -> StepRun:
    return replace(
        step,
        offset_ms=0,
        latency_ms=0,
        cost=0,
        cost_state=CostState.PRICED,
        token_in=0,
        token_out=0,
        attempts=(),
        reused_from=step.reused_from or source,
    )
