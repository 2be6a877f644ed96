"""Before it is journaled: one look at an execution's bytes finds all that a look at each of its texts does."""

from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.executions import done
from promptforge.core.execution import Content
from promptforge.core.redaction import REDACTED, Redactor
from promptforge.record.intake import taken_in

SECRET = 'sk-cänary/"0123'
OURS = "pf_" + "Ab1-_" * 9
WORDS = (
    SECRET,
    OURS,
    "authorızatıon: x",
    "SET-COOKIE: x",
    "api-\N{KELVIN SIGN}ey=x",
    "İ",
    "12345678",
    "a cat",
    "\ud800",
)

texts = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=3).map("".join)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
contents = st.builds(
    Content, input=json_values, request=json_values, output=st.none() | texts, error=texts, usage_raw=json_values
)


class Slow(Redactor):
    """One that no look at bytes is enough for."""

    marks = None


@given(contents, st.dictionaries(texts, texts, max_size=2), texts, st.sampled_from([(), (SECRET,), ("12345678",)]))
def test_the_quick_look_misses_nothing(content, tags, model, secrets):
    """What is kept is the same as if every text had been gone through, whatever stands in it."""
    execution = done("w", content=content, tags=tags, model=model, end_user=model)
    assert taken_in(execution, Redactor(secrets)) == taken_in(execution, Slow(secrets))


def test_what_is_clean_is_kept_as_it_is():
    """Nothing to remove and nothing to mend: no copy."""
    execution = done("w", content=Content(input={"a": [1, 2.5, "ä"]}))
    assert taken_in(execution, Redactor([SECRET])) is execution


@pytest.mark.parametrize("secret", ["12345678", "1234.5678", "1e+30456"])
def test_a_number_that_is_a_secret_goes(secret):
    """Numbers are not written as their digits, so no look at bytes is trusted for them."""
    assert Redactor([secret]).marks is None
    kept = taken_in(done("w", content=Content(input=[12345678, 1234.5678])), Redactor(["12345678", "1234.5678"]))
    assert kept.content == Content(input=[REDACTED, REDACTED])


def test_what_no_store_writes_is_made_plain():
    """A mapping of another kind is legal in an execution, and is kept as a plain one."""
    kept = taken_in(done("w", tags=MappingProxyType({"a": "b"})), Redactor([SECRET]))
    assert kept.tags == {"a": "b"}
    assert isinstance(kept.tags, dict)


def test_very_many_secrets_are_all_removed():
    """However long the list is, each of them goes."""
    secrets = [f"secret-{n:06}-{'x' * 40}" for n in range(3_000)]
    redactor = Redactor(secrets)
    dirty = done("w", content=Content(output=f"say {secrets[-1]} twice"))
    assert taken_in(dirty, redactor) == replace(dirty, content=Content(output=f"say {REDACTED} twice"))
