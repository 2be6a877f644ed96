"""The clients. PromptForge blocks, AsyncPromptForge is awaited; everything else about them is the same.

::

    from promptforge import PromptForge

    client = PromptForge()  # PROMPTFORGE_API_KEY, PROMPTFORGE_URL
    execution = client.prompts.execute("support-reply", {"ticket": "Where is my parcel?"}, tags={"team": "care"})
    print(execution.output, execution.cost_usd)
"""

import os
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from typing import Self, Unpack

from promptforge.sdk import documents
from promptforge.sdk.binding import Awaiting, Blocking, call, stream
from promptforge.sdk.building import build
from promptforge.sdk.chain_executions import AwaitingChainExecutions, BlockingChainExecutions
from promptforge.sdk.chains import AwaitingChains, BlockingChains
from promptforge.sdk.drivers import AsyncTransport, Transport
from promptforge.sdk.errors import AuthenticationError
from promptforge.sdk.estimate import Estimate, estimated
from promptforge.sdk.executions import AwaitingExecutions, BlockingExecutions
from promptforge.sdk.figures import AwaitingFigures, BlockingFigures
from promptforge.sdk.keys import AwaitingKeys, BlockingKeys
from promptforge.sdk.prices import AwaitingPrices, BlockingPrices
from promptforge.sdk.prompts import AwaitingPrompts, BlockingPrompts
from promptforge.sdk.protocol import Plan, StreamPlan, ask
from promptforge.sdk.providers import AwaitingProviders, BlockingProviders
from promptforge.sdk.retention import AwaitingRetention, BlockingRetention
from promptforge.sdk.running import Options, executed, of_text, streamed
from promptforge.sdk.secrets import AwaitingSecrets, BlockingSecrets
from promptforge.sdk.transports import Address, AsyncHttpTransport, HttpTransport
from promptforge.sdk.values import Erasure, Execution, Service, StreamEvent, User
from promptforge.sdk.windows import of_any_length

DEFAULT_URL = "http://127.0.0.1:8000"
ERASURE_SECONDS = 3_600.0
"""All that an end user ever said may have to be written anew around it."""
Text = str | Sequence[Mapping[str, str]]


class _Client:
    @call
    def me(self) -> Plan[User]:
        """Get the account that the key belongs to."""
        data = yield from ask(documents.ME)
        return build(User, data["me"])

    @call
    def run(self, model: str, text: Text, *, wait: bool = True, **options: Unpack[Options]) -> Plan[Execution]:
        """Run a model on a text, or on messages (``{"role": ..., "content": ...}``), without any prompt."""
        return (yield from executed(of_text(model, text, options), wait))

    @call
    def estimate(self, model: str, text: Text, **options: Unpack[Options]) -> Plan[Estimate]:
        """Say what running a model on a text would use and cost, without running it."""
        return (yield from estimated(of_text(model, text, options)))

    @stream
    def run_stream(self, model: str, text: Text, **options: Unpack[Options]) -> StreamPlan[StreamEvent]:
        """Run a model without any prompt and iterate over what comes."""
        yield from streamed(of_text(model, text, options))

    @call
    def services(self, window: str = "7d", *, timezone: str | None = None, limit: int = 50) -> Plan[Sequence[Service]]:
        """List the programs that ever sent anything, the last seen first, with their figures of a window.

        The window is ``15m``, ``24h``, ``7d``, ``30d``, another such span, or ``all``.
        """
        variables = {**of_any_length(window), "timezone": timezone, "limit": limit}
        data = yield from ask(documents.SERVICES, variables)
        return [build(Service, item) for item in data["services"]]

    @call
    def login_path(self) -> Plan[str]:
        """Make a path of the server that logs a browser in as the key's owner, once, within 15 minutes."""
        data = yield from ask(documents.CREATE_LOGIN_LINK, repeatable=False)
        return str(data["createLoginLink"])

    @call
    def erase_end_user(self, end_user: str) -> Plan[Erasure]:
        """Take the content, sessions and tags of an end user off the disk, for good; their figures stay.

        It is done to the end when this stops to wait for it; done again it reports what it then finds.
        """
        data = yield from ask(
            documents.ERASE_END_USER, {"endUser": end_user}, repeatable=False, timeout=ERASURE_SECONDS
        )
        return build(Erasure, data["eraseEndUser"])

    @call
    def remove_demo(self) -> Plan[bool]:
        """Remove the demo workspace with everything in it."""
        data = yield from ask(documents.REMOVE_DEMO)
        return bool(data["removeDemo"])


class PromptForge(_Client, Blocking):
    """A client that blocks. *timeout* is in seconds and for requests; a run waits as long as its deadline.

    Use it in a ``with`` block, or ``close()`` it, to give its connections back. Not for several threads at once.
    """

    def __init__(
        self,
        api_key: str | None = None,
        url: str | None = None,
        *,
        timeout: float = 30.0,
        transport: Transport | None = None,
    ) -> None:
        super().__init__(transport or HttpTransport(_address(api_key, url, timeout)))
        self.prompts = BlockingPrompts(self._transport)
        self.executions = BlockingExecutions(self._transport)
        self.chains = BlockingChains(self._transport)
        self.chain_executions = BlockingChainExecutions(self._transport)
        self.figures = BlockingFigures(self._transport)
        self.keys = BlockingKeys(self._transport)
        self.retention = BlockingRetention(self._transport)
        self.secrets = BlockingSecrets(self._transport)
        self.prices = BlockingPrices(self._transport)
        self.providers = BlockingProviders(self._transport)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncPromptForge(_Client, Awaiting):
    """A client to be awaited. *timeout* is in seconds and for requests; a run waits as long as its deadline.

    Use it in an ``async with`` block, or ``close()`` it, to give its connections back. When you leave a stream early,
    close it too: ``async with contextlib.aclosing(client.prompts.stream(...)) as events``.
    """

    def __init__(
        self,
        api_key: str | None = None,
        url: str | None = None,
        *,
        timeout: float = 30.0,
        transport: AsyncTransport | None = None,
    ) -> None:
        super().__init__(transport or AsyncHttpTransport(_address(api_key, url, timeout)))
        self.prompts = AwaitingPrompts(self._transport)
        self.executions = AwaitingExecutions(self._transport)
        self.chains = AwaitingChains(self._transport)
        self.chain_executions = AwaitingChainExecutions(self._transport)
        self.figures = AwaitingFigures(self._transport)
        self.keys = AwaitingKeys(self._transport)
        self.retention = AwaitingRetention(self._transport)
        self.secrets = AwaitingSecrets(self._transport)
        self.prices = AwaitingPrices(self._transport)
        self.providers = AwaitingProviders(self._transport)

    def upload(
        self, path: str, query: Sequence[tuple[str, str]], body: AsyncIterable[bytes]
    ) -> AsyncGenerator[str, None]:
        """Send a stream of bytes to a path of the server; the answer comes line by line."""
        if not isinstance(self._transport, AsyncHttpTransport):
            raise TypeError("this transport carries no files")
        return self._transport.upload(path, query, body)

    async def close(self) -> None:
        """Give the connections back."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _address(api_key: str | None, url: str | None, timeout: float) -> Address:
    key = api_key or os.environ.get("PROMPTFORGE_API_KEY")
    if not key:
        raise AuthenticationError("no API key: give api_key= or set PROMPTFORGE_API_KEY")
    return Address(url=url or os.environ.get("PROMPTFORGE_URL") or DEFAULT_URL, api_key=key, timeout=timeout)
