"""Looking ahead: what a request selects below a field, so that a resolver reads what is wanted and nothing else."""

from collections.abc import Iterator
from typing import Any, cast

import strawberry
from graphql import FieldNode, FragmentSpreadNode, SelectionNode, SelectionSetNode


def selected(info: strawberry.Info[Any, Any]) -> frozenset[str]:
    """Dotted paths of the fields (not the aliases) below the current one: ``promptVersion.prompt.name``.

    A field that a variable skips is counted as selected.
    """
    raw = cast("Any", info)._raw_info  # noqa: SLF001
    nodes = [node.selection_set for node in raw.field_nodes if node.selection_set]
    return frozenset(path for selection in nodes for path in _paths(selection, "", dict(raw.fragments)))


def _paths(selection: SelectionSetNode, above: str, fragments: dict[str, Any]) -> Iterator[str]:
    for node in selection.selections:
        inner, path = _inner(node, fragments), above
        if isinstance(node, FieldNode):
            path = f"{above}{node.name.value}"
            yield path
            path += "."
        if inner is not None:
            yield from _paths(inner, path, fragments)


def _inner(node: SelectionNode, fragments: dict[str, Any]) -> SelectionSetNode | None:
    if isinstance(node, FragmentSpreadNode):
        found = fragments[node.name.value]
        definition = getattr(found, "definition", found)
        return definition.selection_set
    return getattr(node, "selection_set", None)
