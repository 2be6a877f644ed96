"""Names of prompts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.core.errors import InvalidInput
from promptforge.core.prompt import kebab


@pytest.mark.parametrize(
    ("given_name", "made"),
    [
        ("Support Reply", "support-reply"),
        ("support_reply", "support-reply"),
        ("SentimentAnalyzer", "sentiment-analyzer"),
        ("  v2: summary! ", "v2-summary"),
        ("already-kebab", "already-kebab"),
    ],
)
def test_names_become_kebab_case(given_name, made):
    """What people type becomes the documented kebab-case."""
    assert made == kebab(given_name)


@given(st.text(max_size=120))
def test_kebab_is_idempotent(name):
    """A name made once is left as it is; what cannot be one is refused in a sentence."""
    try:
        once = kebab(name)
    except InvalidInput as error:
        assert "not a usable name" in str(error)
    else:
        assert once == kebab(once)
