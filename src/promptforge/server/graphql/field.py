"""Fields: how a declared one comes to its value.

``fasten`` puts the functions into the finished schema, so that Strawberry, which declares it, is not in the way when
it is asked: a page of 50 executions with 15 fields each would pay for that 750 times, an input for each of its fields.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema
from strawberry.types.field import StrawberryField

if TYPE_CHECKING:
    from promptforge.server.graphql.context import Context

_READ, _ASK, _DECLARED = "read", "ask", "strawberry-definition"


def read(function: Callable[[Any], Any], *, name: str | None = None, description: str | None = None) -> Any:
    """Declare a field computed from the core value alone."""
    return strawberry.field(name=name, description=description, metadata={_READ: function})


def ask(function: "Callable[[Any, Context], Any]", *, name: str | None = None, description: str | None = None) -> Any:
    """Declare a field computed from the core value and the request's context; it may answer with an awaitable."""
    return strawberry.field(name=name, description=description, metadata={_ASK: function})


def resolved(
    resolver: Callable[..., Any], *, description: str | None = None, deprecation_reason: str | None = None
) -> Any:
    """Declare a field with arguments; its resolver answers with core values."""
    return strawberry.field(resolver=resolver, description=description, deprecation_reason=deprecation_reason)


def fasten(schema: GraphQLSchema) -> None:
    """Give every field its function directly, and let inputs arrive as the dataclasses that declare them."""
    for graphql_type in schema.type_map.values():
        if isinstance(graphql_type, GraphQLInputObjectType):
            _fasten_input(graphql_type)
        elif isinstance(graphql_type, GraphQLObjectType):
            for field in graphql_type.fields.values():
                declared = field.extensions.get(_DECLARED)
                if isinstance(declared, StrawberryField):
                    _fasten_field(field, declared)


def _fasten_input(graphql_type: GraphQLInputObjectType) -> None:
    made: type[Any] = graphql_type.extensions[_DECLARED].origin
    for field in graphql_type.fields.values():
        field.out_name = field.extensions[_DECLARED].python_name

    def make(values: dict[str, Any]) -> Any:
        return made(**values)

    cast("Any", graphql_type).out_type = make


def _fasten_field(field: Any, declared: StrawberryField) -> None:
    if declared.is_basic_field:
        field.resolve = _reader(declared)
        return
    for argument in field.args.values():
        argument.out_name = argument.extensions[_DECLARED].python_name
    if declared.is_subscription:
        field.subscribe = _caller(declared)
    else:
        field.resolve = _caller(declared)


def _reader(declared: StrawberryField) -> Callable[[Any, Any], Any]:
    asked = declared.metadata.get(_ASK)
    if asked is not None:
        return lambda value, info: asked(value, info.context)
    function = declared.metadata.get(_READ) or attrgetter(declared.python_name)
    return lambda value, _info: function(value)


def _caller(declared: StrawberryField) -> Callable[..., Any]:
    """Call the resolver with what it names: ``root``, ``info`` and its arguments."""
    resolver = cast("Any", declared).base_resolver
    function, names = resolver.wrapped_func, resolver.signature.parameters
    with_root, with_info = "root" in names, "info" in names

    def call(source: Any, info: Any, **given: Any) -> Any:
        if with_root:
            given["root"] = source
        if with_info:
            given["info"] = strawberry.Info(_raw_info=info, _field=declared)
        return function(**given)

    return call
