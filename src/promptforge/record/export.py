"""The whole of a question, read from the history in parts: bounded memory at any size, and one moment for all of it.

Pages follow each other by id and stop at one journal number, so what comes in meanwhile shifts nothing. The next part
is read while the last is used.
"""

from asyncio import ensure_future
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from promptforge.core.execution import Execution
from promptforge.core.filter import Filter
from promptforge.core.query import Page
from promptforge.core.record_ports import History

T = TypeVar("T")
ROWS = 5_000
CHARACTERS = 8 << 20
"""About so much content is in memory at once."""
PATIENCE = 30.0
"""Seconds that an export waits for what was acknowledged before it."""

Part = Sequence[Execution]


def parts(history: History, workspace: str, filter: Filter, upto: int, *, content: bool) -> Iterator[Part]:
    """Everything that passes *filter* and has journal numbers up to *upto*, newest first. Blocks."""
    query = Page(workspace=workspace, filter=filter, limit=ROWS, content=False)
    while found := history.page(query, upto):
        if content:
            for some in _portions(found):
                yield history.with_content(workspace, some)
        else:
            yield found
        query = replace(query, after=found[-1].id)


def _portions(found: Part) -> Iterator[Part]:
    """Cut where the content would be too much to hold; what was sent is about as long as what was given."""
    start, size = 0, 0
    for index, execution in enumerate(found):
        size += 2 * execution.input_chars + execution.output_chars
        if size > CHARACTERS:
            yield found[start : index + 1]
            start, size = index + 1, 0
    if start < len(found):
        yield found[start:]


async def ahead(
    source: Iterator[T], elsewhere: Callable[[Callable[[], T | None]], Awaitable[T | None]]
) -> AsyncGenerator[T]:
    """What *source* gives, taken from it *elsewhere* (on a thread), always one ahead."""
    coming = ensure_future(elsewhere(lambda: next(source, None)))
    try:
        while (part := await coming) is not None:
            coming = ensure_future(elsewhere(lambda: next(source, None)))
            yield part
    finally:
        coming.cancel()
