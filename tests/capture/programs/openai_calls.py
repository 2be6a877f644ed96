"""Calls through the openai SDK. Where they go and with which key is in the environment alone.

Each case says its name in its input, and in ``x-replay`` what the provider behind shall answer.
"""

import openai
from running import run

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "The weather of a place",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
    },
}
CALLED = {
    "id": "1",
    "type": "function",
    "function": {"name": "get_current_weather", "arguments": '{"location": "Boston"}'},
}


def asking(case, replay, **more):
    """What a call of a chat needs."""
    messages = [{"role": "system", "content": "You are funny"}, {"role": "user", "content": f"Joke for {case}"}]
    given = {"model": "gpt-3.5-turbo", "messages": messages, "extra_headers": {"x-replay": replay}}
    return given | more


def once(client):
    """The same without its patience."""
    return client.with_options(max_retries=0)


def said(answer):
    """What a chat came to."""
    message = answer.choices[0].message
    return {
        "id": answer.id,
        "text": message.content,
        "tools": [[call.function.name, call.function.arguments] for call in message.tool_calls or []],
    }


def chat(client):
    return said(client.chat.completions.create(**asking("chat", "rec/openai/chat")))


def streamed(client, case, replay):
    asked = asking(case, replay, stream=True, stream_options={"include_usage": True})
    return "".join(
        choice.delta.content or ""
        for chunk in once(client).chat.completions.create(**asked)
        for choice in chunk.choices
    )


def chat_stream(client):
    return streamed(client, "chat_stream", "rec/openai/chat_stream")


def tools(client):
    messages = [
        {"role": "user", "content": "Weather for tools, in Boston"},
        {"role": "assistant", "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "1", "content": "12 degrees"},
    ]
    asked = asking("tools", "rec/openai/tool_calls", messages=messages, tools=[WEATHER], temperature=0.5)
    return said(client.chat.completions.create(**asked))


def tool_stream(client):
    asked = asking("tool_stream", "made/openai/tool_stream", stream=True, tools=[WEATHER])
    return "".join(
        call.function.arguments
        for chunk in client.chat.completions.create(**asked)
        for choice in chunk.choices
        for call in choice.delta.tool_calls or []
    )


def reasoning(client):
    messages = [{"role": "user", "content": "Count for reasoning"}]
    asked = asking("", "rec/openai/reasoning", model="gpt-5-nano", messages=messages, reasoning_effort="low")
    return said(client.chat.completions.create(**asked))


def responses(client):
    asked = {"model": "gpt-4.1-nano", "input": "Capital for responses"}
    return client.responses.create(**asked, extra_headers={"x-replay": "rec/openai/responses"}).output_text


def responses_stream(client):
    asked = {"model": "gpt-4.1-nano", "input": "Capital for responses_stream", "stream": True}
    events = client.responses.create(**asked, extra_headers={"x-replay": "made/openai/responses_stream"})
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def embedding(client):
    asked = {"model": "text-embedding-3-small", "input": ["One for embedding", "two"]}
    return len(client.embeddings.create(**asked, extra_headers={"x-replay": "made/openai/embedding"}).data)


def models(client):
    return [model.id for model in client.models.list(extra_headers={"x-replay": "made/openai/models"})]


def refused(status):
    """A call that the provider refuses."""

    def call(client):
        return said(once(client).chat.completions.create(**asking(f"error{status}", f"status/{status}")))

    return call


def retried(client):
    asked = asking("retried", "status/500,rec/openai/chat")
    return said(client.chat.completions.create(**asked))


def cut(client):
    return streamed(client, "cut", "cut/700/openai/chat_stream")


def left(client):
    """Close the stream after the first words."""
    asked = asking("left", "slow/20/openai/chat_stream", stream=True)
    with client.chat.completions.create(**asked) as stream:
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                return chunk.choices[0].delta.content
    return None


async def async_chat(_):
    async with openai.AsyncOpenAI() as client:
        return said(await client.chat.completions.create(**asking("async_chat", "rec/openai/chat")))


async def async_stream(_):
    asked = asking("async_stream", "rec/openai/chat_stream", stream=True)
    async with openai.AsyncOpenAI() as client:
        return "".join(
            [
                choice.delta.content or ""
                async for chunk in await client.chat.completions.create(**asked)
                for choice in chunk.choices
            ]
        )


CASES = {
    "chat": chat,
    "chat_stream": chat_stream,
    "tools": tools,
    "tool_stream": tool_stream,
    "reasoning": reasoning,
    "responses": responses,
    "responses_stream": responses_stream,
    "embedding": embedding,
    "models": models,
    "retried": retried,
    "cut": cut,
    "left": left,
    "async_chat": async_chat,
    "async_stream": async_stream,
    **{f"error{status}": refused(status) for status in (400, 401, 403, 404, 429, 500, 503)},
}


if __name__ == "__main__":
    run(CASES, openai.OpenAI())
