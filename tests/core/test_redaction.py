"""The gate that keeps secrets out of the record."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from promptforge.core.chain import StepType
from promptforge.core.chain_execution import (
    ChainContent,
    ChainExecution,
    ChainPlan,
    SkippedStep,
    StepContent,
    StepRun,
)
from promptforge.core.execution import Attempt, Content, Execution, Source, Status
from promptforge.core.redaction import REDACTED, SHORTEST, Redactor, Redactors

SECRET = "sk-ant-canary-0123456789"
OURS = "pf_" + "Ab1-_" * 9
BASE = Execution(
    id="exec_0",
    workspace="w",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    status=Status.SUCCESS,
    source=Source.API,
    model="m",
    provider="demo",
)
TRY = Attempt(number=1, provider="demo", model="m", offset_ms=0, latency_ms=1, status=Status.SUCCESS, request_id="r")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(json_values, st.text(max_size=10), st.text(max_size=10))
def test_a_configured_secret_is_found_wherever_it_hides(around, left, right):
    """In input, keys, output, errors, traces, tags, attempts: the canary never survives the gate."""
    hidden = f"{left}{SECRET}{right}"
    dirty = replace(
        BASE,
        tags={"t": hidden},
        model=hidden,
        provider=hidden,
        response_model=hidden,
        finish_reason=hidden,
        attempts=(attempt(hidden),),
        end_user=hidden,
        session_id=hidden,
        service=hidden,
        content=Content(
            input={"a": [around, {hidden: hidden}]},
            request=hidden,
            output=hidden,
            error=hidden,
            stack_trace=hidden,
            usage_raw=[hidden],
            metadata={"m": hidden},
            attempt_errors=(hidden,),
        ),
    )

    assert SECRET not in repr(Redactor([SECRET]).execution(dirty))


def attempt(hidden):
    """A try at a provider that repeats what it was given."""
    return Attempt(
        number=1,
        provider=hidden,
        model=hidden,
        offset_ms=0,
        latency_ms=1,
        status=Status.ERROR,
        request_id=hidden,
    )


@given(json_values, st.text(max_size=10), st.text(max_size=10))
def test_a_chain_execution_hides_none_either(around, left, right):
    """Not in what went in and came out, nor in its plan, its steps, their attempts, or why one was skipped."""
    hidden = f"{left}{SECRET}{right}"
    of_step = StepContent(input=[around, hidden], output={hidden: hidden}, error=hidden, stack_trace=hidden)
    step = StepRun(
        name="call", order=1, type=StepType.API_CALL, status=Status.ERROR, attempts=(attempt(hidden),), content=of_step
    )
    dirty = ChainExecution(
        id="chex_0",
        workspace="w",
        created_at=BASE.created_at,
        status=Status.ERROR,
        source=Source.API,
        plan=ChainPlan(overrides={"call": {"config": {"url": hidden}}}),
        tags={hidden: hidden},
        end_user=hidden,
        session_id=hidden,
        service=hidden,
        steps=(step,),
        skipped=(SkippedStep(name="later", order=2, type=StepType.MERGE, reason=hidden),),
        content=ChainContent(input=hidden, output=[hidden], error=hidden, stack_trace=hidden, metadata={"m": hidden}),
    )

    clean = Redactor([SECRET]).chain_execution(dirty)
    assert SECRET not in repr(clean)
    assert (clean.steps[0].name, clean.skipped[0].name) == ("call", "later")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST))
def test_a_secret_is_found_as_json_or_a_url_writes_it(secret):
    """A body kept as text, JSON within JSON, the query of an address, Python's own writing: each loses it."""
    body = json.dumps({"token": secret}, ensure_ascii=False)
    for text, hidden in (
        (body, body[11:-2]),
        (json.dumps({"token": secret}), json.dumps(secret)[1:-1]),
        (json.dumps(body, ensure_ascii=False), json.dumps(body[11:-2], ensure_ascii=False)[1:-1]),
        (body.replace("/", "\\/"), body[11:-2].replace("/", "\\/")),
        (f"https://example.org/?{urlencode({'token': secret})}", quote_plus(secret)),
        (f"https://example.org/{quote(secret, safe='')}", quote(secret, safe="")),
        (f"bad token {secret!r}", repr(secret)[1:-1]),
    ):
        assert hidden in text
        assert hidden not in Redactor([secret]).text(text)


@pytest.mark.parametrize("number", [1234567890, 12345.67890123, -1234567890])
def test_a_number_can_be_a_secret(number):
    """A value of digits comes back from a JSON service as a number."""
    assert Redactor([str(abs(number))]).json({"pin": [number, 7]}) == {"pin": [REDACTED, 7]}


