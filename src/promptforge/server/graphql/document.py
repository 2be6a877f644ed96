"""Documents: parsed, measured and validated once, then kept by their text.

The order is what keeps a hostile document cheap: length, tokens, size, and only then the rules that compare fields
with fields.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    MaxIntrospectionDepthRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

from promptforge.server.graphql import errors, json_selection, limits

MAX_KEPT = 256
MAX_KEPT_LENGTH = 16 * 1024
_MAX_COSTS = 64
_RULES = (*specified_rules, MaxIntrospectionDepthRule)


class Refused(Exception):
    """The document cannot be run; *code* is for the errors that have none of their own."""

    def __init__(self, found: list[GraphQLError], code: str = errors.VALIDATION_FAILED) -> None:
        super().__init__(found[0].message)
        self.errors = found
        self.code = code


@dataclass(slots=True)
class Document:
    """A valid document. The cost is remembered by the values of the variables that decide it."""

    node: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]
    sized_by: tuple[str, ...]
    costs: dict[Any, int] = field(default_factory=dict[Any, int])

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation of that name, or the only one."""
        if name is None and len(self.operations) == 1:
            return next(iter(self.operations.values()))
        found = self.operations.get(name)
        if found is None:
            sentence = (
                f"the document has no operation named '{name[:60]}'"
                if name
                else "the document has several operations: say which one in operationName"
            )
            raise Refused([GraphQLError(sentence)])
        return found


class Documents:
    """The documents of a schema, the last used kept."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: OrderedDict[str, Document] = OrderedDict()

    def get(self, text: str) -> Document:
        """The document of this text; Refused says why there is none."""
        found = self._kept.get(text)
        if found is not None:
            self._kept.move_to_end(text)
            return found
        made = self._make(text)
        if len(text) <= MAX_KEPT_LENGTH:
            self._kept[text] = made
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return made

    def allow(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
        """Refuse an operation whose lists are too long for what they hold."""
        key = (operation.name.value if operation.name else None, *(str(variables.get(n)) for n in document.sized_by))
        figure = document.costs.get(key)
        if figure is None:
            figure = limits.cost(self._schema, document.node, operation, variables)
            if len(document.costs) < _MAX_COSTS:
                document.costs[key] = figure
        try:
            limits.check_cost(figure)
        except GraphQLError as error:
            raise Refused([error]) from None

    def _make(self, text: str) -> Document:
        if len(text) > limits.MAX_DOCUMENT:
            raise Refused(
                [GraphQLError(f"the document has {len(text)} characters, and {limits.MAX_DOCUMENT} is the limit")],
                errors.TOO_LARGE,
            )
        try:
            node = parse(text, max_tokens=limits.MAX_TOKENS)
        except GraphQLError as error:
            raise Refused([error], errors.PARSE_FAILED) from None
        try:
            limits.check(self._schema, node)
            node = json_selection.strip(self._schema, node)
            found = validate(self._schema, node, _RULES, max_errors=20)
        except GraphQLError as error:
            raise Refused([error]) from None
        except RecursionError:
            raise Refused([GraphQLError("the document nests too deeply to be read")], errors.TOO_LARGE) from None
        if found:
            raise Refused(found)
        operations = {
            (d.name.value if d.name else None): d for d in node.definitions if isinstance(d, OperationDefinitionNode)
        }
        return Document(node, operations, tuple(sorted(limits.limit_variables(node))))
