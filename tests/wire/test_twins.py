"""One call that several instrumentations tell of is one call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit import otlp as told
from promptforge.core.execution import ErrorType
from promptforge.core.usage import usage
from promptforge.wire import otlp

SDK, AROUND, FRAMEWORK = "com.anthropic.sdk.python", "openinference.instrumentation.anthropic", "framework"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-3-opus"}
MILLISECOND = 1_000_000


def chat(scope, id, *, start_ms=0, took_ms=100, answer=None, counts=(17, 220), text=None, **more):
    """A call as one instrumentation tells of it."""
    attributes = dict(CHAT)
    if answer:
        attributes["gen_ai.response.id"] = answer
    if counts:
        attributes |= {"gen_ai.usage.input_tokens": counts[0], "gen_ai.usage.output_tokens": counts[1]}
    if text:
        attributes["gen_ai.completion"] = text
    more.setdefault("trace", f"{id:032x}")
    start = told.START + start_ms * MILLISECOND
    return told.span(attributes, id=f"{id:016x}", start=start, took_ms=took_ms, **more), scope


def calls(*spans):
    """The spans of a request that are calls."""
    return [span for span in otlp.read(told.protobuf(*spans), json=False).spans if span.calls_model]


def test_a_call_within_a_call_is_the_same():
    """An SDK's span under that of an instrumentation is no second call; what only it knew is taken over."""
    outer = chat(AROUND, 1, text="Hello.")
    inner = chat(SDK, 2, start_ms=5, took_ms=80, answer="msg_1", trace=f"{1:032x}", parent=f"{1:016x}")

    for spans in ((outer, inner), (inner, outer)):
        (call,) = calls(*spans)
        assert (call.span_id, call.output, call.request_id) == (f"{1:016x}", "Hello.", "msg_1")
        assert call.usage == usage(input=17, output=220)


def test_the_spans_of_one_answer_are_one_call():
    """Spans of several traces that name the same answer at the same time are one call, that of the outermost."""
    spans = (
        chat(FRAMEWORK, 1, took_ms=100, answer="msg_1", text="Hello."),
        chat(AROUND, 2, start_ms=1, took_ms=98, answer="msg_1"),
        chat(SDK, 3, start_ms=2, took_ms=120, answer="msg_1"),
    )

    assert [call.span_id for call in calls(*spans)] == [f"{1:016x}"]
    assert len(otlp.read(told.protobuf(*spans), json=False).spans) == 3


def test_the_counts_of_the_sdk_are_believed():
    """Where an instrumentation counts otherwise than the provider's own SDK, the SDK is right."""
    (call,) = calls(
        chat(AROUND, 1, answer="msg_1", counts=(17, 174)),
        chat(SDK, 2, start_ms=1, took_ms=90, answer="msg_1", counts=(17, 171)),
    )

    assert call.usage == usage(input=17, output=171)


def test_what_the_sdk_did_not_hear_is_not_counted():
    """A stream that was left early has the counts of its beginning only: the SDK tells none, and that is believed."""
    (call,) = calls(
        chat(AROUND, 1, answer="msg_1", counts=(17, 3)),
        chat(SDK, 2, start_ms=1, took_ms=90, answer="msg_1", counts=None),
    )

    assert call.usage is None


def test_an_answer_that_is_played_back_is_another_call():
    """The same answer at another time, as from a cache or a recording, is a call of its own."""
    spans = [
        pair
        for n in range(5)
        for pair in (
            chat(AROUND, 2 * n + 1, start_ms=200 * n, answer="msg_1"),
            chat(SDK, 2 * n + 2, start_ms=200 * n + 1, took_ms=90, answer="msg_1"),
        )
    ]

    assert len(calls(*spans)) == 5


def test_calls_at_the_same_time_stay_as_many():
    """Played back at the same time, each call of one instrumentation finds one of the other."""
    spans = [
        pair
        for n in range(5)
        for pair in (
            chat(AROUND, 2 * n + 1, start_ms=n, answer="msg_1"),
            chat(SDK, 2 * n + 2, start_ms=n + 2, took_ms=90, answer="msg_1"),
        )
    ]

    assert len(calls(*spans)) == 5


def test_the_same_answer_of_one_instrumentation_is_two_calls():
    """One instrumentation tells of a call once, so two of its spans are two calls, whatever they have in common."""
    assert len(calls(chat(AROUND, 1, answer="msg_1"), chat(AROUND, 2, start_ms=1, took_ms=50, answer="msg_1"))) == 2


