"""Captured traces: each call and each root is kept once, however, whenever and how often it comes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kit.spans import call, nanoseconds, trace, under, work
from promptforge.core.access import OF_ROLE, Role
from promptforge.core.errors import Forbidden
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.core.price import PriceSource
from promptforge.core.query import Breakdown, Counts, Page, Subject
from promptforge.core.retention import ContentPolicy, Rule
from promptforge.core.usage import UsageSource


@pytest.fixture
def now(forge):
    """A moment a minute ago."""
    return forge.clock.now() - timedelta(minutes=1)


async def kept(forge, actor):
    """Every call of the workspace with its content, newest first."""
    return (await forge.record.page(Page(workspace=actor.workspace, limit=500))).items


async def chains(forge, actor):
    """Every chain execution of the workspace as it is shown, newest first."""
    return (await forge.chain_reader.page(actor, limit=500)).items


async def only(forge, actor, *spans):
    """The one execution that a request becomes."""
    done = await forge.traces.take(actor, spans)
    assert (done.stored, done.problems) == (1, [])
    (found,) = await kept(forge, actor)
    return found


# ── calls ──


async def test_a_call_is_an_execution(forge, actor, now):
    """What the span says arrives where it belongs, and the cost is by our prices of the day."""
    span = call(
        now,
        response_model="gpt-4o-2024-08-06",
        service="shop",
        end_user="ada",
        session_id="s1",
        tags={"env": "prod"},
        params={"temperature": 0.5},
        usage_raw={"prompt_tokens": 1_000},
        request_id="req_1",
        finish_reason="stop",
        first_token_ms=80,
        streamed=True,
        metadata={"region": "eu"},
        claimed=9_000_000_000,
    )
    found = await only(forge, actor, span)
    assert (found.status, found.source, found.step) == (Status.SUCCESS, Source.OTLP, None)
    assert (found.created_at, found.started_at, found.latency_ms) == (now, now, 500)
    assert (found.provider, found.model, found.response_model) == ("openai", "gpt-4o", "gpt-4o-2024-08-06")
    assert (found.service, found.end_user, found.session_id, dict(found.tags)) == ("shop", "ada", "s1", {"env": "prod"})
    assert (found.token_in, found.token_out, found.usage_source) == (1_000, 500, UsageSource.REPORTED)
    assert (found.finish_reason, found.first_token_ms, found.streamed) == ("stop", 80, True)
    assert [attempt.request_id for attempt in found.attempts] == ["req_1"]
    assert found.content.input == [{"role": "user", "content": "Say hello."}]
    assert (found.content.output, found.content.request) == ("Hello.", {"temperature": 0.5})
    assert (found.content.usage_raw, found.content.metadata) == ({"prompt_tokens": 1_000}, {"region": "eu"})
    # 1,000 at $2.50 and 500 at $10 a million
    assert (found.cost, found.cost_state, found.claimed) == (7_500_000_000, CostState.PRICED, 9_000_000_000)
    assert {line.source for line in found.lines} == {PriceSource.CATALOGUE}


@pytest.mark.parametrize(
    ("terms", "cost"),
    [({}, 250_000_000), ({"service_tier": "flex"}, 125_000_000), ({"service_tier": "unheard-of"}, None)],
)
async def test_a_call_is_priced_by_its_terms(forge, actor, now, terms, cost):
    """A tier that bills otherwise has its own price, and one that has none leaves the call without a price."""
    found = await only(forge, actor, call(now, model="gpt-5-nano", response_model=None, terms=terms))

    assert (found.cost, found.cost_state) == (cost, CostState.UNPRICED if cost is None else CostState.PRICED)


async def test_a_claim_counts_only_without_a_price(forge, actor, now):
    """A cost that a span says becomes a line where we have no price, and nothing where there is no claim either."""
    strange = {"model": "in-house-7b", "provider": "ours"}
    spans = [call(now, claimed=12, **strange), call(now - timedelta(seconds=1), **strange)]
    await forge.traces.take(actor, spans)
    claimed, without = await kept(forge, actor)
    assert (claimed.cost, claimed.cost_state, claimed.lines[0].source) == (12, CostState.PRICED, PriceSource.CLAIMED)
    assert (without.cost, without.cost_state) == (None, CostState.UNPRICED)


@pytest.mark.parametrize(
    ("error_type", "used", "state", "cost"),
    [
        (ErrorType.TIMEOUT, UsageSource.UNKNOWN, CostState.UNKNOWN, None),
        (None, UsageSource.UNKNOWN, CostState.UNKNOWN, None),
        (ErrorType.RATE_LIMIT, UsageSource.NONE, CostState.PRICED, 0),
        (ErrorType.AUTHENTICATION, UsageSource.NONE, CostState.PRICED, 0),
        (ErrorType.VALIDATION, UsageSource.NONE, CostState.PRICED, 0),
    ],
)
async def test_a_failed_call(forge, actor, now, error_type, used, state, cost):
    """A failure is kept with its sentence and trace; only one that was refused is known to have cost nothing."""
    span = call(now, failed=True, error_type=error_type, error="no", stack_trace="at x", usage=None, output=None)
    found = await only(forge, actor, span)
    assert (found.status, found.error_type) == (Status.ERROR, error_type or ErrorType.PROVIDER)
    assert (found.content.error, found.content.stack_trace) == ("no", "at x")
    assert (found.usage_source, found.cost_state, found.cost) == (used, state, cost)


async def test_a_call_that_names_no_model(forge, actor, now):
    """It is kept, its model unknown; a provider that the model's name says is found, another is unknown."""
    spans = [
        call(now, provider=None),
        call(now - timedelta(seconds=1), model=None),
        call(now - timedelta(seconds=2), model=None, provider=None),
    ]
    await forge.traces.take(actor, spans)
    found = [(run.provider, run.model, run.cost_state) for run in await kept(forge, actor)]
    assert found == [
        ("openai", "gpt-4o", CostState.PRICED),
        ("openai", "unknown", CostState.UNPRICED),
        ("unknown", "unknown", CostState.UNPRICED),
    ]


