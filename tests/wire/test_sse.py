"""The event-stream decoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptforge.wire.sse import Decoder, Event, EventTooLarge

ENDS = st.sampled_from(["\n", "\r\n", "\r"])
TEXT = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=12)


@st.composite
def streams(draw):
    """Bytes of a stream, as a provider could send it, with any line ends, comments and unknown fields."""
    lines = draw(
        st.lists(
            st.one_of(
                st.just(""),
                TEXT.map(lambda text: f"data: {text}"),
                TEXT.map(lambda text: f"data:{text}"),
                TEXT.map(lambda text: f"event: {text}"),
                TEXT.map(lambda text: f": {text}"),
                TEXT,
            ),
            max_size=14,
        )
    )
    return "".join(line + draw(ENDS) for line in lines).encode()


def whole(data: bytes) -> list[Event]:
    return Decoder().feed(data)


@given(streams(), st.data())
def test_any_cut_gives_the_same_events(data, cuts):
    """However the bytes of a stream are cut, the events are those of the uncut bytes."""
    places = sorted(cuts.draw(st.lists(st.integers(0, len(data)), max_size=12)))
    decoder, events = Decoder(), []
    for start, end in zip([0, *places], [*places, len(data)], strict=True):
        events += decoder.feed(data[start:end])
    assert events == whole(data)


@given(streams())
def test_byte_by_byte_gives_the_same_events(data):
    """The finest cut of all changes nothing."""
    decoder = Decoder()
    assert [event for byte in data for event in decoder.feed(bytes([byte]))] == whole(data)


@given(st.lists(TEXT, min_size=1, max_size=5), TEXT, ENDS)
def test_lines_of_data_are_joined(lines, name, end):
    """Several data lines are one event, joined by line feeds, under the name given."""
    data = f"event: {name}{end}" + "".join(f"data: {line}{end}" for line in lines) + end
    assert whole(data.encode()) == [Event(name or "message", "\n".join(lines))]


def test_a_blank_line_ends_an_event_at_once():
    """An event is given out when its blank line has come, whichever line end is used."""
    for end in (b"\n", b"\r\n", b"\r"):
        assert Decoder().feed(b"data: x" + end + end) == [Event("message", "x")]


def test_a_byte_order_mark_comments_and_ids_are_no_data():
    """What the format allows beside events is passed over."""
    assert whole(b"\xef\xbb\xbf: hello\nid: 7\nretry: 10\ndata: x\n\n\n\n") == [Event("message", "x")]


def test_an_unfinished_event_is_no_event():
    """What follows the last blank line was never completed."""
    assert whole(b"data: a\n\ndata: b\n") == [Event("message", "a")]


@given(st.integers(1, 40))
def test_one_event_is_bounded(cut):
    """A line without end, or data without end, is refused at the limit, in any cut; small events go on for ever."""
    for endless in (b"data: " + b"x" * 2000, b"data: xxxxxxx\n" * 300):
        with pytest.raises(EventTooLarge, match="larger than 1000 bytes"):
            count(Decoder(limit=1000), endless, cut)
    assert count(Decoder(limit=100), b"data: small\n\n" * 500, cut) == 500


def count(decoder: Decoder, data: bytes, cut: int) -> int:
    return sum(len(decoder.feed(data[start : start + cut])) for start in range(0, len(data), cut))
