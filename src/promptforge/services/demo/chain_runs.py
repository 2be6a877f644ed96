"""The demo's chain executions: what the real plan does with steps that are answered from a case.

Nothing here does I/O, so no step is really called. The plan decides waves, tags, what is skipped and how a chain ends;
the clock is a sum of made-up durations. Like a day's calls, the n-th chain execution is the same one every time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from urllib.parse import urlsplit

from promptforge.core import ids
from promptforge.core.chain import PURE, ChainDocument, ChainRef, Step, StepType
from promptforge.core.chain_execution import ChainContent, ChainExecution, ChainPlan, SkippedStep, StepContent, StepRun
from promptforge.core.execution import Attempt, ErrorType, Execution, Json, PromptRef, Source, Status, StepRef
from promptforge.core.json import is_object
from promptforge.engine.overrides import taken_over
from promptforge.engine.plan import Ending, Plan, Ready, Result
from promptforge.services.chain_steps import ended_with, of_call
from promptforge.services.demo import texts
from promptforge.services.demo.answers import Asked
from promptforge.services.demo.cases import CASES, Case
from promptforge.services.demo.failures import BY_TYPE, Failure
from promptforge.services.demo.flows import FLOWS, STEP_SCENARIOS, Flow
from promptforge.services.demo.prompts import SCENARIOS, SPEED
from promptforge.services.demo.runs import Runs, customer, in_production, rendered
from promptforge.services.ending import json_hash

#: Which chain the n-th run is of. Ten has no divisor in common with the numbers below, so every chain meets every fate.
_PATTERN = (0, 2, 0, 1, 2, 0, 0, 1, 2, 2)
_FAILING = 11  # one in so many has a failure in a model's step,
_UNREACHED = 7  # one in so many in a call of the shop's own API
_FAILURES = (ErrorType.PROVIDER, ErrorType.RATE_LIMIT, ErrorType.TIMEOUT, ErrorType.NETWORK, ErrorType.CONTENT_FILTER)
_FORKED_AFTER = timedelta(minutes=4)
_SCENARIOS = {scenario.name: scenario for scenario in (*SCENARIOS, *STEP_SCENARIOS)}


@dataclass(frozen=True, slots=True)
class Turn:
    """When the *n*-th chain execution begins, *ago* days before the end."""

    n: int
    ago: int
    moment: datetime


@dataclass(frozen=True, slots=True)
class Made:
    """A closed chain execution with the calls of its steps."""

    chain: ChainExecution
    calls: tuple[Execution, ...]
    prompts: Mapping[str, str]
    """The ids of the prompts by step, which retention asks for."""


@dataclass(slots=True)
class _Run:
    """One run on its way. ``calls_left`` counts down to the call that fails; ``at``: milliseconds since the start."""

    chance: Random
    ago: int
    open_: ChainExecution
    case: Case
    calls_left: int | None
    failure: Failure
    unreached: bool
    taken: Mapping[str, StepRun] = field(default_factory=dict[str, StepRun])
    at: int = 1
    calls: list[Execution] = field(default_factory=list[Execution])
    steps: list[StepRun] = field(default_factory=list[StepRun])
    skipped: list[SkippedStep] = field(default_factory=list[SkippedStep])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRuns:
    """Makes chain executions; *runs* makes their calls, *chains* are the stored versions by name and number."""

    runs: Runs
    chains: Mapping[tuple[str, int], tuple[ChainRef, ChainDocument]]
    until: datetime

    def id(self, turn: Turn, *, fork: bool = False) -> str:
        """The id of a chain execution, decided by what it is and not by when it was loaded."""
        moment = turn.moment + _FORKED_AFTER if fork else turn.moment
        runs, kind = self.runs, "fork" if fork else "chain"
        bits = ids.derived_bits(runs.secret, runs.actor.workspace, "demo", runs.seed, kind, str(turn.n))
        return ids.made(ids.CHAIN_EXECUTION, moment, bits)

    def of(self, turn: Turn) -> Iterator[Made]:
        """The chain execution; where a step failed it, now and then also the fork with which somebody tried again."""
        chance = Random(f"{self.runs.seed}/chain/{turn.n}")  # noqa: S311
        flow = FLOWS[_PATTERN[turn.n % len(_PATTERN)]]
        number = [n for n, since in enumerate(flow.since, 1) if since >= turn.ago][-1]
        ref, document = self.chains[flow.name, number]
        case = CASES[flow.name](chance)
        which, fails = divmod(turn.n, _FAILING)
        run = _Run(
            chance=chance,
            ago=turn.ago,
            open_=self._opened(chance, turn, flow, ref, document, case),
            case=case,
            calls_left=which % 3 if fails == _FAILING - 1 else None,
            failure=BY_TYPE[_FAILURES[which % len(_FAILURES)]],
            unreached=turn.n % _UNREACHED == 1,
        )
        made = self._made(run, document)
        yield made
        forked = turn.moment + _FORKED_AFTER
        if made.chain.failed_step is None or which % 2 or forked > self.until:
            return
        steps = taken_over(made.chain.steps, document, made.chain.failed_step, made.chain.id)
        opened = replace(
            run.open_,
            id=self.id(turn, fork=True),
            created_at=forked,
            started_at=forked,
            forked_from=made.chain.id,
        )
        yield self._made(
            _Run(
                chance=chance,
                ago=turn.ago,
                open_=opened,
                case=case,
                calls_left=None,
                failure=run.failure,
                unreached=False,
                taken={step.name: step for step in steps},
            ),
            document,
        )

    def _opened(
        self, chance: Random, turn: Turn, flow: Flow, ref: ChainRef, document: ChainDocument, case: Case
    ) -> ChainExecution:
        actor = self.runs.actor
        prompts = {step.name: self._prompt(step, turn.ago) for step in document.steps if step.prompt}
        return ChainExecution(
            id=self.id(turn),
            workspace=actor.workspace,
            created_at=turn.moment,
            started_at=turn.moment,
            status=Status.PENDING,
            source=Source.DEMO,
            chain=ref,
            plan=ChainPlan(
                versions={step: prompt.version_id for step, prompt in prompts.items()},
                deadline_ms=document.deadline_ms,
                max_cost=document.max_cost,
            ),
            user_id=actor.user_id,
            key_id=actor.key_id,
            service=flow.service,
            end_user=customer(chance),
            session_id=f"{flow.name}-{turn.n:05d}",
            tags={"env": "production", "team": flow.team},
            input_hash=json_hash(self.runs.secret, dict(case.inputs)),
            content=ChainContent(input=dict(case.inputs), metadata={"simulated": True}),
        )

    def _prompt(self, step: Step, ago: int) -> PromptRef:
        """What the step calls, at that time."""
        number, _ = in_production(_SCENARIOS[step.prompt or ""], ago)
        return replace(self.runs.refs[step.prompt or "", number], label=step.label)

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _made(self, run: _Run, document: ChainDocument) -> Made:
        waves = Plan(document).run(run.case.inputs)
        try:
            wave = next(waves)
            while True:
                run.skipped += wave.skipped
                wave = waves.send(self._wave(run, wave.ready))
        except StopIteration as end:
            prompts = {step.name: self._prompt(step, run.ago).prompt_id for step in document.steps if step.prompt}
            return Made(self._closed(run, end.value), tuple(run.calls), prompts)

    def _wave(self, run: _Run, ready: Sequence[Ready]) -> list[Result]:
        """The results of steps that ran at the same time; the next wave begins when the slowest has ended."""
        done = [run.taken.get(one.step.name) or self._step(run, one) for one in ready]
        run.steps += done
        run.at = max([run.at, *(step.offset_ms + step.latency_ms for step in done)]) + 1
        return [_result(step) for step in done]

    def _step(self, run: _Run, ready: Ready) -> StepRun:
        step = ready.step
        made = StepRun(
            name=step.name,
            order=step.order,
            type=step.type,
            status=Status.PENDING,
            offset_ms=run.at,
            content=StepContent(input=ready.input),
        )
        if ready.problem is not None or step.type in PURE:
            return ended_with(made, ready.evaluate(), 0)
        if step.type is StepType.PROMPT:
            return self._called(run, ready, made)
        if step.type is StepType.API_CALL and run.unreached:
            return _unreached(run, ready, made)
        milliseconds = 1 + int(run.chance.random() * (240 if step.type is StepType.API_CALL else 3))
        if step.type is StepType.API_CALL:
            made = replace(made, attempts=(_attempt(ready, 1, 0, milliseconds, None, 200),))
        return ended_with(made, Result(output=run.case.replies[step.name]), milliseconds / 1000)

    def _called(self, run: _Run, ready: Ready, made: StepRun) -> StepRun:
        """The step of a model, with its call recorded."""
        step, open_, chance = ready.step, run.open_, run.chance
        scenario = _SCENARIOS[step.prompt or ""]
        _, release = in_production(scenario, run.ago)
        given: Mapping[str, Json] = ready.input if is_object(ready.input) else {}
        created = open_.created_at + timedelta(milliseconds=run.at)
        bits = ids.derived_bits(self.runs.secret, open_.workspace, open_.id, step.name, "0")
        call = Execution(
            id=ids.made(ids.EXECUTION, created, bits),
            workspace=open_.workspace,
            created_at=created,
            status=Status.PENDING,
            source=open_.source,
            model=release.model,
            provider=SPEED[release.model][0],
            prompt=self._prompt(step, run.ago),
            step=_place(open_, step),
            user_id=open_.user_id,
            key_id=open_.key_id,
            service=open_.service,
            end_user=open_.end_user,
            session_id=open_.session_id,
            tags=open_.tags,
        )
        answer = run.case.answers[step.name]
        asked = Asked(
            execution=call,
            given=given,
            messages=rendered(release, given),
            params={**release.params, **step.params},
            answer=texts.longer(chance, answer) if release.wordy else answer,
            variable=next(iter(given), ""),
            cached=chance.random() * 100 < scenario.cached,
            reasoning=scenario.reasoning,
        )
        fails = run.calls_left == 0
        run.calls_left = None if run.calls_left is None else run.calls_left - 1
        call = self.runs.finished(chance, asked, run.failure if fails else None)
        run.calls.append(call)
        return of_call(made, call, (call.latency_ms or 0) / 1000)

    def _closed(self, run: _Run, ending: Ending) -> ChainExecution:
        content = run.open_.content or ChainContent()
        return replace(
            run.open_,
            status=Status.ERROR if ending.error_type else Status.SUCCESS,
            error_type=ending.error_type,
            failed_step=ending.failed.name if ending.failed else None,
            latency_ms=run.at,
            steps=tuple(sorted(run.steps, key=lambda step: (step.order, step.offset_ms, step.name))),
            skipped=tuple(run.skipped),
            output_hash=0 if ending.output is None else json_hash(self.runs.secret, ending.output),
            content=replace(content, output=ending.output, error=ending.error, stack_trace=ending.stack_trace),
        )


def _place(chain: ChainExecution, step: Step) -> StepRef:
    ref = chain.chain
    return StepRef(
        chain_execution_id=chain.id,
        chain_id=ref.chain_id if ref else None,
        chain_name=ref.chain_name if ref else None,
        chain_version=ref.version if ref else None,
        step=step.name,
        order=step.order,
    )


def _result(step: StepRun) -> Result:
    content = step.content or StepContent()
    return Result(
        status=step.status,
        output=content.output,
        error=content.error,
        error_type=step.error_type,
        stack_trace=content.stack_trace,
        tag=step.tag,
    )


def _unreached(run: _Run, ready: Ready, made: StepRun) -> StepRun:
    """The step of an API that did not answer in its time, or answered with 503, however often it was tried."""
    slow = run.chance.random() < 0.5
    tries = 1 if slow else 1 + (ready.step.retries or 0)
    host = _host(ready)
    seconds = (ready.step.timeout_ms or 0) / 1000
    error, error_type, status, each = (
        (f"{host} did not answer within {seconds:.3g} s", ErrorType.TIMEOUT, None, ready.step.timeout_ms or 0)
        if slow
        else (f"{host} failed (503)", ErrorType.PROVIDER, 503, 90)
    )
    attempts = [_attempt(ready, n + 1, n * (each + 640), each, error_type, status) for n in range(tries)]
    took = attempts[-1].offset_ms + attempts[-1].latency_ms
    result = Result(status=Status.ERROR, error=error, error_type=error_type)
    return ended_with(replace(made, attempts=tuple(attempts)), result, took / 1000)


def _attempt(
    ready: Ready, number: int, offset_ms: int, latency_ms: int, error_type: ErrorType | None, http_status: int | None
) -> Attempt:
    return Attempt(
        number=number,
        provider=_host(ready),
        model="",
        offset_ms=offset_ms,
        latency_ms=latency_ms,
        status=Status.ERROR if error_type else Status.SUCCESS,
        error_type=error_type,
        http_status=http_status,
    )


def _host(ready: Ready) -> str:
    given: Mapping[str, Json] = ready.input if is_object(ready.input) else {}
    return urlsplit(str(given.get("url"))).hostname or ""
