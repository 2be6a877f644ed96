"""GraphQL over HTTP: POST with a JSON body, one operation each."""

from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from promptforge.core.errors import ForgeError
from promptforge.server.graphql import errors
from promptforge.server.graphql.limits import MAX_BODY
from promptforge.server.graphql.operation import Api, BadRequest, read
from promptforge.server.reply import send_json

_MODERN = "application/graphql-response+json"


class HttpDoor:
    """An ASGI application; the gate has put the actor into the scope."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] != "POST":
            sentence = 'send operations with POST and a JSON body such as {"query": "{ me { name } }"}'
            await send_json(send, 405, errors.body(sentence, errors.BAD_REQUEST), {"allow": "POST"})
            return
        headers = Headers(scope=scope)
        try:
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise BadRequest("send the operation as JSON, with the header 'Content-Type: application/json'")
            asked = read(_decoded(await _body(headers, receive)))
        except ForgeError as error:
            await send_json(send, 400, errors.body(str(error), error.code))
            return
        response = await self._api.run(scope["actor"], asked)
        modern = _MODERN in headers.get("accept", "")
        status = 400 if modern and "data" not in response else 200
        await send_json(send, status, response, content_type=_MODERN if modern else "application/json")


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {str(error)[:200]}") from None


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The whole body; its length is not believed but counted."""
    sentence = f"the body is longer than {MAX_BODY} bytes, which is the limit"
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:15]) > MAX_BODY:
        raise BadRequest(sentence)
    chunks: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the connection was closed before the body was complete")
        chunk: bytes = message.get("body", b"")
        length += len(chunk)
        if length > MAX_BODY:
            raise BadRequest(sentence)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
