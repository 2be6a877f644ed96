"""Calling a provider over HTTP: one connection pool and one key each, behind a dialect of ``wire``.

Every way that a call can fail leaves here as a ModelFailure with a sentence; a cancelled call closes its connection,
so that the provider stops working (and charging) for nobody.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace

import aiohttp
import msgspec
from yarl import URL

import promptforge
from promptforge.core.errors import SettingsError
from promptforge.core.execution import ErrorType, Json
from promptforge.core.model import Delta, ModelFailure, ModelRequest, Reply
from promptforge.core.provider import Endpoint
from promptforge.providers.session import Sessions, Unchecked, unchecked, unreached
from promptforge.wire.dialect import Complained, Dialect, Garbled, Stream, read_complaint
from promptforge.wire.failure import failure
from promptforge.wire.lines import DECODERS, LineDecoder
from promptforge.wire.sse import Decoder, EventTooLarge

DRAIN = 0.1
MAX_RESPONSE = 64 * 1024 * 1024
MAX_ERROR_BODY = 256 * 1024
MAX_LIST = 4 * 1024 * 1024
_BREAKS = (aiohttp.ClientError, ConnectionError, OSError)


class HttpProvider:
    """A provider that speaks *dialect* at an endpoint, through connections of *sessions*, which others use too.

    SettingsError when the address cannot be called.
    """

    def __init__(self, endpoint: Endpoint, dialect: Dialect, sessions: Sessions) -> None:
        self.name = endpoint.name
        self.priced_as = endpoint.preset.priced_as or endpoint.preset.name
        self._endpoint = endpoint
        self._url = _address(endpoint.base_url, endpoint)
        self._key = endpoint.key.strip() if endpoint.key else None
        self._dialect = dialect
        self._sessions = sessions

    def __repr__(self) -> str:
        return f"<provider {self.name} at {self._url.host}>"

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON that would be sent; InvalidInput for what this provider cannot do."""
        return self._dialect.body(request)

    async def send(self, request: ModelRequest) -> AsyncGenerator[Delta | Reply, None]:
        """Call the model once."""
        payload = msgspec.json.encode(self.body(request))
        deadline = asyncio.get_running_loop().time() + request.remaining
        call, headers = _Call(self, request, deadline), self._headers(request)
        response = await call.send(self._sessions, "POST", self._address(request), payload, headers)
        try:
            if response.status != 200:
                raise await call.refusal(response)
            if request.stream and (decoder := DECODERS.get(response.content_type)):
                async for item in call.streamed(response, decoder()):
                    yield item
            else:
                reply = await call.whole(response)
                if request.stream and reply.text:
                    yield Delta(reply.text)
                yield reply
        finally:
            if response.content.at_eof():
                response.release()
            else:
                response.close()

    async def get(self, path: str, seconds: float) -> bytes:
        """What is at a path behind the base URL; ModelFailure when it is not there."""
        call, response = await self._got(path, seconds)
        try:
            if response.status != 200:
                raise await call.refusal(response)
            return await call.read(response, MAX_LIST)
        finally:
            response.close()

    async def reach(self, seconds: float) -> None:
        """See that somebody answers at the base URL, whatever the answer is; ModelFailure when nobody does."""
        _, response = await self._got("", seconds)
        response.close()

    async def _got(self, path: str, seconds: float) -> "tuple[_Call, aiohttp.ClientResponse]":
        asked = ModelRequest(model="", messages=(), params={}, stream=False, remaining=seconds)
        call = _Call(self, asked, asyncio.get_running_loop().time() + seconds)
        url = URL(str(self._url).rstrip("/") + path, encoded=True)
        headers = {name: value for name, value in self._headers(asked).items() if name != "content-type"}
        return call, await call.send(self._sessions, "GET", url, None, headers)

    async def close(self) -> None:
        """Nothing: the connections belong to whoever gave the sessions."""

    def _headers(self, request: ModelRequest) -> dict[str, str]:
        if not self._key and self._endpoint.preset.needs_key:
            raise ModelFailure(
                f"No API key for provider '{self.name}': {self._endpoint.hint}", ErrorType.AUTHENTICATION, refused=True
            )
        if self._key and not (self._key.isascii() and self._key.isprintable()):
            raise ModelFailure(
                f"The API key for provider '{self.name}' ({self._endpoint.key_name}) holds characters that no key has",
                ErrorType.AUTHENTICATION,
                refused=True,
            )
        keyless = () if self._key else self._dialect.credential("")
        return {
            **{name: value for name, value in self._dialect.headers(self._key or "").items() if name not in keyless},
            "content-type": "application/json",
            "accept": ", ".join(DECODERS) if request.stream else "application/json",
            "user-agent": f"prompt-forge/{promptforge.__version__}",
        }

    def _address(self, request: ModelRequest) -> URL:
        """Where a call goes: what its path says stays behind the base URL, whatever the model is called."""
        return URL(str(self._url).rstrip("/") + self._dialect.path(request), encoded=True)

    @property
    def endpoint(self) -> Endpoint:
        """Where it calls."""
        return self._endpoint

    @property
    def dialect(self) -> Dialect:
        """The format it speaks."""
        return self._dialect

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in a sentence."""
        return self._endpoint.secrets


class _Call:
    """One request on its way, and the words for what can happen to it."""

    def __init__(self, provider: HttpProvider, request: ModelRequest, deadline: float) -> None:
        self._provider, self._request, self._deadline = provider, request, deadline
        self._dialect = provider.dialect
        self._request_id: str | None = None
        self._status: int | None = None

    async def send(
        self, sessions: Sessions, method: str, url: URL, payload: bytes | None, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """Send the request and wait for the head of the answer."""
        try:
            async with asyncio.timeout_at(self._deadline):
                response = await sessions.request(self._provider.endpoint, method, url, data=payload, headers=headers)
        except Unchecked as error:
            raise ModelFailure(
                f"Cannot reach provider '{self._provider.name}': {error}", ErrorType.NETWORK, refused=True
            ) from None
        except TimeoutError as error:
            # aiohttp's time-outs are ClientErrors as well; the deadline's is not
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise self._unreached(url, error) from None
            raise self._silent() if isinstance(error, aiohttp.ClientError) else self._late() from None
        except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
            raise self._unreached(url, error) from None
        except _BREAKS:
            raise self._lost() from None
        self._status = response.status
        self._request_id = response.headers.get(self._dialect.request_id_header)
        return response

    async def refusal(self, response: aiohttp.ClientResponse) -> ModelFailure:
        """Read an error answer as far as it can be read."""
        try:
            raw = await self.read(response, MAX_ERROR_BODY)
        except ModelFailure:
            raw = b""
        return failure(
            self._provider.name,
            read_complaint(raw),
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            request_id=self._request_id,
            secrets=self._provider.secrets,
        )

    async def whole(self, response: aiohttp.ClientResponse) -> Reply:
        """Read a complete answer."""
        if not response.content_type.endswith("json"):
            raise self._failed(f"answered with {response.content_type} where JSON was expected; check its base URL")
        raw = await self.read(response, MAX_RESPONSE)
        try:
            reply = self._dialect.reply(raw)
        except Complained as told:
            raise self._complained(told) from None
        except Garbled as error:
            raise self._failed(f"sent something unreadable: {error}") from None
        return self._named(reply)

    async def streamed(
        self, response: aiohttp.ClientResponse, decoder: Decoder | LineDecoder
    ) -> AsyncGenerator[Delta | Reply, None]:
        """Read a stream, delivering as it comes."""
        gathered, size, more = self._dialect.stream(), 0, True
        try:
            while more and not gathered.closed:
                more = bool(chunk := await self._chunk(response))
                size += len(chunk)
                self._bound(size, MAX_RESPONSE)
                for event in decoder.feed(chunk) if more else decoder.end():
                    for delta in gathered.feed(event):
                        yield delta
        except ModelFailure as broken:
            if not (gathered.finished and gathered.usage):  # all that mattered had come
                raise _with_rest(broken, gathered) from None
        except Complained as told:
            raise _with_rest(self._complained(told), gathered, refused=False) from None
        except (Garbled, EventTooLarge) as error:
            # half an event is unreadable too: what happens next tells a cut connection from nonsense
            lost = await _drain(response)
            broken = self._lost() if lost else self._failed(f"sent something unreadable: {error}")
            raise _with_rest(broken, gathered) from None
        if not gathered.finished:
            raise _with_rest(self._lost(), gathered)
        await _drain(response)
        yield self._named(gathered.reply())

    async def read(self, response: aiohttp.ClientResponse, limit: int) -> bytes:
        """The whole body, up to a limit."""
        chunks: list[bytes] = []
        size = 0
        while chunk := await self._chunk(response):
            size += len(chunk)
            self._bound(size, limit)
            chunks.append(chunk)
        return b"".join(chunks)

    def _bound(self, size: int, limit: int) -> None:
        if size > limit:
            raise self._failed(f"sent more than {limit} bytes")

    async def _chunk(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            async with asyncio.timeout_at(self._deadline):
                return await response.content.readany()
        except TimeoutError as error:
            raise self._silent() if isinstance(error, aiohttp.ClientError) else self._late() from None
        except _BREAKS:
            raise self._lost() from None

    def _named(self, reply: Reply) -> Reply:
        return replace(reply, request_id=self._request_id)

    def _complained(self, told: Complained) -> ModelFailure:
        made = failure(self._provider.name, told.complaint, request_id=self._request_id, secrets=self._provider.secrets)
        made.http_status = self._status
        if told.usage is not None:  # it worked, and bills what it did
            made.usage, made.usage_raw, made.refused = told.usage, told.usage_raw, False
        return made

    def _failed(self, what: str) -> ModelFailure:
        return ModelFailure(
            f"Provider '{self._provider.name}' {what}",
            ErrorType.PROVIDER,
            http_status=self._status,
            request_id=self._request_id,
        )

    def _late(self) -> ModelFailure:
        verb = "answer" if self._status is None else "finish its answer"
        return ModelFailure(
            f"Provider '{self._provider.name}' did not {verb} within {self._request.remaining:.3g} s",
            ErrorType.TIMEOUT,
            http_status=self._status,
            request_id=self._request_id,
        )

    def _lost(self) -> ModelFailure:
        when = "before it answered" if self._status is None else "before its answer was complete"
        return ModelFailure(
            f"Connection to provider '{self._provider.name}' was lost {when}",
            ErrorType.NETWORK,
            retryable=True,
            http_status=self._status,
            request_id=self._request_id,
        )

    def _unreached(self, url: URL, error: Exception) -> ModelFailure:
        return ModelFailure(
            f"Cannot reach provider '{self._provider.name}': {unreached(self._provider.endpoint, url, error)}",
            ErrorType.NETWORK,
            refused=True,
            retryable=not unchecked(error),
        )

    def _silent(self) -> ModelFailure:
        seconds = (self._provider.endpoint.idle_ms or 0) / 1000
        return ModelFailure(
            f"Provider '{self._provider.name}' sent nothing for {seconds:g} s",
            ErrorType.TIMEOUT,
            retryable=self._status is None,
            http_status=self._status,
            request_id=self._request_id,
        )


def _address(text: str, endpoint: Endpoint) -> URL:
    """The URL to call, without user and password: the key is the credential."""
    try:
        url = URL(text)
        if url.scheme in ("http", "https") and url.host:
            return url.with_user(None)
    except ValueError:
        pass
    named = (endpoint.trusted and endpoint.preset.url_variable) or f"the base URL of provider '{endpoint.name}'"
    raise SettingsError(f"{named} is no address that can be called: it must begin with http:// or https://")


def _with_rest(broken: ModelFailure, gathered: Stream, *, refused: bool | None = None) -> ModelFailure:
    """Keep what had arrived before the stream broke."""
    broken.text = gathered.text
    if broken.usage is None:
        broken.usage, broken.usage_raw = gathered.usage, gathered.usage_raw
    broken.refused = broken.refused if refused is None else refused
    return broken


async def _drain(response: aiohttp.ClientResponse) -> bool:
    """Take the end of a stream in, for a moment at most, so that its connection can be used again.

    True when the connection broke instead.
    """
    try:
        async with asyncio.timeout(DRAIN):
            while await response.content.readany():
                pass
    except TimeoutError:
        return False
    except _BREAKS:
        return True
    return False