@pytest.mark.parametrize(("text", "expected"), [("Hello.", 1), ("Good evening.", 2)])
def test_a_span_without_the_name_of_its_answer_is_told_by_how_it_ended(text, expected):
    """A framework that does not say which answer it got tells of the same call if it got the same text and counts."""
    outer = chat(FRAMEWORK, 1, text="Hello.")
    inner = chat(AROUND, 2, start_ms=1, took_ms=90, answer="msg_1", text=text)

    assert len(calls(outer, inner)) == expected


@pytest.mark.parametrize(("told_by", "produced", "expected"), [(SDK, 220, 1), (SDK, 221, 2), (AROUND, 220, 2)])
def test_an_sdk_that_keeps_no_text_is_told_by_what_was_produced(told_by, produced, expected):
    """A framework that names no answer and counts a stream's input as none tells of the call that the SDK within it
    counts right; no other instrumentation may differ."""
    outer = chat(FRAMEWORK, 1, text="Hello.", counts=(0, 220))
    inner = chat(told_by, 2, start_ms=1, took_ms=90, answer="msg_1", counts=(17, produced))
    left = calls(outer, inner)

    assert len(left) == expected
    assert expected == 2 or (left[0].output, left[0].usage) == ("Hello.", usage(input=17, output=220))


def test_a_framework_that_counts_no_input_takes_over_what_was_counted_within():
    """Of three tellings of a stream the outermost stays, with its text and the counts of the SDK."""
    outer = chat(FRAMEWORK, 1, text="Hello.", counts=(0, 220))
    inner = chat(SDK, 3, start_ms=2, took_ms=80, answer="msg_1", trace=f"{2:032x}", parent=f"{2:016x}")
    for middle in (
        chat(AROUND, 2, start_ms=1, took_ms=90, answer="msg_1", text="Hello."),
        chat(AROUND, 2, start_ms=1, took_ms=1, counts=None),  # it lost sight of the stream
    ):
        (call,) = calls(outer, middle, inner)
        assert (call.span_id, call.output, call.usage) == (f"{1:016x}", "Hello.", usage(input=17, output=220))


def test_a_failure_told_twice_is_one():
    """Two instrumentations, one around the other, that tell of the same error tell of one call."""
    outer, _ = chat(AROUND, 1, counts=None, status=2, message="RateLimitError: slow down")
    inner, _ = chat(SDK, 2, start_ms=1, took_ms=90, counts=None, status=2, message="RateLimitError")
    (call,) = calls((outer, AROUND), (inner, SDK))

    assert (call.error, call.error_type) == ("RateLimitError: slow down", ErrorType.RATE_LIMIT)


def test_different_answers_are_different_calls():
    """However alike two calls are, the names of their answers tell them apart."""
    assert len(calls(chat(FRAMEWORK, 1, answer="msg_1"), chat(AROUND, 2, start_ms=1, took_ms=9, answer="msg_2"))) == 2


def test_spans_that_stand_above_each_other_leave_one():
    """Parents in a circle, which no program makes, do not make a call vanish."""
    trace = f"{9:032x}"
    spans = (chat(AROUND, 1, trace=trace, parent=f"{2:016x}"), chat(SDK, 2, trace=trace, parent=f"{1:016x}"))

    assert len(calls(*spans)) == 1
    assert len(calls(chat(AROUND, 1, trace=trace, parent=f"{1:016x}"), chat(SDK, 2, start_ms=500))) == 2


_spans = st.lists(
    st.builds(
        lambda scope, start, took, answer, counts, parent: (scope, start, took, answer, counts, parent),
        st.sampled_from([SDK, AROUND, FRAMEWORK]),
        st.integers(0, 20),
        st.integers(0, 10),
        st.sampled_from([None, "msg_1", "msg_2"]),
        st.sampled_from([(1, 2), (3, 4), None]),
        st.sampled_from([0, 1, 2, 3]),
    ),
    min_size=1,
    max_size=6,
)


@given(said=_spans, order=st.randoms())
def test_no_order_and_no_twin_makes_a_call_vanish(said, order):
    """Whatever is told, a call is left, and how many are does not depend on the order in which they were told."""
    trace = f"{7:032x}"
    spans = [
        chat(
            scope,
            n + 1,
            start_ms=start,
            took_ms=took,
            answer=answer,
            counts=counts,
            trace=trace,
            parent=f"{parent:016x}" if parent else "",
        )
        for n, (scope, start, took, answer, counts, parent) in enumerate(said)
    ]
    left = calls(*spans)

    assert left
    shuffled = list(spans)
    order.shuffle(shuffled)
    assert len(calls(*shuffled)) == len(left)


def test_many_spans_of_one_answer_are_looked_through():
    """Thousands of spans that name one answer at once are paired; the work follows their number, not its square."""
    spans = [chat((AROUND, SDK)[n % 2], n + 1, answer="msg_1", took_ms=10**6) for n in range(4000)]

    assert len(calls(*spans)) == 2000
