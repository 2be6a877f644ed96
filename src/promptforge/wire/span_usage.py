"""Usage out of a span's counts, each token once.

The conventions want cached tokens inside the input and reasoning inside the output, and most programs do that; some
report what their provider does, and some providers count them beside. Which it is, the counts themselves say: see
``_beside``. Counts that fit neither way are no usage, and nor is half of them.
"""

from collections.abc import Mapping

from promptforge.core.json import Json, is_object
from promptforge.core.usage import Usage, usage
from promptforge.wire.conventions import TABLE
from promptforge.wire.usage import Uncountable, leaves

MAX_COUNT = 10**15
_PLAIN = {"input", "output", "total"}


def usage_of(*tellings: Mapping[str, Json], embeds: bool) -> Usage | None:
    """The usage that counts, named as in ``conventions``, amount to; None when they cannot be counted.

    Of several tellings the first counts; another that has the same totals may know more parts.
    """
    counts: Mapping[str, Json] = {}
    for telling in tellings:
        if not counts:
            counts = telling
        elif not telling.keys() <= _PLAIN and all(counts.get(name, count) == count for name, count in telling.items()):
            counts = {**telling, **counts}
    try:
        return _usage({name: _count(value) for name, value in counts.items()}, embeds=embeds)
    except ValueError:
        return None


def unknown_counts(reported: Json) -> tuple[str, ...]:
    """The names in a span's raw usage that say something and that no count reads."""
    return tuple(name for name, value in reported.items() if value and name not in TABLE) if is_object(reported) else ()


def _count(value: Json) -> int:
    if type(value) is int and 0 <= value < MAX_COUNT:
        return value
    if isinstance(value, float) and value.is_integer():  # JavaScript knows no other numbers
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_COUNT:
        raise Uncountable("a count of tokens is no whole number")
    return value


def _usage(told: Mapping[str, int], *, embeds: bool) -> Usage | None:
    total, said_in, said_out = told.get("total"), told.get("input"), told.get("output")
    if said_out is None and embeds:
        said_out = 0
    plain = told.keys() <= _PLAIN
    if plain and total is not None:  # a total and one side tell the other
        said_in = total - said_out if said_in is None and said_out is not None else said_in
        said_out = total - said_in if said_out is None and said_in is not None else said_out
    if said_in is None or said_out is None:
        return None
    return usage(input=said_in, output=said_out) if plain else _detailed(told, said_in, said_out, total)


def _detailed(told: Mapping[str, int], said_in: int, said_out: int, total: int | None) -> Usage:
    read, long_lived, reasoning = told.get("cache_read", 0), told.get("cache_write_1h", 0), told.get("reasoning", 0)
    written = told.get("cache_write", long_lived + told.get("cache_write_5m", 0))
    cache_beside, reasoning_beside = _beside(said_in, said_out, read + written, reasoning, total)
    if cache_beside:
        said_in += read + written
    if reasoning_beside:
        said_out += reasoning
    audio, image = told.get("input_audio", 0), told.get("input_image", 0)
    out_audio, out_image = told.get("output_audio", 0), told.get("output_image", 0)
    # where it is not told, cached and audio overlap by what they exceed the whole
    cached_audio = told.get("input_audio_cache_read", max(0, read + written + audio + image - said_in) if audio else 0)
    cached_image = told.get("input_image_cache_read", 0)
    return leaves(
        input=said_in - read - written - audio - image + cached_audio + cached_image,
        input_cache_read=read - cached_audio,
        input_cache_write=written - long_lived,
        input_cache_write_1h=long_lived,
        input_audio=audio - cached_audio,
        input_audio_cache_read=cached_audio,
        input_image=image - cached_image,
        output=said_out - reasoning - out_audio - out_image,
        output_reasoning=reasoning,
        output_audio=out_audio,
        output_image=out_image,
    )


def _beside(said_in: int, said_out: int, cached: int, reasoning: int, total: int | None) -> tuple[bool, bool]:
    """Whether the cached tokens stand beside the input, and the reasoning tokens beside the output.

    A part that is larger than its whole is beside it. Otherwise the total decides, if one was told that only adds up
    with the part; and else the conventions do: inside.
    """
    cache_beside, reasoning_beside = cached > said_in, reasoning > said_out
    rest = (total or 0) - said_in - said_out - cached * cache_beside - reasoning * reasoning_beside
    if rest > 0:
        if not cache_beside and rest in (cached, cached + reasoning):
            cache_beside, rest = True, rest - cached
        if not reasoning_beside and rest == reasoning:
            reasoning_beside = True
    return cache_beside, reasoning_beside
