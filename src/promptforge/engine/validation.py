"""Whether a chain can run, worked out before it does: every problem of a document, each at its step.

An error would fail a run, or can only be a slip; a warning may be meant so. What nothing declares (an input without
``requiredInputs``) cannot be proved, so reading it is a warning.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from promptforge.core import chain_definition
from promptforge.core.chain import ChainDocument, ChainProblem, Severity, Step, StepType, refusal
from promptforge.core.chain_definition import SECRET
from promptforge.core.errors import InvalidInput
from promptforge.core.prompt import PromptVersion
from promptforge.engine.reading import Read, Reading, examine
from promptforge.language.mapping import compile_form
from promptforge.language.prompt import accepted, needed
from promptforge.language.reference import INPUT, Reference
from promptforge.language.schema import check_schema, defaulted, names, required

#: What bounds a call, by the names of the providers: with a ceiling of cost a step needs one of them.
_MOST_TOKENS = {"max_tokens", "max_completion_tokens", "max_output_tokens"}


def check_readable(document: ChainDocument) -> None:
    """InvalidInput, naming the step, for what could never be read, whatever else the chain will hold."""
    for problem in unreadable(document):
        raise refusal(document, problem)


def unreadable(document: ChainDocument) -> Iterator[ChainProblem]:
    """What no document may hold, and what in it is of no language."""
    yield from chain_definition.problems(document)
    if document.required_inputs is not None:
        try:
            check_schema(document.required_inputs)
        except InvalidInput as error:  # the language speaks of a prompt's schema
            path = (error.path or "").replace("inputSchema", "requiredInputs", 1)
            message = str(error).replace("inputSchema", "requiredInputs")
            yield ChainProblem(step=None, path=path, message=message)
    for n, step in enumerate(document.steps):
        for path, message in examine(step).problems:
            yield ChainProblem(step=step.name, path=f"$.steps[{n}].{path}", message=message)
    try:
        compile_form(document.output, "$.output")
    except InvalidInput as error:
        yield ChainProblem(step=None, path=error.path or "$.output", message=str(error))


def problems(document: ChainDocument, versions: Mapping[str, PromptVersion]) -> list[ChainProblem]:
    """All that is wrong with a document that can be read; *versions* are those of its PROMPT steps, by step name.

    A step whose version is not there is not held against its prompt: somebody else says why.
    """
    found = list(unreadable(document))
    if not document.steps:
        says = "a chain needs at least one step before it can run: add one first"
        found.append(ChainProblem(step=None, path="$.steps", message=says))
    return found or [*_Flow(document, versions).problems()]


@dataclass(frozen=True, slots=True)
class _Place:
    """A step, or the chain's output, which comes after all steps."""

    step: Step | None
    path: str
    order: int

    def problem(self, path: str, message: str, severity: Severity = Severity.ERROR) -> ChainProblem:
        return ChainProblem(
            step=self.step.name if self.step else None,
            path=f"{self.path}.{path}" if path else self.path,
            message=message,
            severity=severity,
        )


