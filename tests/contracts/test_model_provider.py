"""What every provider of models keeps, whoever is behind it."""

import json

import pytest

from kit.providers import opened as opened_at
from promptforge.core.execution import ErrorType
from promptforge.core.model import Delta, ModelFailure, ModelRequest, Reply
from promptforge.core.prompt import Message
from promptforge.providers.demo import Demo

KEY = "sk-contract-0123456789"
#: Recordings, plain and streamed; what has no stream of its own answers a stream with one piece.
RECORDED = {
    "anthropic": ("anthropic/message", "anthropic/message_stream"),
    "openai": ("openai/chat", "openai/chat_stream"),
    "openai-responses": ("openai/responses", "openai/responses"),
    "azure": ("openai/chat", "openai/chat_stream"),
    "google": ("google/generate_content", "google/generate_content"),
    "vertex": ("google/generate_content", "google/generate_content"),
    "groq": ("groq/chat", "groq/chat"),
    "mistral": ("mistral/chat", "mistral/chat"),
    "ollama": ("ollama/chat", "ollama/chat_stream"),
}
NAMES = [*RECORDED, "demo"]
#: Formats that name the model in the address.
IN_PATH = {"google", "vertex"}


@pytest.fixture
async def opened(request):
    """A provider by name whose calls end well, plain or streamed; and the same one failing."""
    name, stream, works = request.param
    if name == "demo":
        provider = Demo()
    else:
        replay_provider = request.getfixturevalue("replay_provider")
        recording = replay_provider.base(*RECORDED[name][stream].split("/"))
        url = recording if works else replay_provider.fault("status/429")
        provider = opened_at(name, KEY, url)
    options = {"demo": {} if works else {"fail": "rate_limit", "retry_after": 1}} if name == "demo" else {}
    turns = (Message(role="system", content="be brief"), Message(role="user", content="hi"))
    model = "demo-small" if name == "demo" else "m"
    yield provider, ModelRequest(model=model, messages=turns, params=options, stream=stream, remaining=30)
    await provider.close()


def cases(*, works: bool):
    return pytest.mark.parametrize(
        "opened",
        [
            pytest.param((name, stream, works), marks=[pytest.mark.shared] if name in RECORDED else [])
            for name in NAMES
            for stream in (False, True)
        ],
        indirect=True,
        ids=lambda case: f"{case[0]}-{'stream' if case[1] else 'plain'}",
    )


@cases(works=True)
async def test_deltas_then_exactly_one_reply(opened):
    """Deltas come only when streamed and add up to the text; one Reply ends the answer, with usage and model."""
    provider, request = opened
    items = [item async for item in provider.send(request)]
    *deltas, reply = items
    assert isinstance(reply, Reply)
    assert all(isinstance(delta, Delta) for delta in deltas)
    assert "".join(delta.text for delta in deltas) == (reply.text if request.stream else "")
    assert reply.text
    assert reply.model
    assert reply.finish_reason
    assert reply.usage.token_in > 0
    assert reply.usage.token_out > 0


@cases(works=True)
async def test_it_can_be_asked_again(opened):
    """A provider is used for many calls, also after one that was left early."""
    provider, request = opened
    first = provider.send(request)
    await anext(first)
    await first.aclose()
    assert isinstance([item async for item in provider.send(request)][-1], Reply)


@cases(works=False)
async def test_a_failure_is_a_model_failure(opened):
    """Whatever fails is told the same way: type, refusal, advice, a sentence that names the provider."""
    provider, request = opened
    with pytest.raises(ModelFailure) as caught:
        await anext(provider.send(request))
    failure = caught.value
    assert (failure.error_type, failure.refused, failure.retryable) == (ErrorType.RATE_LIMIT, True, True)
    assert (failure.retry_after, failure.http_status) == (1.0, 429)
    assert str(failure).startswith(f"Rate limit reached at provider '{provider.name}'")


@cases(works=True)
async def test_the_body_is_json_without_credentials(opened):
    """What is recorded as the request is what is sent, and holds no key."""
    provider, request = opened
    body = json.dumps(provider.body(request))
    assert KEY not in body
    assert provider.name in IN_PATH or json.loads(body)["model"] == request.model
    assert KEY not in f"{provider!r} {vars(provider).get('name')}"
