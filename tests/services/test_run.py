"""One run against providers that do not end in time."""

import asyncio
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime

from kit.executions import pending
from kit.providers import open_anthropic
from promptforge.core.execution import ErrorType, Status
from promptforge.core.model import Delta, ModelRequest
from promptforge.core.prompt import Message
from promptforge.core.usage import UsageSource
from promptforge.services.run import Run

HALF_A_STREAM = b"""HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: message_start
data: {"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":17,"output_tokens":3}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Good mor"}}

"""


@asynccontextmanager
async def stuck(raw):
    """The address of a provider that sends this and then nothing more."""
    over = asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        over.set()
        server.close()
        await server.wait_closed()


class Deaf:
    """A provider that does not keep its deadline."""

    name = priced_as = "deaf"

    async def send(self, request):
        yield Delta("Good mor")
        await asyncio.Event().wait()


async def ran(forge, actor, provider, *, remaining):
    """The execution that came of a streamed run."""
    opened = pending(actor.workspace, datetime.now(UTC).replace(microsecond=0), provider=provider.name)
    await forge.record.open(opened, None)
    turns = (Message(role="user", content="hi"),)
    request = ModelRequest(model="m", messages=turns, params={}, stream=True, remaining=remaining)
    parts = {"record": forge.record, "prices": forge.price_book, "clock": forge.clock, "secret": b"secret"}
    run = Run(opened, request, provider, **parts, keep=lambda closed: closed)
    return await run.drive(nullcontext())


async def test_what_came_before_the_deadline_is_recorded(forge, actor):
    """At the deadline the provider's own words are recorded, with the text and the usage that had come by then."""
    async with stuck(HALF_A_STREAM) as url:
        provider = open_anthropic("sk-live-0123456789abcdef", url)
        done = await ran(forge, actor, provider, remaining=0.5)
        await provider.close()

    assert (Status.ERROR, ErrorType.TIMEOUT) == (done.status, done.error_type)
    assert "Provider 'anthropic' did not finish its answer within" in done.content.error
    assert done.content.output == "Good mor"
    assert done.content.usage_raw == {"input_tokens": 17, "output_tokens": 3}
    assert (None, UsageSource.UNKNOWN) == (done.usage, done.usage_source)


async def test_a_provider_that_ignores_its_deadline_is_cut_off(forge, actor):
    """Nobody can keep a run open for ever; the text that was delivered is kept."""
    done = await ran(forge, actor, Deaf(), remaining=0.05)

    assert (Status.ERROR, ErrorType.TIMEOUT) == (done.status, done.error_type)
    assert "Execution exceeded its maximum time of 0.05 s at provider 'deaf'" in done.content.error
    assert done.content.output == "Good mor"
