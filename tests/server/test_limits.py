"""Hostile documents: each is refused by a sentence with the figure and the limit, before any resolver runs."""

import pytest
from graphql import get_introspection_query
from hypothesis import given
from hypothesis import strategies as st

from promptforge.server.graphql import limits
from promptforge.server.graphql.document import Documents, Refused
from promptforge.server.graphql.schema import SCHEMA


def refusal(text, variables=None):
    """Why the document is refused, as it would be before execution."""
    with pytest.raises(Refused) as caught:
        allowed(text, variables)
    return caught.value


def allowed(text, variables=None):
    documents = Documents(SCHEMA)
    document = documents.get(text)
    documents.allow(document, document.operation(None), variables or {})
    return document


DOUBLING = "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
DOUBLING += " fragment F60 on Query { me { id } }"
NAMES = "id name description category isPublic tags createdAt updatedAt archivedAt forkedFrom __typename"
WIDE = (
    "{ "
    + ("prompts { " + ("versions { prompt { ...P } } " * 10) + " } ") * 10
    + "} fragment P on Prompt { "
    + NAMES
    + " }"
)
CYCLE = (
    "{ prompts { ...A } } fragment A on Prompt { versions { ...B } } fragment B on PromptVersion { prompt { ...A } }"
)
ALIASES = "{ " + " ".join(f"...F{n}" for n in range(20)) + " } "
ALIASES += " ".join(
    f"fragment F{n} on Query {{ " + " ".join(f"a{n}_{m}: __typename" for m in range(100)) + " }" for n in range(20)
)
DEEP = "{ prompts { " + "versions { prompt { " * 20 + "id" + " } }" * 20 + " } }"
PAGES = "{ prompts(limit: 500) { versions(limit: 500) { executions(limit: 500) { id } } } }"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (DOUBLING, "one selection names 'me' 16 times, and 10 is the limit"),
        (WIDE, "selects 1310 fields with its fragments expanded, and 1000 is the limit"),
        (CYCLE, "the fragment 'A' leads back to itself: A > B > A"),
        ("{ ...A } fragment A on Query { ...A }", "the fragment 'A' leads back to itself"),
        (ALIASES, "one selection uses 100 aliases, and 30 is the limit"),
        ("{ me { id } } fragment X on Query { " + "a " * 2000 + "}", "2000"),
        (DEEP, "42 levels deep, and 16 is the limit"),
        (PAGES, "and 100000 is the limit"),
        ("{ " + "me { id } " * 50 + "}", "one selection names 'me' 50 times, and 10 is the limit"),
        ("{a" * 5000, "nested too deeply"),
        ("{ me { id } } #" + "x" * 70_000, "characters, and 65536 is the limit"),
        ("{ me { id } } " + "query A { me { id } } " * 3000, "characters, and 65536 is the limit"),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            "Maximum introspection depth exceeded",
        ),
    ],
    ids=lambda value: value[:20],
)
def test_a_hostile_document_is_refused(text, sentence):
    """Cycles, doubling fragments, aliases in fragments, depth, page sizes and length are refused by name."""
    assert sentence in str(refusal(text))


def test_a_nested_value_is_refused():
    """A value that nests too deeply to be read is refused like a selection that does."""
    refused = refusal("{ executions(filter: " + "{tags: [" * 3000 + "]}" * 3000 + ") { id } }")

    assert refused.errors


@given(st.integers(1, 500), st.integers(1, 500))
def test_the_cost_is_the_product_of_the_pages(outer, inner):
    """A list in a list costs what both limits multiply to, whether they stand in the text or in variables."""
    fields = "id version model createdAt"
    literal = f"{{ prompts(limit: {outer}) {{ versions(limit: {inner}) {{ {fields} }} }} }}"
    named = f"query($a: Int, $b: Int) {{ prompts(limit: $a) {{ versions(limit: $b) {{ {fields} }} }} }}"
    expected = 1 + outer * (1 + inner * 4)
    document = Documents(SCHEMA).get(named)

    figure = limits.cost(SCHEMA, document.node, document.operation(None), {"a": outer, "b": inner})
    plain = Documents(SCHEMA).get(literal)

    assert figure == expected
    assert limits.cost(SCHEMA, plain.node, plain.operation(None), {}) == expected


