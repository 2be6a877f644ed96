"""The simulated model."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.execution import ErrorType
from promptforge.core.model import Delta, ModelFailure, ModelRequest, Reply
from promptforge.core.prompt import Message
from promptforge.core.usage import usage
from promptforge.providers.demo import MODELS, Demo

QUICK = {"latency_ms": 0, "chunk_ms": 0}


def request(
    asked: str = "hi", model: str = "demo-small", *, stream: bool = False, remaining: float = 5, **options
) -> ModelRequest:
    turns = (Message(role="user", content=asked),)
    return ModelRequest(
        model=model, messages=turns, params={"demo": QUICK | options}, stream=stream, remaining=remaining
    )


async def ask(told: ModelRequest, demo: Demo | None = None) -> tuple[list[str], Reply]:
    items = [item async for item in (demo or Demo()).send(told)]
    assert isinstance(items[-1], Reply)
    return [item.text for item in items[:-1] if isinstance(item, Delta)], items[-1]


async def fail(told: ModelRequest, demo: Demo | None = None) -> ModelFailure:
    with pytest.raises(ModelFailure) as caught:
        await ask(told, demo)
    return caught.value


@pytest.mark.parametrize("model", list(MODELS))
async def test_it_says_that_it_is_simulated(model):
    """Its name and its output say so."""
    _, reply = await ask(request(model=model))
    assert Demo.name == "demo"
    assert reply.text.startswith("[simulated]")
    assert reply.model == model


@given(st.text(max_size=300), st.sampled_from(list(MODELS)), st.booleans())
def test_the_same_request_gets_the_same_answer(text, model, stream):
    """The answer depends on the request alone, and the words of a stream add up to it."""
    told = request(text, model, stream=stream)
    (deltas, first), (_, second) = asyncio.run(ask(told)), asyncio.run(ask(told))
    assert first == second
    assert "".join(deltas) == (first.text if stream else "")


async def test_tokens_and_text_are_as_asked():
    """Counts, leaves, text and finish are those of the request."""
    _, reply = await ask(request(token_in=500, token_out=200, text='{"a": 1}', finish_reason="length"))
    assert (reply.text, reply.usage, reply.finish_reason) == ('{"a": 1}', usage(input=500, output=200), "length")
    _, reply = await ask(request(usage={"input": 3, "input_cache_read": 7, "output": 1}))
    assert reply.usage == usage(input=3, input_cache_read=7, output=1)
    _, reply = await ask(request(usage=None))
    assert (reply.usage, reply.usage_raw) == (None, None)


async def test_the_reasoning_model_reports_reasoning():
    """One model shows that reasoning is counted apart and within the output."""
    _, reply = await ask(request(model="demo-reasoning", token_out=150))
    assert reply.usage == usage(input=4, output=30, output_reasoning=120)


@pytest.mark.parametrize("error_type", list(ErrorType))
async def test_every_error_type_can_be_had(error_type):
    """Whatever a provider can do to us, the simulated one can, in a sentence."""
    failure = await fail(request(fail=error_type, retry_after=0.5))
    assert (failure.error_type, failure.retry_after) == (error_type, 0.5)
    assert "simulated" in str(failure) or str(failure) == "Invalid API key for provider 'demo'"


async def test_a_request_fails_as_often_as_asked_and_then_succeeds():
    """``fail_times`` counts the calls of one request, and a later run of the same request sees the same again."""
    demo, told = Demo(), request(fail="rate_limit", fail_times=2)
    for _ in range(2):
        assert (await fail(told, demo)).retryable
        assert (await fail(told, demo)).refused
        assert (await ask(told, demo))[1].text
    other = request("another", fail="rate_limit", fail_times=1)
    await fail(other, demo)
    assert (await ask(other, demo))[1].text


async def test_a_stream_can_break_after_some_words():
    """``fail_after`` lets words through; the failure keeps them and is no refusal."""
    answer = Demo().send(request(stream=True, text="a b c d", fail="network", fail_after=2))
    assert [(await anext(answer)).text, (await anext(answer)).text] == ["a ", "b "]
    with pytest.raises(ModelFailure) as caught:
        await anext(answer)
    assert (caught.value.text, caught.value.refused, caught.value.usage) == ("a b ", False, None)


async def test_the_deadline_ends_it():
    """Latency beyond the remaining time is a time-out at the deadline, with the text so far."""
    failure = await fail(request(latency_ms=60_000, remaining=0.05))
    assert (failure.error_type, failure.text) == (ErrorType.TIMEOUT, "")
    failure = await fail(request(text="one two", chunk_ms=60_000, stream=True, remaining=0.05))
    assert failure.error_type is ErrorType.TIMEOUT


async def test_it_can_be_cancelled():
    """A cancelled call stops waiting."""
    waiting = asyncio.ensure_future(ask(request(latency_ms=4000)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    "options", [{"latency": 3}, {"fail": "boom"}, {"token_in": -1}, {"token_out": "many"}, {"usage": {"input": -2}}]
)
async def test_options_that_are_not_known_are_refused(options):
    """A mistyped option is an input error before anything runs."""
    with pytest.raises(InvalidInput, match="is not right") as caught:
        Demo().body(request(**options))
    assert caught.value.path == "$.params.demo"


async def test_a_model_that_does_not_exist_is_not_found():
    """An unknown model fails as at a real provider, naming the ones that exist."""
    failure = await fail(request(model="demo-huge"))
    assert (failure.error_type, failure.refused, failure.http_status) == (ErrorType.VALIDATION, True, 404)
    assert "'demo-small'" in str(failure)
