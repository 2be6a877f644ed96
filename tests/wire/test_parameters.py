"""Parameters by one name for every provider: said in each format's words, or refused by name; never lost."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.model import ModelRequest
from promptforge.core.prompt import Message
from promptforge.wire.anthropic import Anthropic
from promptforge.wire.google import Google
from promptforge.wire.ollama import Ollama
from promptforge.wire.openai import OpenAI
from promptforge.wire.openai_like import Azure, Compatible, Mistral
from promptforge.wire.parameters import BUDGETS, NEUTRAL
from promptforge.wire.responses import Responses

DIALECTS = {
    "openai": OpenAI(),
    "responses": Responses(),
    "azure": Azure("2024-10-21"),
    "mistral": Mistral(),
    "compatible": Compatible(),
    "anthropic": Anthropic(),
    "google": Google(),
    "ollama": Ollama(),
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
PLAIN = {"name": "weather", "description": "Tell the weather", "parameters": SCHEMA}
TOOL = {"type": "function", "function": PLAIN}
JSON = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
SAMPLES = {
    "max_tokens": 50_000,
    "max_completion_tokens": 50_000,
    "temperature": 0.3,
    "top_p": 0.9,
    "top_k": 40,
    "stop": ["END"],
    "seed": 7,
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "logprobs": True,
    "top_logprobs": 3,
    "tools": [TOOL],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "response_format": JSON,
    "reasoning": {"effort": "high"},
    "reasoning_effort": "low",
    "service_tier": "flex",
    "user": "u-1",
}


def body(dialect, model="a-model", **params):
    turns = (Message(role="user", content="hi"),)
    return DIALECTS[dialect].body(ModelRequest(model=model, messages=turns, params=params, stream=False, remaining=30))


def test_every_name_has_a_sample():
    """The tests below speak of all of them."""
    assert SAMPLES.keys() == NEUTRAL.keys()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_parameter_is_said_or_refused_by_name(dialect, name):
    """It changes what is sent, or the error names it and the format; null says nothing."""
    value = SAMPLES[name]
    if name in DIALECTS[dialect].lacks:
        with pytest.raises(InvalidInput) as refused:
            body(dialect, **{name: value})
        assert refused.value.path == f"$.params.{name}"
        assert str(refused.value).startswith(f"'{name}' is no parameter of {DIALECTS[dialect].title}")
    else:
        assert body(dialect, **{name: value}) != body(dialect)
    assert body(dialect, **{name: None}) == body(dialect)


WRONG = {
    "max_tokens": [0, "9", 1.5, True],
    "max_completion_tokens": [0],
    "temperature": [-0.1, 2.1, "0", True],
    "top_p": [-1, 1.1],
    "top_k": [-1],
    "stop": [3, ["a", 3]],
    "seed": ["7", 1.5],
    "frequency_penalty": [3],
    "presence_penalty": ["x"],
    "logprobs": ["yes"],
    "top_logprobs": [21],
    "tools": ["x", ["x"]],
    "tool_choice": [3, "sometimes"],
    "parallel_tool_calls": ["no"],
    "response_format": ["json", {"type": "xml"}, {"type": "json_schema"}],
    "reasoning": ["low", {"effort": 3}, {"budget_tokens": -1}],
    "reasoning_effort": [3],
    "service_tier": [3],
    "user": [3],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
@pytest.mark.parametrize("dialect", ["openai", "responses", "anthropic", "google", "ollama"])
def test_a_value_that_none_can_be_is_refused(dialect, name, value):
    """The same sentence whoever would run it, with the place in the parameters."""
    if dialect == "openai" and name in ("response_format", "tool_choice") and not isinstance(value, int | str):
        return  # its own form, which the provider judges
    if name in DIALECTS[dialect].lacks:
        return
    with pytest.raises(InvalidInput) as refused:
        body(dialect, **{name: value})
    assert refused.value.path.startswith(f"$.params.{name}")


def test_tools_in_each_format():
    """OpenAI's form and the plain one are the same tool everywhere; a provider's own stays as it is."""
    wanted = {
        "openai": [TOOL],
        "responses": [{"type": "function", **PLAIN}],
        "anthropic": [{"name": "weather", "description": "Tell the weather", "input_schema": SCHEMA}],
        "google": [
            {
                "functionDeclarations": [
                    {"name": "weather", "description": "Tell the weather", "parametersJsonSchema": SCHEMA}
                ]
            }
        ],
        "ollama": [TOOL],
    }
    for dialect, tools in wanted.items():
        assert body(dialect, tools=[TOOL])["tools"] == body(dialect, tools=[PLAIN])["tools"] == tools, dialect
    own = {
        "openai": {"type": "custom", "custom": {"name": "x"}},
        "responses": {"type": "web_search"},
        "anthropic": {"type": "web_search_20250305", "name": "web_search"},
        "google": {"googleSearch": {}},
    }
    for dialect, tool in own.items():
        assert tool in body(dialect, tools=[tool, TOOL])["tools"], dialect


@pytest.mark.parametrize(
    ("choice", "anthropic", "google"),
    [
        ("auto", {"type": "auto"}, None),
        ("none", {"type": "none"}, {"mode": "NONE"}),
        ("required", {"type": "any"}, {"mode": "ANY"}),
        (
            {"type": "function", "function": {"name": "weather"}},
            {"type": "tool", "name": "weather"},
            {"mode": "ANY", "allowedFunctionNames": ["weather"]},
        ),
        (
            {"name": "weather"},
            {"type": "tool", "name": "weather"},
            {"mode": "ANY", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_the_choice_of_a_tool_in_each_format(choice, anthropic, google):
    """Which may be called, which must, and none."""
    assert body("anthropic", tool_choice=choice)["tool_choice"] == anthropic
    config = body("google", tool_choice=choice).get("toolConfig")
    assert config == (google and {"functionCallingConfig": google})
    named = isinstance(choice, dict)
    assert body("openai", tool_choice=choice)["tool_choice"] == (
        {"type": "function", "function": {"name": "weather"}} if named else choice
    )
    assert body("responses", tool_choice=choice)["tool_choice"] == (
        {"type": "function", "name": "weather"} if named else choice
    )
    assert body("anthropic", tool_choice={"type": "any"})["tool_choice"] == {"type": "any"}


def test_one_tool_at_a_time():
    """Anthropic says it within the choice, which is automatic where nothing is said."""
    alone = body("anthropic", tools=[TOOL], parallel_tool_calls=False)
    assert alone["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tool_choice" not in body("anthropic", tools=[TOOL], parallel_tool_calls=True)


def test_structured_output_in_each_format():
    """A schema where there is one, JSON at all where the format can promise that, and text as it is."""
    assert body("openai", response_format=JSON)["response_format"] == JSON
    assert body("responses", response_format=JSON)["text"] == {
        "format": {"type": "json_schema", "name": "city", "schema": SCHEMA, "strict": True}
    }
    assert body("anthropic", response_format=JSON)["output_config"] == {
        "format": {"type": "json_schema", "schema": SCHEMA}
    }
    assert body("google", response_format=JSON)["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }
    assert body("ollama", response_format=JSON)["format"] == SCHEMA
    free = {"type": "json_object"}
    assert body("google", response_format=free)["generationConfig"] == {"responseMimeType": "application/json"}
    assert body("ollama", response_format=free)["format"] == "json"
    assert body("responses", response_format=free)["text"] == {"format": free}
    with pytest.raises(InvalidInput, match="give a response_format of type json_schema"):
        body("anthropic", response_format=free)
    for dialect in ("anthropic", "google", "ollama"):
        assert body(dialect, response_format={"type": "text"}) == body(dialect)


def test_how_much_to_think_in_each_format():
    """An effort or a budget, in the words of each: one stands for the other by the documented table."""
    new, old = "claude-opus-4-6", "claude-sonnet-4-5"
    effort, budget = {"effort": "high"}, {"budget_tokens": 5000}
    assert body("openai", reasoning=effort)["reasoning_effort"] == "high"
    assert body("openai", reasoning=budget)["reasoning_effort"] == "medium"
    assert body("responses", reasoning={**effort, "summary": "auto"})["reasoning"] == {
        "effort": "high",
        "summary": "auto",
    }
    sent = body("anthropic", new, reasoning=effort)
    assert (sent["thinking"], sent["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    sent = body("anthropic", old, reasoning=effort)
    assert (sent["thinking"], sent["max_tokens"]) == ({"type": "enabled", "budget_tokens": 24576}, 24576 + 4096)
    assert body("anthropic", new, reasoning=budget)["thinking"] == {"type": "enabled", "budget_tokens": 5000}
    assert body("anthropic", old, reasoning={"effort": "none"})["thinking"] == {"type": "disabled"}
    for model, config in (("gemini-2.5-pro", {"thinkingBudget": 24576}), ("gemini-3-pro", {"thinkingLevel": "high"})):
        assert body("google", model, reasoning=effort)["generationConfig"] == {"thinkingConfig": config}
    assert body("google", "gemini-3-pro", reasoning=budget)["generationConfig"]["thinkingConfig"] == {
        "thinkingBudget": 5000
    }
    assert body("ollama", reasoning=effort)["think"] == "high"
    assert body("ollama", reasoning={"effort": "none"})["think"] is False
    for dialect in ("openai", "anthropic", "google", "ollama"):
        assert body(dialect, reasoning_effort="low") == body(dialect, reasoning={"effort": "low"})


def test_a_budget_needs_room_in_the_limit():
    """What may be thought is part of Anthropic's limit, so a smaller limit is refused before the provider does."""
    with pytest.raises(InvalidInput, match="max_tokens must be more than the 5000"):
        body("anthropic", "claude-sonnet-4-5", reasoning={"budget_tokens": 5000}, max_tokens=5000)
    with pytest.raises(InvalidInput, match="stands for no number of tokens"):
        body("anthropic", "claude-sonnet-4-5", reasoning_effort="xhigh")


