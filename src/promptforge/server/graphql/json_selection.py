"""Selections under JSON fields: the documentation writes ``params { model temperature }`` as well as ``params``.

Such a selection is taken away before validation, and the answer is the whole value.
"""

from dataclasses import replace
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    Node,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    visit,
)


def strip(schema: GraphQLSchema, document: DocumentNode) -> DocumentNode:
    """Take away the selections under JSON fields, and the fragments that only they used."""
    types, stripped = TypeInfo(schema), _Strip()
    stripped.types = types
    found: DocumentNode = visit(document, TypeInfoVisitor(types, stripped))
    if not stripped.removed:
        return document
    orphans = _spread(stripped.removed) - _spread([found])
    kept = tuple(
        d for d in found.definitions if not (isinstance(d, FragmentDefinitionNode) and d.name.value in orphans)
    )
    return replace(found, definitions=kept)


class _Strip(Visitor):
    types: TypeInfo

    def __init__(self) -> None:
        super().__init__()
        self.removed: list[Node] = []

    def enter_field(self, node: FieldNode, *_: Any) -> FieldNode | None:
        """Replace a JSON field that has a selection by one without."""
        graphql_type: Any = cast("Any", self.types).get_type()
        if (
            node.selection_set is None
            or graphql_type is None
            or cast("Any", get_named_type(graphql_type)).name != "JSON"
        ):
            return None
        self.removed.append(node.selection_set)
        return replace(node, selection_set=None)


def _spread(nodes: list[Node]) -> set[str]:
    names: set[str] = set()

    class Collect(Visitor):
        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
            names.add(node.name.value)

    for node in nodes:
        visit(node, Collect())
    return names