async def test_prompts(forge, actor, now):
    """A prompt of ours is linked by name and version; the name of another is kept as a tag."""
    prompt = await forge.prompts.create(actor, name="greet")
    for content in ("hi", "hello"):
        await forge.prompts.add_version(actor, prompt.id, params={"model": "gpt-4o"}, content=content)
    spans = [
        call(now, prompt_name="greet", prompt_version=1),
        call(now - timedelta(seconds=1), prompt_name="greet"),
        call(now - timedelta(seconds=2), prompt_name="greet", prompt_version=7),
        call(now - timedelta(seconds=3), prompt_name="elsewhere", tags={"a": "b"}),
    ]
    await forge.traces.take(actor, spans)
    found = [(run.prompt and run.prompt.version, run.tags.get("prompt")) for run in await kept(forge, actor)]
    assert found == [(1, None), (2, None), (None, "greet"), (None, "elsewhere")]


async def test_the_service_is_the_key_where_the_span_names_none(forge, actor, now):
    """Who sends is known by the key, where the program does not say its own name."""
    assert (await only(forge, replace(actor, service="shop key"), call(now))).service == "shop key"


async def test_what_is_refused_is_told_and_counted(forge, actor, now):
    """A span of the last century or of the day after tomorrow is refused with a sentence, its neighbours are kept."""
    late = forge.clock.now() + timedelta(hours=25)
    spans = [call(now), call(now, started_ns=1, span_id="a" * 16), call(late, span_id="b" * 16, service="shop")]
    done = await forge.traces.take(actor, spans, ["span c: no sense"])
    assert (done.received, done.stored, done.duplicate, done.rejected) == (4, 1, 0, 3)
    assert done.problems == [
        "span c: no sense",
        f"span {'a' * 16}: it began before the year 2000",
        f"span {'b' * 16}: it began more than 24 hours ahead",
    ]
    counted = forge.record.counters(actor.workspace)[Source.OTLP]
    assert counted == Counts(received=4, stored=1, duplicate=0, rejected=3)
    refused = forge.record.refusals(actor.workspace)
    assert {service: (found.count, found.last.text) for service, found in refused.items()} == {
        None: (1, done.problems[1]),
        "shop": (2, done.problems[2]),
    }


async def test_twice(forge, actor, other_actor, now):
    """The same spans again, permuted or in parts, are duplicates; in another workspace they are other executions."""
    root = work(now, trace())
    spans = [call(now), call(now - timedelta(days=40)), root, under(root), under(root, seconds=1)]
    first = await forge.traces.take(actor, spans)
    again = await forge.traces.take(actor, spans[::-1])
    part = await forge.traces.take(actor, spans[1:4])
    doubled = await forge.traces.take(other_actor, spans * 2)
    assert (first.received, first.stored, again.duplicate, part.duplicate) == (4, 4, 4, 2)
    assert (doubled.received, doubled.stored, doubled.duplicate) == (8, 4, 4)
    counted = forge.record.counters(actor.workspace)[Source.OTLP]
    assert counted == Counts(received=10, stored=4, duplicate=6, rejected=0)
    assert (len(await kept(forge, actor)), len(await chains(forge, actor))) == (4, 1)
    ours, theirs = await kept(forge, actor), await kept(forge, other_actor)
    assert not {run.id for run in ours} & {run.id for run in theirs}