class _Flow:
    """What is in the context when, and which tags can be active."""

    def __init__(self, document: ChainDocument, versions: Mapping[str, PromptVersion]) -> None:
        self._document = document
        self._versions = versions
        schema = document.required_inputs
        self._inputs = None if schema is None else names(schema)
        self._given = frozenset(required(schema)) | defaulted(schema)
        self._writers: dict[str, list[Step]] = {}
        for step in document.steps:
            if step.output_key is not None:
                self._writers.setdefault(step.output_key, []).append(step)
        self._reached = _reached(document.steps)

    def problems(self) -> Iterator[ChainProblem]:
        """In the order of the steps, the chain's output last."""
        if SECRET in (self._inputs or ()):
            says = f"an input cannot be called '{SECRET}': API calls read the workspace's secrets under that name"
            yield ChainProblem(step=None, path="$.requiredInputs", message=says)
        for n, step in enumerate(self._document.steps):
            place = _Place(step, f"$.steps[{n}]", step.order)
            yield from self._tags(place, step)
            reading = examine(step)
            yield from self._reads(place, reading)
            if step.type is StepType.PROMPT and step.name in self._versions:
                yield from self._variables(place, step, self._versions[step.name])
        if self._document.output is not None:
            place = _Place(None, "$.output", chain_definition.MAX_ORDER + 1)
            references = compile_form(self._document.output, "$.output").references
            yield from self._reads(place, Reading([Read(reference, "") for reference in references]))

    # ── tags ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tags(self, place: _Place, step: Step) -> Iterator[ChainProblem]:
        if step.tags and step.name not in self._reached:
            named = " and ".join(f"'{tag}'" for tag in step.tags)
            later = [one for one in self._document.steps if set(_tags_of(one)) & set(step.tags)]
            why = "no CONDITION activates it"
            if later:
                why = f"only '{later[0].name}' (order {later[0].order}) activates it, and "
                why += (
                    "it does not run before this step" if later[0].name in self._reached else "it can never run itself"
                )
            yield place.problem("tags", f"this step can never run: it waits for the tag {named}, and {why}")
        if step.type is StepType.CONDITION:
            waiting = {tag for one in self._document.steps if one.order > step.order for tag in one.tags}
            tags = _tags_of(step)
            for tag in [tag for tag in tags if tag not in waiting]:
                says = f"it activates the tag '{tag}', and no later step waits for it"
                yield place.problem("config", says, Severity.WARNING)
            if not tags and step.output_key is None:
                says = "it decides nothing: give it a trueTag, a falseTag or an outputKey"
                yield place.problem("config", says, Severity.WARNING)

    # ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────

    def _reads(self, place: _Place, reading: Reading) -> Iterator[ChainProblem]:
        mapped = place.step.input_mapping or {} if place.step else {}
        for read in reading.reads:
            if read.reference.root in mapped and read.path.startswith("config"):
                continue  # what a mapping gives hides what the context has
            found = self._unfed(place, read.reference, strict=read.strict)
            if found is not None:
                message, severity = found
                yield place.problem(read.path, message, severity)

    def _unfed(self, place: _Place, reference: Reference, *, strict: bool) -> tuple[str, Severity] | None:
        """Why nothing may be at the reference when the step reads it."""
        root = reference.root
        if root == SECRET:
            return _of_secret(place, reference)
        writers = self._writers.get(root, [])
        before = [step for step in writers if step.order < place.order and step.name in self._reached]
        if any(self._certain(step, place) for step in before) or self._covered(before):
            return None
        if root == INPUT and INPUT not in (self._inputs or ()):
            if len(reference.steps) == 1:
                return None
            return self._no_input(str(reference.steps[1]), reference, strict=strict)
        if root in (self._inputs or ()):
            return self._no_input(root, reference, strict=strict)
        if before:
            named = " or ".join(f"'{step.name}'" for step in before)
            says = f"{reference}: only {named} writes '{root}', which may not run: nothing would be there"
            return (says, Severity.WARNING) if strict else None
        if writers:
            return self._too_late(place, reference, writers)
        return self._no_input(root, reference, strict=strict)

    def _no_input(self, name: str, reference: Reference, *, strict: bool) -> tuple[str, Severity] | None:
        """Why the input may not be there."""
        if name in self._given:
            return None
        if self._inputs is None:
            says = f"{reference}: nothing says that '{name}' is given: name it in requiredInputs to be sure"
            return says, Severity.WARNING
        if name in self._inputs:
            says = f"{reference}: the input '{name}' is neither required nor has it a default: it may be missing"
            return (says, Severity.WARNING) if strict else None
        known = ", ".join(sorted({*self._inputs, *self._writers})) or "nothing"
        says = f"{reference}: no input and no outputKey is called '{name[:60]}'; there is {known[:300]}"
        return says, Severity.ERROR

    def _too_late(self, place: _Place, reference: Reference, writers: Sequence[Step]) -> tuple[str, Severity]:
        step = min(writers, key=lambda one: one.order)
        if step is place.step:
            why = "only this step itself writes it"
        elif step.name not in self._reached:
            why = f"only '{step.name}' writes it, which can never run"
        elif step.order == place.order:
            why = f"'{step.name}' writes it and runs at the same time (order {step.order}): give one a higher order"
        else:
            why = f"'{step.name}' writes it and runs later (order {step.order})"
        return f"{reference}: nothing is there yet, {why}", Severity.ERROR

    def _certain(self, writer: Step, place: _Place) -> bool:
        """Whether the writer has run when the reader's turn comes: by itself, or because they wait for the same tag."""
        if writer.when is not None:
            return False
        reader = place.step
        return not writer.tags or (reader is not None and bool(reader.tags) and set(reader.tags) <= set(writer.tags))

    def _covered(self, writers: Sequence[Step]) -> bool:
        """Whether one of the writers runs whichever way a condition goes."""
        written = {tag for step in writers if step.when is None for tag in step.tags}
        return any(
            len(tags) == 2 and written >= set(tags)
            for step in self._document.steps
            if step.type is StepType.CONDITION and not step.tags and step.when is None
            for tags in [_tags_of(step)]
        )

    # ── prompts ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _variables(self, place: _Place, step: Step, version: PromptVersion) -> Iterator[ChainProblem]:
        called = f"version {version.number} of '{step.prompt}'"
        if self._document.max_cost is not None and not _MOST_TOKENS & {*version.params, *step.params}:
            says = (
                f"{called} has no max_tokens, so nobody may be able to say what it can cost, and maxCost stops it then"
            )
            yield place.problem("params", f"{says}: give it max_tokens in params", Severity.WARNING)
        if step.input_mapping is None:
            for name in needed(version):
                found = self._unfed(place, Reference((name,)), strict=True)
                if found is not None:
                    says = (
                        f"{called} needs '{name}', and without an inputMapping it is read from the context: {found[0]}"
                    )
                    yield place.problem("inputMapping", says, found[1])
            return
        for name in needed(version):
            if name not in step.input_mapping:
                yield place.problem("inputMapping", f"{called} needs '{name}', which inputMapping does not give")
        known = accepted(version)
        for name in step.input_mapping if known is not None else ():
            if known is not None and name not in known:
                takes = ", ".join(sorted(known)) or "nothing"
                says = f"{called} has no variable '{name[:60]}': it takes {takes[:300]}"
                yield place.problem(f"inputMapping.{name[:60]}", says)


def _tags_of(step: Step) -> list[str]:
    """The tags that a condition activates, one or the other."""
    if step.type is not StepType.CONDITION:
        return []
    return [tag for name in ("trueTag", "falseTag") if isinstance(tag := step.config.get(name), str) and tag]


def _reached(steps: Sequence[Step]) -> Set[str]:
    """The names of the steps that can run, whichever way the conditions go."""
    active, reached = set[str](), set[str]()
    by_order = attrgetter("order")
    for _, group in groupby(sorted(steps, key=by_order), key=by_order):
        wave = [step for step in group if not step.tags or active.intersection(step.tags)]
        reached.update(step.name for step in wave)
        active.update(tag for step in wave for tag in _tags_of(step))
    return reached


def _of_secret(place: _Place, reference: Reference) -> tuple[str, Severity] | None:
    if place.step is None or place.step.type is not StepType.API_CALL:
        return f"{reference}: secrets can be read by API_CALL steps only", Severity.ERROR
    if len(reference.steps) != 2 or not isinstance(reference.steps[1], str):
        return f"{reference}: a secret is read by its name, such as {{{{secret.CRM_KEY}}}}", Severity.ERROR
    return None
