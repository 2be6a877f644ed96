"""Embeddings and completions without messages, as they pass."""

import json

import pytest

from promptforge.core.usage import usage
from promptforge.wire.dialect import Complained, Garbled
from promptforge.wire.exchange import EXCHANGES
from promptforge.wire.sse import Event

EMBEDDINGS = EXCHANGES["openai", "/embeddings"]
COMPLETIONS = EXCHANGES["openai", "/completions"]


@pytest.mark.parametrize("vector", [[0.1, -0.2], "AAAAPwAAgD4="])
def test_vectors_are_not_output(vector):
    """As numbers or as base64, they stay out of the record; what is billed is the input alone."""
    answer = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    reply = EMBEDDINGS.reply(json.dumps(answer).encode())
    assert (reply.text, reply.usage, reply.model) == ("", usage(input=8), "text-embedding-3-small")
    assert reply.usage_raw == answer["usage"]


@pytest.mark.parametrize("given", ["a text", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
def test_what_is_asked_is_the_input(given):
    """Texts or tokens, one or many."""
    asked = EMBEDDINGS.asked(json.dumps({"model": "m", "input": given, "encoding_format": "base64"}).encode())
    assert (asked.model, asked.input, asked.streamed) == ("m", given, False)


def test_what_is_no_list_of_vectors_is_not_an_answer():
    """An error is a complaint, anything else is garbled."""
    with pytest.raises(Complained, match="no such model"):
        EMBEDDINGS.reply(b'{"error": {"message": "no such model"}}')
    with pytest.raises(Garbled):
        EMBEDDINGS.reply(b'{"object": "list"}')


def test_a_completion_without_messages_is_read_plain_and_streamed():
    """The older format has its text beside the choice; all else is the same."""
    asked = COMPLETIONS.asked(b'{"model": "m", "prompt": "Once", "stream": true}')
    assert (asked.input, asked.streamed) == ("Once", True)
    block = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    choice = {"index": 0, "finish_reason": "stop"}
    plain = COMPLETIONS.reply(
        json.dumps({"model": "m", "choices": [choice | {"text": " upon a"}], "usage": block}).encode()
    )
    stream = COMPLETIONS.stream()
    for choices, told in (
        ([choice | {"text": " upon", "finish_reason": None}], None),
        ([choice | {"text": " a"}], None),
        ([], block),
    ):
        event = json.dumps({"model": "m", "choices": choices, "usage": told})
        list(stream.feed(Event("message", event)))
    assert stream.reply() == plain
    assert (plain.text, plain.usage) == (" upon a", usage(input=1, output=2))