async def test_who_may(forge, actor, now):
    """Taking spans in needs the permission to."""
    with pytest.raises(Forbidden):
        await forge.traces.take(replace(actor, permissions=OF_ROLE[Role.VIEWER]), [call(now)])


async def test_content_is_kept_as_retention_says(forge, actor, now):
    """Where no content is kept, the figures are; a rule for a prompt holds for the chain that called it as well."""
    prompt = await forge.prompts.create(actor, name="secretive")
    await forge.prompts.add_version(actor, prompt.id, params={"model": "gpt-4o"}, content="hi")
    await forge.retentions.set_rule(actor, Rule(days=0, prompt_id=prompt.id))
    root, other = work(now, trace()), work(now - timedelta(hours=1), trace())
    await forge.traces.take(actor, [root, under(root, prompt_name="secretive"), other, under(other)])
    assert [bool(run.content) for run in await kept(forge, actor)] == [False, True]
    assert [bool(chain.content) for chain in await chains(forge, actor)] == [False, True]
    await forge.retentions.set_content(actor, ContentPolicy.NONE)
    await forge.traces.take(actor, [call(now + timedelta(seconds=1))])
    newest = (await kept(forge, actor))[0]
    assert (newest.content, newest.token_in) == (None, 1_000)


# ── chain executions ──


async def test_a_trace_is_a_chain_execution(forge, actor, now):
    """Its root says how it went, its calls are its steps, and what they used and cost is its sum."""
    root = work(now, trace(), service="shop", tags={"env": "prod"}, metadata={"k": 1}, session_id="s1")
    spans = [
        under(root, seconds=0.1, name="plan"),
        under(root, seconds=0.2, name="look up", ended_ns=root.started_ns + 300_000_000),
        under(root, seconds=1, name="answer", failed=True, error_type=ErrorType.TIMEOUT, error="late", usage=None),
        work(now, root.trace_id, parent_id=root.span_id, name="a tool"),
        root,
    ]
    await forge.traces.take(actor, spans)
    (found,) = await chains(forge, actor)
    assert (found.status, found.source, found.created_at) == (Status.SUCCESS, Source.OTLP, now)
    assert (found.started_at, found.latency_ms) == (now, 2_000)
    assert (found.chain.chain_name, found.service, found.session_id) == ("answer a question", "shop", "s1")
    assert (found.content.input, found.content.output) == ({"question": "Why?"}, "Because.")
    assert (found.content.metadata, dict(found.tags)) == ({"k": 1}, {"env": "prod"})
    shown = [(step.name, step.order, step.offset_ms, step.latency_ms, step.status) for step in found.steps]
    assert shown == [
        ("plan", 0, 100, 500, Status.SUCCESS),
        ("look up", 0, 200, 100, Status.SUCCESS),
        ("answer", 1, 1_000, 500, Status.ERROR),
    ]
    assert (found.token_in, found.token_out, found.total_cost) == (2_000, 1_000, 15_000_000_000)
    assert found.cost_state is CostState.UNKNOWN
    assert await forge.chain_reader.get(actor, found.id) == found
    calls = await kept(forge, actor)
    assert {run.step.chain_execution_id for run in calls} == {found.id}
    assert {step.execution_id for step in found.steps} == {run.id for run in calls}


async def test_runs_and_calls(forge, actor, now):
    """A trace is one run, whatever it calls; a call outside is one too, and the money is that of the calls."""
    root = work(now, trace())
    await forge.traces.take(actor, [root, under(root), under(root, seconds=1), call(now)])
    group = (await forge.record.figures(Breakdown(workspace=actor.workspace, subject=Subject.RUNS))).items[0].figures
    assert (group.runs, group.calls, group.success, group.cost) == (2, 3, 2, 3 * 7_500_000_000)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
