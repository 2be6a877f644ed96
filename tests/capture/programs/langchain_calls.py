"""Calls through langchain. Where they go and with which key is in the environment alone.

Each case says its name in its input, and in ``x-replay`` what the provider behind shall answer.
"""

from langchain_anthropic import ChatAnthropic
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from running import run

JOKE = ChatPromptTemplate.from_messages([("system", "You are funny"), ("user", "Joke for {case}")])


def openai_model(replay="rec/openai/chat", **more):
    return ChatOpenAI(model="gpt-3.5-turbo", max_retries=0, default_headers={"x-replay": replay}, **more)


def anthropic_model(replay="rec/anthropic/message"):
    headers = {"x-replay": replay}
    return ChatAnthropic(model="claude-3-opus-20240229", max_retries=0, default_headers=headers)


def plain(_):
    return openai_model().invoke("Joke for plain").content


def anthropic_plain(_):
    return anthropic_model().invoke("Joke for anthropic_plain").content


def chain(_):
    joke = JOKE | openai_model() | StrOutputParser()
    explain = ChatPromptTemplate.from_template("Explain for chain: {joke}") | openai_model() | StrOutputParser()
    return ({"joke": joke} | explain).invoke({"case": "chain"})


def stream(_):
    joke = JOKE | openai_model("rec/openai/chat_stream", stream_usage=True) | StrOutputParser()
    return "".join(joke.stream({"case": "stream"}))


def anthropic_stream(_):
    joke = JOKE | anthropic_model("rec/anthropic/message_stream") | StrOutputParser()
    return "".join(joke.stream({"case": "anthropic_stream"}))


def tools(_):
    @tool
    def get_current_weather(location: str) -> str:
        """The weather of a place."""
        return f"12 degrees in {location}"

    model = openai_model("made/openai/tool_call").bind_tools([get_current_weather])
    return [get_current_weather.invoke(call).content for call in model.invoke("Weather for tools").tool_calls]


def error401(_):
    return (JOKE | openai_model("status/401") | StrOutputParser()).invoke({"case": "error401"})


async def async_chain(_):
    return await (JOKE | openai_model() | StrOutputParser()).ainvoke({"case": "async_chain"})


CASES = {
    "plain": plain,
    "anthropic_plain": anthropic_plain,
    "chain": chain,
    "stream": stream,
    "anthropic_stream": anthropic_stream,
    "tools": tools,
    "error401": error401,
    "async_chain": async_chain,
}


if __name__ == "__main__":
    run(CASES, None)
