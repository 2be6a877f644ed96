"""Running an operation: from a request's JSON to a response's JSON, the same over HTTP and over a websocket."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, cast

import graphql
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType

from promptforge.core.access import Actor
from promptforge.core.errors import ForgeError
from promptforge.core.json import is_object
from promptforge.server.graphql import errors
from promptforge.server.graphql.context import Context
from promptforge.server.graphql.document import Document, Documents, Refused
from promptforge.server.graphql.scalars import write_time

if TYPE_CHECKING:
    from promptforge.forge import Forge

# Their types are partly unknown to checkers.
_execute = cast("Any", graphql).execute
_subscribe = cast("Any", graphql).subscribe


class BadRequest(ForgeError):
    """What came is not a GraphQL request."""

    code = errors.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class Operation:
    """What a caller sends."""

    query: str
    variables: Mapping[str, Any]
    name: str | None


def read(given: object) -> Operation:
    """Read an operation from decoded JSON; BadRequest says what is wrong with it."""
    if isinstance(given, list):
        raise BadRequest("send one operation per request; batches are not supported")
    if not is_object(given):
        raise BadRequest('the body must be a JSON object such as {"query": "{ me { name } }"}')
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("the body has no 'query': give the GraphQL document as a string")
    if variables is not None and not is_object(variables):
        raise BadRequest("'variables' must be a JSON object")
    if name is not None and not isinstance(name, str):
        raise BadRequest("'operationName' must be a string")
    return Operation(query, cast("Mapping[str, Any]", variables or {}), name or None)


class Api:
    """The schema with a forge behind it."""

    def __init__(self, forge: "Forge", schema: GraphQLSchema) -> None:
        self._forge = forge
        self._schema = schema
        self._documents = Documents(schema)

    async def run(self, actor: Actor, asked: Operation) -> dict[str, Any]:
        """Run a query or mutation."""
        try:
            document, operation = self._prepared(asked)
        except Refused as refusal:
            return {"errors": errors.shown(refusal.errors, refusal.code)}
        if operation.operation is OperationType.SUBSCRIPTION:
            sentence = "subscriptions run over a websocket at this address, with the protocol graphql-transport-ws"
            return {"errors": [{"message": sentence, "extensions": {"code": errors.BAD_REQUEST}}]}
        return await self._run(actor, asked, document)

    async def stream(self, actor: Actor, asked: Operation) -> AsyncGenerator[dict[str, Any], None]:
        """Run any operation as a series of responses; Refused before the first when it cannot be run."""
        document, operation = self._prepared(asked)
        if operation.operation is not OperationType.SUBSCRIPTION:
            yield await self._run(actor, asked, document)
            return
        context = Context(self._forge, actor)
        started = _subscribe(
            self._schema,
            document.node,
            context_value=context,
            variable_values=dict(asked.variables),
            operation_name=asked.name,
        )
        events: Any = await started if isawaitable(started) else started
        if isinstance(events, ExecutionResult):
            raise Refused(events.errors or [])
        async with aclosing(events):
            try:
                async for result in events:
                    yield _response(result, context)
            except Exception as error:  # of the source itself: it ends the stream
                raise Refused([GraphQLError(str(error), original_error=error)]) from error

    def _prepared(self, asked: Operation) -> tuple[Document, OperationDefinitionNode]:
        document = self._documents.get(asked.query)
        operation = document.operation(asked.name)
        self._documents.allow(document, operation, asked.variables)
        return document, operation

    async def _run(self, actor: Actor, asked: Operation, document: Document) -> dict[str, Any]:
        context = Context(self._forge, actor)
        started = _execute(
            self._schema,
            document.node,
            context_value=context,
            variable_values=dict(asked.variables),
            operation_name=asked.name,
        )
        result = await started if isawaitable(started) else started
        return _response(result, context)


def _response(result: ExecutionResult, context: Context) -> dict[str, Any]:
    response: dict[str, Any] = {"data": result.data}
    if result.errors:
        response["errors"] = errors.shown(result.errors)
    if context.freshness is not None:
        fresh = context.freshness
        response["extensions"] = {"freshness": {"asOf": write_time(fresh.as_of), "behind": fresh.behind}}
    return response
