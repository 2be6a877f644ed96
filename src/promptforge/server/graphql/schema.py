"""The schema, and its text: ``python -m promptforge.server.graphql.schema`` prints what schema.graphql holds."""

import sys

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from promptforge.server.graphql.enums import Names
from promptforge.server.graphql.field import fasten
from promptforge.server.graphql.mutation import Mutation
from promptforge.server.graphql.query import Query
from promptforge.server.graphql.scalars import SCALARS
from promptforge.server.graphql.stream import Subscription

_schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    config=StrawberryConfig(name_converter=Names(), scalar_map=SCALARS),
)
SCHEMA: GraphQLSchema = _schema._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
fasten(SCHEMA)


def text() -> str:
    """The schema as schema.graphql holds it."""
    return f'"""The public API; written from the code by `make schema`."""\n{_schema.as_str()}\n'


if __name__ == "__main__":
    sys.stdout.write(text())