def test_each_workspace_loses_its_own_secrets_only():
    """And those of the process everywhere: nobody can blank words of others, or try out what is secret there."""
    redactors = Redactors([SECRET])
    redactors.learn("here", "first-secret")
    redactors.learn("here", "second-secret")
    text = f"{SECRET} first-secret second-secret"
    assert redactors.of("here").text(text) == f"{REDACTED} {REDACTED} {REDACTED}"
    assert redactors.of("there").text(text) == f"{REDACTED} first-secret second-secret"
    assert "secret" not in repr(redactors)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.def",
        '{"x-api-key": "abc.def"}',
        "curl -H 'api-key: abc.def'",
        "X-Goog-Api-Key=abc.def",
    ],
)
def test_what_stands_behind_an_authorization_header_goes(text):
    """Header-like names give away their values even when the value is not a configured secret."""
    assert "abc.def" not in Redactor().text(text)
    assert REDACTED in Redactor().text(text)


def test_a_header_in_json_loses_its_value():
    """As structured headers too, in any letter case."""
    assert {"headers": {"Authorization": REDACTED}} == Redactor().json({"headers": {"Authorization": "Bearer x"}})


def test_our_own_keys_are_recognised_by_their_shape():
    """An API key of ours is stored only as a hash, so its shape is what gives it away."""
    assert f"key {REDACTED}!" == Redactor().text(f"key {OURS}!")


@given(json_values)
def test_clean_values_pass_unchanged(value):
    """Without a secret inside, the gate changes nothing."""
    assert value == Redactor([SECRET]).json(value) or "api" in repr(value).lower()


def test_short_values_are_not_taken_for_secrets():
    """A one-letter "secret" must not blank every text."""
    assert "a cat" == Redactor(["a"]).text("a cat")


def test_the_gate_does_not_show_its_secrets():
    """Neither repr nor str of the redactor prints what it guards."""
    assert SECRET not in repr(Redactor([SECRET]))


@given(json_values, st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_what_is_clean_comes_back_as_it_is(value, tags):
    """Nothing to remove means no copy: the very object that was given, with all that is in it."""
    clean = replace(
        BASE, tags=tags, attempts=(TRY,), content=Content(input=value, metadata=[value], attempt_errors=("late",))
    )
    assume(Redactor([SECRET]).json([value, tags]) == [value, tags])
    assert Redactor([SECRET]).execution(clean) is clean


@pytest.mark.parametrize(
    "name", ["AUTHORIZATION", "authorızatıon", "AUTHORİZATİON", "ſet-cookie", "api-\N{KELVIN SIGN}ey", "X-Api-Key"]
)
def test_a_header_is_known_by_any_of_its_letter_cases(name):
    """The quick look misses nothing that the patterns know: capitals, dotless i, long s, the Kelvin sign."""
    assert Redactor().text(f"{name}: abc.def") == f"{name}: {REDACTED}"


@pytest.mark.parametrize(
    "part",
    [
        {"model": OURS},
        {"service": OURS},
        {"end_user": OURS},
        {"session_id": OURS},
        {"response_model": OURS},
        {"finish_reason": OURS},
        {"attempts": (TRY, replace(TRY, request_id=OURS))},
        {"tags": {"t": OURS}},
        {"tags": {OURS: "t"}},
        *({"content": Content(**{name: OURS})} for name in ("input", "request", "output", "error", "stack_trace")),
        {"content": Content(usage_raw={"a": OURS})},
        {"content": Content(metadata=[OURS])},
        {"content": Content(attempt_errors=("fine", OURS))},
    ],
)
def test_a_secret_is_removed_where_all_else_is_clean(part):
    """One field is enough."""
    assert OURS not in repr(Redactor().execution(replace(BASE, **part)))


@given(
    st.recursive(
        st.none()
        | st.integers()
        | st.text(max_size=12)
        | st.sampled_from(
            [SECRET, SECRET.upper(), OURS, "Authorization: x", "SET-COOKIE=abc", "x-aPı-key: a", "api-\u212aey: v"]
        ),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(max_size=4) | st.sampled_from(["X-Api-Key", SECRET]), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_what_looks_clean_as_a_whole_is_clean_in_every_part(value):
    """The one look that lets nearly everything pass never lets through what the look at each text would remove."""
    redactor = Redactor([SECRET])
    dirty = replace(BASE, content=Content(input=value, output=json.dumps(value, ensure_ascii=False)))
    encoded = json.dumps([value, dirty.content.output], ensure_ascii=False).encode()

    if not any(mark.lower() in encoded.lower() for mark in redactor.marks):
        assert redactor.execution(dirty) == dirty


def test_a_secret_of_digits_is_looked_for_in_every_number():
    """A number is written otherwise in bytes than in text, so then nothing passes at a glance."""
    assert Redactor(["1234567890"]).marks is None
    assert SECRET.encode() in Redactor([SECRET]).marks
