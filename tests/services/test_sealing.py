"""What is stored of a secret can be read with the right key, in the right place, unchanged; and not otherwise."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.clock import START
from promptforge.core.secret import Secret
from promptforge.services.sealing import Seal

OLD, NEW = "an old key of at least 32 characters", "a new key of at least 32 characters"
TOKEN = Secret(workspace="here", name="token", updated_at=START, updated_by="user_1")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_can_be_opened(value):
    """By the same key, for the same name; the sealed bytes do not hold the value, and differ each time."""
    sealed = Seal([NEW]).seal(TOKEN, value)
    assert Seal([NEW]).open(TOKEN, sealed) == value
    assert Seal([NEW]).seal(TOKEN, value) != sealed
    assert len(value) < 4 or value.encode() not in sealed


@pytest.mark.parametrize("moved", [{"workspace": "there"}, {"name": "other"}, {"workspace": "her", "name": "e\0token"}])
def test_a_sealed_value_opens_in_its_own_place_only(moved):
    """Copied to another workspace or name it is worth nothing."""
    assert Seal([NEW]).open(replace(TOKEN, **moved), Seal([NEW]).seal(TOKEN, "the value")) is None


def test_what_was_touched_does_not_open():
    """Not with any byte changed, nor cut short."""
    sealed = Seal([NEW]).seal(TOKEN, "the value")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        assert Seal([NEW]).open(TOKEN, changed) is None
        assert Seal([NEW]).open(TOKEN, sealed[:at]) is None


def test_keys_follow_each_other():
    """The first key seals, all open: so a key can be changed while what the old one sealed is still there."""
    sealed = Seal([OLD]).seal(TOKEN, "the value")
    both = Seal([NEW, OLD])
    assert both.open(TOKEN, sealed) == "the value"
    assert not both.is_current(TOKEN, sealed)
    assert Seal([NEW]).open(TOKEN, sealed) is None
    again = both.seal(TOKEN, "the value")
    assert both.is_current(TOKEN, again)
    assert Seal([NEW]).open(TOKEN, again) == "the value"


def test_the_seal_does_not_show_its_keys():
    """Printing it prints no key."""
    assert "key of" not in repr(Seal([NEW, OLD]))
