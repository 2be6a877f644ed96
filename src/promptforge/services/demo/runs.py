"""The demo's executions: from a day of the schedule to finished records, the same ones every time.

Nothing here does I/O. What a day holds depends on the seed, the day and the prompts only; ids are derived, so that
what was recorded once is known for ever.
"""

import json
from bisect import bisect
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from promptforge.core import ids
from promptforge.core.access import Actor
from promptforge.core.execution import Content, CostState, ErrorType, Execution, Json, PromptRef, Source, Status
from promptforge.core.ports import PriceBook
from promptforge.services.demo import texts
from promptforge.services.demo.answers import Asked, answered, failed
from promptforge.services.demo.failures import BY_TYPE, DRAWN, INCIDENTS, Failure
from promptforge.services.demo.prompts import (
    FREE_MODELS,
    FREE_SERVICE,
    FREE_WEIGHT,
    SCENARIOS,
    SPEED,
    Release,
    Scenario,
)
from promptforge.services.demo.schedule import Day
from promptforge.services.ending import json_hash, text_hash

_END_USERS = 400
_CUSTOMERS = tuple(accumulate(1000 // (rank + 9) for rank in range(_END_USERS)))
_STAFF = tuple(f"staff-{name.lower()}" for name in texts.PEOPLE)
_STAFFED = frozenset({"contract-desk", "notes-bot", "analytics-bot", FREE_SERVICE})
_REGIONS = ("eu", "eu", "eu", "us", "ap")
_WEIGHTS = tuple(accumulate([*(s.weight for s in SCENARIOS), FREE_WEIGHT]))
_STAYS = timedelta(minutes=25)
_TALKS = 12


@dataclass(slots=True)
class _Talk:
    """A conversation that may go on."""

    session: str
    end_user: str
    region: str
    last: datetime
    variables: Mapping[str, Json]
    left: list[tuple[str, str]]


@dataclass(slots=True)
class _Today:
    """What a day remembers from one execution to the next."""

    day: Day
    chance: Random
    talks: dict[str, deque[_Talk]]
    failures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Makes executions for a workspace; *refs* are the stored versions of each scenario, by name and number."""

    actor: Actor
    refs: Mapping[tuple[str, int], PromptRef]
    prices: PriceBook
    seed: str
    secret: bytes

    def id(self, day: Day, n: int) -> str:
        """The id of the day's *n*-th execution, decided by what it is and not by when it was loaded."""
        moment = day.moments[n]
        bits = ids.derived_bits(self.secret, self.actor.workspace, "demo", self.seed, f"{day.start:%Y-%m-%d}", str(n))
        return ids.text(ids.EXECUTION, ids.number(round(moment.timestamp() * 1000), bits))

    def of(self, day: Day) -> Iterator[Execution]:
        """The day's executions, oldest first."""
        chance = Random(f"{self.seed}/{day.ago}")  # noqa: S311
        today = _Today(day, chance, {s.name: deque(maxlen=_TALKS) for s in SCENARIOS})
        for n in range(len(day.moments)):
            which = bisect(_WEIGHTS, int(chance.random() * _WEIGHTS[-1]))
            yield self._free(today, n) if which == len(SCENARIOS) else self._prompted(today, n, SCENARIOS[which])

    def _free(self, today: _Today, n: int) -> Execution:
        """A call without a prompt."""
        chance = today.chance
        question, answer = texts.free(chance)
        model = texts.skewed(chance, FREE_MODELS)
        asked = Asked(
            execution=replace(
                self._execution(today.day, n, model),
                service=FREE_SERVICE,
                end_user=texts.skewed(chance, _STAFF),
                tags={"env": "dev", "team": "operations"},
            ),
            given=[{"role": "user", "content": question}],
            messages=({"role": "user", "content": question},),
            params={"max_tokens": 512},
            answer=answer,
            variable="content",
        )
        return self.finished(chance, asked, _failure(today, asked.execution, 30))

    def _prompted(self, today: _Today, n: int, scenario: Scenario) -> Execution:
        chance = today.chance
        number, release = _in_force(chance, scenario, today.day.ago)
        talk, answer = _talk(today, n, scenario)
        side = release.share > 0
        if release.wordy:
            answer = texts.longer(chance, answer)
        label = "staging" if side else "production" if chance.random() < 0.9 else None
        execution = replace(
            self._execution(today.day, n, release.model),
            prompt=replace(self.refs[scenario.name, number], label=label),
            service=scenario.service,
            end_user=talk.end_user,
            session_id=talk.session,
            tags={"env": "staging" if side else "production", "team": scenario.team, "region": talk.region},
            streamed=chance.random() * 100 < scenario.streamed,
        )
        asked = Asked(
            execution=execution,
            given=talk.variables,
            messages=rendered(release, talk.variables),
            params=release.params,
            answer=answer,
            variable=next(iter(talk.variables)),
            cached=chance.random() * 100 < scenario.cached,
            reasoning=scenario.reasoning,
        )
        return self.finished(chance, asked, _failure(today, execution, release.errors))

    def _execution(self, day: Day, n: int, model: str) -> Execution:
        moment = day.moments[n]
        return Execution(
            id=self.id(day, n),
            workspace=self.actor.workspace,
            created_at=moment,
            status=Status.PENDING,
            source=Source.DEMO,
            model=model,
            provider=SPEED[model][0],
            user_id=self.actor.user_id,
            key_id=self.actor.key_id,
        )

    def finished(self, chance: Random, asked: Asked, failure: Failure | None) -> Execution:
        """The call as it is recorded: answered, or failed as *failure* says."""
        given = asked.given
        if failure and failure.error_type is ErrorType.VALIDATION and isinstance(given, Mapping):
            given = {name: value for name, value in given.items() if name != asked.variable}
        outcome = failed(chance, asked, failure) if failure else answered(chance, asked)
        open_, usage = asked.execution, outcome.usage
        lines = ()
        if usage is not None and usage.leaves:
            tries = len(outcome.attempts) or 1
            lines = self.prices.lines(
                open_.workspace, open_.provider, open_.model, usage, open_.created_at, attempt=tries
            )
        state = CostState.UNKNOWN if usage is None else CostState.UNPRICED if lines is None else CostState.PRICED
        request = {"model": open_.model, **asked.params, "messages": list(asked.messages)} if outcome.sent else None
        return replace(
            open_,
            status=Status.ERROR if failure else Status.SUCCESS,
            error_type=failure.error_type if failure else None,
            response_model=open_.model if outcome.finish_reason else None,
            finish_reason=outcome.finish_reason,
            started_at=open_.created_at if outcome.sent else None,
            latency_ms=outcome.latency_ms,
            first_token_ms=outcome.first_token_ms if open_.streamed else None,
            usage=usage,
            usage_source=outcome.usage_source,
            token_in=usage.token_in if usage else None,
            token_out=usage.token_out if usage else None,
            lines=lines or (),
            cost=sum(line.amount for line in lines or ()) if state is CostState.PRICED else None,
            cost_state=state,
            attempts=outcome.attempts,
            input_hash=json_hash(self.secret, given),
            input_chars=len(str(given)),
            output_hash=text_hash(self.secret, outcome.output),
            output_chars=len(outcome.output or ""),
            content=Content(
                input=given,
                request=request,
                output=outcome.output,
                error=outcome.error,
                stack_trace=outcome.stack_trace,
                usage_raw=outcome.usage_raw,
                metadata={"simulated": True},
                attempt_errors=outcome.attempt_errors,
            ),
        )


def _talk(today: _Today, n: int, scenario: Scenario) -> tuple[_Talk, str]:
    """The conversation that this call belongs to, begun or gone on with, and the model's next answer."""
    chance, moment, going = today.chance, today.day.moments[n], today.talks[scenario.name]
    if going and chance.random() * 100 < scenario.stay:
        talk = going.pop()
        if talk.left and moment - talk.last < _STAYS:
            before = talk.variables.get("earlier") or ""
            question, answer = talk.left.pop(0)
            said = f"{before}\n{talk.variables['question']}".strip()[-600:]
            talk.variables = {**talk.variables, "question": question}
            if "earlier" in talk.variables:
                talk.variables = {**talk.variables, "earlier": said}
            talk.last = moment
            going.append(talk)
            return talk, answer
    sample = texts.WRITERS[scenario.name](chance)
    end_user = texts.skewed(chance, _STAFF) if scenario.service in _STAFFED else customer(chance)
    region = _REGIONS[int(chance.random() * len(_REGIONS))]
    session = f"{scenario.service}-{today.day.start:%m%d}-{n:04d}"
    talk = _Talk(session, end_user, region, moment, sample.variables, list(sample.followed))
    going.append(talk)
    return talk, sample.output


def customer(chance: Random) -> str:
    """Somebody who buys at the shop, the first ones most often."""
    return f"customer-{bisect(_CUSTOMERS, int(chance.random() * _CUSTOMERS[-1])) + 1:04d}"


def _failure(today: _Today, execution: Execution, errors: int) -> Failure | None:
    """How the call fails, if it does: *errors* in a thousand do, more of them during an incident."""
    chance = today.chance
    for incident in INCIDENTS:
        first, last = incident.hours
        hit = incident.ago == today.day.ago and first <= execution.created_at.hour <= last
        if hit and incident.provider == execution.provider and chance.random() * 1000 < incident.share:
            return BY_TYPE[incident.error_type]
    if chance.random() * 1000 >= errors:
        return None
    today.failures += 1
    # Steps that visit every card of the hundred, so that even a small demo meets each kind of failure.
    return DRAWN[(37 * today.failures + 53 * today.day.ago) % len(DRAWN)]


def _in_force(chance: Random, scenario: Scenario, ago: int) -> tuple[int, Release]:
    """The version that a call gets *ago* days before the end, and its number."""
    out = [(number, release) for number, release in enumerate(scenario.releases, 1) if release.since >= ago]
    for number, release in out:
        if release.share and chance.random() * 100 < release.share:
            return number, release
    return in_production(scenario, ago)


def in_production(scenario: Scenario, ago: int) -> tuple[int, Release]:
    """The version that the label *production* pointed at, *ago* days before the end."""
    out = [(n, release) for n, release in enumerate(scenario.releases, 1) if not release.share and release.since >= ago]
    return out[-1]


def rendered(release: Release, variables: Mapping[str, Json]) -> tuple[dict[str, Json], ...]:
    """The messages as sent."""
    if release.messages is None:
        return ({"role": "user", "content": _filled(release.content or "", variables)},)
    return tuple({"role": m.role, "content": _filled(m.content, variables)} for m in release.messages)


def _filled(template: str, variables: Mapping[str, Json]) -> str:
    for name, value in variables.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        template = template.replace("{{" + name + "}}", text)
    return template
