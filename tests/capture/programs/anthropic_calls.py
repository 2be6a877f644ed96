"""Calls through the anthropic SDK. Where they go and with which key is in the environment alone.

Each case says its name in its input, and in ``x-replay`` what the provider behind shall answer.
"""

import anthropic
from running import run

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a place",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}


def asking(case, replay, model="claude-3-5-sonnet-20240620", **more):
    """What a call needs."""
    given = {"model": model, "max_tokens": 2048, "system": "You are funny"}
    given["messages"] = [{"role": "user", "content": f"Joke for {case}"}]
    return given | {"extra_headers": {"x-replay": replay}} | more


def once(client):
    """The same without its patience."""
    return client.with_options(max_retries=0)


def said(answer):
    """What an answer came to."""
    return {
        "id": answer.id,
        "text": "".join(block.text for block in answer.content if block.type == "text"),
        "tools": [[block.name, block.input] for block in answer.content if block.type == "tool_use"],
    }


def message(client):
    asked = asking("message", "rec/anthropic/message", "claude-3-opus-20240229")
    return said(client.messages.create(**asked))


def message_stream(client):
    asked = asking("message_stream", "rec/anthropic/message_stream", "claude-3-haiku-20240307")
    with client.messages.stream(**asked) as stream:
        return "".join(stream.text_stream)


def message_events(client):
    asked = asking("message_events", "rec/anthropic/message_stream", "claude-3-haiku-20240307", stream=True)
    events = client.messages.create(**asked)
    return "".join(event.delta.text for event in events if event.type == "content_block_delta")


def tools(client):
    return said(client.messages.create(**asking("tools", "rec/anthropic/tools", tools=[WEATHER])))


def tools_stream(client):
    with client.messages.stream(**asking("tools_stream", "rec/anthropic/tools_stream", tools=[WEATHER])) as stream:
        return said(stream.get_final_message())


def caching(case):
    """A call whose article is cached: written by the first, read by the second."""

    def call(client):
        article = {"type": "text", "text": "An article. " * 50, "cache_control": {"type": "ephemeral"}}
        content = [article, {"type": "text", "text": f"Joke for {case}"}]
        asked = asking(case, "rec/anthropic/prompt_caching", messages=[{"role": "user", "content": content}])
        return said(client.messages.create(**asked))

    return call


def thinking(client):
    asked = asking("thinking", "rec/anthropic/thinking", "claude-3-7-sonnet-20250219")
    return said(client.messages.create(**asked, thinking={"type": "enabled", "budget_tokens": 1024}))


def thinking_stream(client):
    asked = asking("thinking_stream", "rec/anthropic/thinking_stream", "claude-3-7-sonnet-20250219")
    with client.messages.stream(**asked, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
        return said(stream.get_final_message())


def refused(status):
    """A call that the provider refuses."""

    def call(client):
        return said(once(client).messages.create(**asking(f"error{status}", f"status/{status}")))

    return call


def retried(client):
    return said(client.messages.create(**asking("retried", "status/529,rec/anthropic/message")))


def cut(client):
    asked = asking("cut", "cut/1500/anthropic/message_stream", "claude-3-haiku-20240307")
    with once(client).messages.stream(**asked) as stream:
        return "".join(stream.text_stream)


def left(client):
    """Close the stream after the first words."""
    asked = asking("left", "slow/20/anthropic/message_stream", "claude-3-haiku-20240307")
    with client.messages.stream(**asked) as stream:
        return next(iter(stream.text_stream))


async def async_message(_):
    async with anthropic.AsyncAnthropic() as client:
        asked = asking("async_message", "rec/anthropic/message", "claude-3-opus-20240229")
        return said(await client.messages.create(**asked))


async def async_stream(_):
    async with anthropic.AsyncAnthropic() as client:
        asked = asking("async_stream", "rec/anthropic/message_stream", "claude-3-haiku-20240307")
        async with client.messages.stream(**asked) as stream:
            return "".join([text async for text in stream.text_stream])


CASES = {
    "message": message,
    "message_stream": message_stream,
    "message_events": message_events,
    "tools": tools,
    "tools_stream": tools_stream,
    "caching_write": caching("caching_write"),
    "caching_read": caching("caching_read"),
    "thinking": thinking,
    "thinking_stream": thinking_stream,
    "retried": retried,
    "cut": cut,
    "left": left,
    "async_message": async_message,
    "async_stream": async_stream,
    **{f"error{status}": refused(status) for status in (400, 401, 403, 404, 429, 500, 529)},
}


if __name__ == "__main__":
    run(CASES, anthropic.Anthropic())
