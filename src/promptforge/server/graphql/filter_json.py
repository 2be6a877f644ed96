"""The filter as JSON outside a document: what ``executions`` takes as its variable, read by the schema itself."""

import json
from typing import Any, cast

import graphql

from promptforge.core.errors import InvalidInput
from promptforge.core.filter import EVERYTHING, Filter
from promptforge.server.graphql.filter import tree
from promptforge.server.graphql.schema import SCHEMA

_utilities = cast("Any", graphql.utilities)  # their types are partly unknown to checkers


def read(text: str | None) -> Filter:
    """The tree that an ``ExecutionFilter`` written as JSON means; InvalidInput says what does not fit."""
    if not text:
        return EVERYTHING
    try:
        given: object = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput('filter is JSON, such as {"status": ["error"]}', path="$.filter") from None
    kind = SCHEMA.type_map["ExecutionFilter"]
    wrong: list[str] = []

    def note(error: graphql.GraphQLError, _: object) -> None:
        wrong.append(error.message)

    _utilities.validate_input_value(given, kind, note)
    if wrong:
        raise InvalidInput(f"filter: {' '.join(wrong[0].split())[:300]}", path="$.filter")
    return tree(_utilities.coerce_input_value(given, kind))
