"""Fields that only read a value: most of the schema.

``read`` and ``ask`` leave Strawberry's argument machinery out of the way, which a page of 50 executions with 15
fields each would otherwise pay 750 times; ``fasten`` puts their functions into the finished schema.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.types.field import StrawberryField

if TYPE_CHECKING:
    from promptforge.server.graphql.context import Context

_READ, _ASK = "read", "ask"


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
    """Give every field without arguments its function directly."""
    for graphql_type in schema.type_map.values():
        if not isinstance(graphql_type, GraphQLObjectType):
            continue
        for field in graphql_type.fields.values():
            declared = field.extensions.get("strawberry-definition")
            if isinstance(declared, StrawberryField) and declared.is_basic_field:
                field.resolve = _resolver(declared)


def _resolver(declared: StrawberryField) -> Callable[[Any, Any], Any]:
    asked = declared.metadata.get(_ASK)
    if asked is not None:
        return lambda value, info: asked(value, info.context)
    function = declared.metadata.get(_READ) or attrgetter(declared.python_name)
    return lambda value, _info: function(value)