@pytest.mark.parametrize(
    ("name", "other"),
    [("max_tokens", "max_completion_tokens"), ("reasoning_effort", "reasoning"), ("stop", "stop_sequences")],
)
def test_one_thing_is_not_said_twice(name, other):
    """Two names for one thing in one call are refused: whichever won, the other would be lost."""
    for dialect in ("openai", "anthropic", "google"):
        given = {name: SAMPLES[name], other: SAMPLES.get(other, ["END"])}
        with pytest.raises(InvalidInput, match=f"'{name}' and '{other}' say the same"):
            body(dialect, **given)


def test_a_user_joins_the_metadata_that_are_there():
    """Anthropic's own metadata and a user are both sent."""
    assert body("anthropic", user="u-1", metadata={"x": 1})["metadata"] == {"x": 1, "user_id": "u-1"}


def test_what_nobody_knows_passes():
    """A parameter of tomorrow goes where the format has its parameters."""
    assert body("openai", brand_new=1)["brand_new"] == 1
    assert body("anthropic", brand_new=1)["brand_new"] == 1
    assert body("google", brandNew=1)["generationConfig"] == {"brandNew": 1}
    assert body("ollama", brand_new=1)["options"] == {"brand_new": 1}


@given(st.sampled_from(sorted(DIALECTS)), st.lists(st.sampled_from(sorted(SAMPLES)), unique=True))
def test_any_combination_is_sent_or_refused_by_name(dialect, names):
    """The body is JSON in which each of them shows, or the error names one of the parameters given."""
    given = {name: SAMPLES[name] for name in names}
    try:
        sent = body(dialect, **given)
    except InvalidInput as error:
        assert error.path in {f"$.params.{name}" for name in names}
        return
    json.dumps(sent)
    for name in names:
        without = body(dialect, **{other: value for other, value in given.items() if other != name})
        # how many log probabilities there are says on its own that there are some
        assert without != sent or (name == "logprobs" and "top_logprobs" in names)


@given(st.sampled_from(sorted(BUDGETS)))
def test_a_word_and_its_budget_stand_for_each_other(word):
    """What an effort stands for stands for it, the least of two that think alike."""
    sent = body("openai", reasoning={"budget_tokens": BUDGETS[word]})["reasoning_effort"]
    assert BUDGETS[sent] == BUDGETS[word]


def test_the_documentation_has_the_table():
    """docs/parameters.md says of every name and every format what the code says."""
    lines = (Path(__file__).resolve().parents[2] / "docs/parameters.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    order = ("openai", "responses", "azure", "mistral", "compatible", "anthropic", "google", "ollama")
    told = {name.strip("` "): cells for first, *cells in rows for name in first.split(",")}
    assert told == {name: ["no" if name in DIALECTS[dialect].lacks else "yes" for dialect in order] for name in NEUTRAL}
