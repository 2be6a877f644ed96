"""The gate that keeps secrets out of the record."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.execution import Content, Execution, Source, Status
from promptforge.core.redaction import REDACTED, Redactor

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

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(json_values, st.text(max_size=10), st.text(max_size=10))
def test_a_configured_secret_is_found_wherever_it_hides(around, left, right):
    """In input, keys, output, errors, traces, tags: the canary never survives the gate."""
    hidden = f"{left}{SECRET}{right}"
    dirty = replace(
        BASE,
        tags={"t": hidden},
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