def test_variables_cannot_hide_a_page_size():
    """The limit is checked with the variables of the request, also for a document that was allowed before."""
    query = """query($n: Int) { prompts(limit: $n) { versions(limit: $n) { id } } }"""
    documents = Documents(SCHEMA)
    document = documents.get(query)
    documents.allow(document, document.operation(None), {"n": 10})

    with pytest.raises(Refused, match="is the limit"):
        documents.allow(document, document.operation(None), {"n": 500})


def test_what_pages_and_tools_ask_is_allowed():
    """The standard introspection and a full page of 500 executions with every plain field pass the limits."""
    allowed(get_introspection_query())
    allowed(
        """{ executions(limit: 500) { id status input request output outputJson error errorType stackTrace latencyMs
        firstTokenMs tokenIn tokenOut costUsd cost { usd display state lines { unit quantity rateUsd amountUsd } }
        usage usageSource createdAt startedAt endedAt promptVersion { id version prompt { id name } } promptName label
        provider model responseModel finishReason user { id name } endUser sessionId service source tags metadata
        attempts { number latencyMs status error } streamed cached contentExpired cursor } }"""
    )


async def test_a_refused_document_never_reaches_a_resolver(caller):
    """A mutation that is refused for its size beside it has changed nothing."""
    many = " ".join(f'p{n}: createPrompt(input: {{name: "p{n}"}}) {{ id }}' for n in range(31))

    error = await caller.refused(f"mutation {{ {many} }}")

    assert error["extensions"]["code"] == "QUERY_TOO_LARGE"
    assert await caller.ask("{ prompts { id } }") == {"prompts": []}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'[{"query": "{ me { id } }"}]', "one operation per request"),
        (b"{", "not JSON"),
        (b'"query"', "must be a JSON object"),
        (b"{}", "has no 'query'"),
        (b'{"query": 1}', "has no 'query'"),
        (b'{"query": "{ me { id } }", "variables": []}', "'variables' must be"),
        (b'{"query": "{ me { id } }", "operationName": 1}', "'operationName' must be"),
        (b'{"query": "' + b"x" * (limits.MAX_BODY + 1) + b'"}', "is the limit"),
        (b"\xff\xfe", "not JSON"),
    ],
    ids=lambda value: str(value)[:25],
)
async def test_a_malformed_request_is_a_400_with_a_sentence(caller, body, sentence):
    """What is not a GraphQL request is told what it should be."""
    headers = {"X-API-Key": caller.key, "content-type": "application/json"}

    answer = await caller.http.post("/graphql", content=body, headers=headers)

    assert answer.status_code == 400
    assert sentence in answer.json()["errors"][0]["message"]
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_other_methods_and_types(caller):
    """GET runs nothing, and a form that another site could send is not taken for an operation."""
    got = await caller.http.get("/graphql?query={me{id}}", headers={"X-API-Key": caller.key})
    form = await caller.http.post(
        "/graphql", content='{"query": "{me{id}}"}', headers={"X-API-Key": caller.key, "content-type": "text/plain"}
    )

    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert form.status_code == 400


async def test_errors_carry_codes_and_places(caller):
    """Each kind of mistake has its code; the message helps, and nothing of the inside shows."""
    syntax = await caller.refused("{ me { ")
    unknown = await caller.refused("{ executions { idd } }")
    variable = await caller.refused("query($n: Int) { executions(limit: $n) { id } }", n="many")
    several = await caller.refused("query A { me { id } } query B { me { id } }")
    subscription = await caller.refused("subscription { activity { at } }")
    time_ = await caller.refused('{ executions(filter: {createdFrom: "yesterday"}) { id } }')

    assert syntax["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert unknown["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "Did you mean 'id'" in unknown["message"]
    assert unknown["locations"] == [{"line": 1, "column": 16}]
    assert variable["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "operationName" in several["message"]
    assert "websocket" in subscription["message"]
    assert "2025-01-21T10:30:00Z" in time_["message"]


async def test_a_defect_is_masked_and_logged_without_its_words(caller, forge, monkeypatch, caplog):
    """An unexpected exception shows an id; the log has the place under that id, and the exception's text nowhere."""

    secret = "the password is hunter2"

    async def broken(*_):
        raise RuntimeError(secret)

    monkeypatch.setattr(type(forge.access), "me", broken)

    answer = await caller.post("{ me { id } }")
    (error,) = answer.json()["errors"]

    assert error["extensions"]["code"] == "INTERNAL"
    assert error["message"].startswith("Internal error; the server's log has it under id ")
    assert error["message"].split()[-1] in caplog.text
    assert "hunter2" not in answer.text + caplog.text
    assert "RuntimeError" not in answer.text