async def test_a_trace_in_parts(forge, actor, now, order):
    """In whatever order root and calls come, and one by one: one chain execution, as if all had come at once."""
    root = work(now, trace())
    spans = [root, under(root, seconds=0.1), under(root, seconds=0.2)]
    for place in order:
        await forge.traces.take(actor, [spans[place]])
    (found,) = await chains(forge, actor)
    assert (found.status, found.chain.chain_name, found.latency_ms) == (Status.SUCCESS, "answer a question", 2_000)
    assert (len(found.steps), found.token_in) == (2, 2_000)
    assert (forge.record.roots(actor.workspace), forge.record.unfinished(actor.workspace)) == ([], ())


async def test_it_is_pending_until_its_root_comes(forge, actor, now):
    """Calls without their root are shown under a chain execution that runs, and count as one pending run."""
    root = work(now, trace())
    await forge.traces.take(actor, [under(root, service="shop", end_user="ada")])
    (found,) = await chains(forge, actor)
    assert (found.status, found.service, found.end_user, len(found.steps)) == (Status.PENDING, "shop", "ada", 1)
    figures = (await forge.record.figures(Breakdown(workspace=actor.workspace))).items[0].figures
    assert (figures.runs, figures.pending, figures.calls) == (1, 1, 1)
    await forge.traces.take(actor, [replace(root, failed=True, error_type=ErrorType.TIMEOUT, error="late")])
    (found,) = await chains(forge, actor)
    assert (found.status, found.error_type, found.content.error) == (Status.ERROR, ErrorType.TIMEOUT, "late")


async def test_a_call_that_is_late_counts_in_its_chain(forge, actor, now):
    """What comes after the root is added up with the rest: totals are not stored."""
    root = work(now, trace())
    await forge.traces.take(actor, [root, under(root)])
    await forge.traces.take(actor, [under(root, seconds=1), under(root, seconds=-60)])
    (found,) = await chains(forge, actor)
    assert (found.token_in, len(found.steps)) == (3_000, 3)


async def test_what_calls_no_model_is_not_kept(forge, actor, now):
    """Spans around calls are acknowledged, and a trace without a call of a model leaves nothing that anybody sees."""
    root = work(now, trace())
    done = await forge.traces.take(actor, [root, work(now, root.trace_id, parent_id=root.span_id)])
    assert (done.received, done.stored, done.problems) == (0, 0, [])
    assert (await chains(forge, actor), await kept(forge, actor)) == ([], [])


async def test_two_roots(forge, actor, now):
    """Of two spans without a parent in one trace the first to come is the root."""
    root = work(now, trace())
    await forge.traces.take(actor, [root, under(root), replace(root, span_id="f" * 16, name="another")])
    await forge.traces.take(actor, [replace(root, span_id="e" * 16, name="one more")])
    assert [chain.chain.chain_name for chain in await chains(forge, actor)] == ["answer a question"]


async def test_secrets_are_removed_from_roots(forge, actor, now):
    """What a root says passes the same gate as all else, whether it waits for a call or not."""
    await forge.secrets.set(actor, "token", "hunter2-hunter2")
    root = work(now, trace(), input="with hunter2-hunter2")
    await forge.traces.take(actor, [root])
    assert [waiting.content.input for waiting in forge.record.roots(actor.workspace)] == ["with [redacted]"]
    await forge.traces.take(actor, [under(root)])
    assert (await chains(forge, actor))[0].content.input == "with [redacted]"


async def test_erased_while_it_waits(forge, actor, now):
    """An end user who is erased while a root of theirs waits, or its calls do, is in no answer afterwards."""
    first, second = work(now, trace(), end_user="ada"), work(now, trace(), end_user="ada")
    await forge.traces.take(actor, [first])
    await forge.traces.take(actor, [under(second, end_user="ada")])
    await forge.erasures.of_end_user(actor, "ada")
    await forge.traces.take(actor, [under(first)])
    await forge.traces.take(actor, [second])
    for chain in await chains(forge, actor):
        assert (chain.end_user, chain.content, chain.status) == (None, None, Status.SUCCESS)


async def test_a_captured_chain_cannot_be_forked(forge, actor, now):
    """It was not run here, so there is nothing to run again, and it names no chain of ours."""
    root = work(now, trace())
    await forge.traces.take(actor, [root, under(root)])
    (found,) = await chains(forge, actor)
    with pytest.raises(Exception, match="captured"):
        await forge.chain_executions.fork(actor, found.id, found.steps[0].name)


async def test_nanoseconds_are_cut(forge, actor, now):
    """Times are whole milliseconds, as everywhere in the record."""
    start = nanoseconds(now) + 999_999
    assert (await only(forge, actor, call(now, started_ns=start, ended_ns=start + 1_999_999))).latency_ms == 1
