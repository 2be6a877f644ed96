"""How much one request may ask for, counted with fragments expanded and before any resolver runs.

Nothing is really expanded: each fragment is measured once and its figures are used wherever it is spread, so a
document that would expand to 2^1000 fields is refused in the time that reading it takes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from promptforge.core.errors import InvalidInput
from promptforge.core.query import MAX_PAGE
from promptforge.server.graphql import errors

MAX_BODY = 8 * 1024 * 1024
MAX_DOCUMENT = 64 * 1024
MAX_TOKENS = 10_000
MAX_DEPTH = 16
MAX_FIELDS = 1_000
MAX_ALIASES = 30
MAX_REPEATS = 10
MAX_COST = 100_000

#: What a question to a store weighs, in fields.
_WEIGHTS = {"executions": 200, "overview": 300, "values": 200, "execution": 50, "diff": 20} | {
    "chainExecutions": 200,
    "chainExecution": 100,
    "yaml": 20,
    "fileDiff": 20,
    "series": 300,
    "top": 300,
}
#: How long a list without a ``limit`` is taken to be.
_LENGTHS = {"daily": 100, "buckets": 100, "lines": 4, "attempts": 2}
_LENGTH = 10


def at_most(limit: int | None, default: int = 50) -> int:
    """A list's ``limit``, checked; null means the default."""
    wanted = default if limit is None else limit
    if not 1 <= wanted <= MAX_PAGE:
        raise InvalidInput(f"limit must be 1 to {MAX_PAGE}, not {wanted}", path="$.limit")
    return wanted


@dataclass(frozen=True, slots=True)
class Size:
    """Of a selection: levels, fields, cost, and how often each response name and each alias stands at its level."""

    depth: int = 0
    fields: int = 0
    cost: int = 0
    names: Mapping[str, int] = field(default_factory=dict[str, int])
    aliases: int = 0


def check(schema: GraphQLSchema, document: DocumentNode) -> None:
    """Refuse what is too large whatever its variables are; every fragment and operation counts, used or not."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    measure = _Measure(schema, fragments, {})
    for name in fragments:
        _check(measure.fragment(name))
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            _check(measure.operation(operation))


def cost(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> int:
    """Fields times the lengths of the lists that they stand in, and a weight for each question to a store."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    return _Measure(schema, fragments, variables).operation(operation).cost


def check_cost(figure: int) -> None:
    """Refuse an operation that would answer with too much."""
    if figure > MAX_COST:
        _refuse(
            f"the query asks for up to {_shown(figure)} fields, and {MAX_COST} is the limit: "
            "give lists a smaller limit, or ask in several requests"
        )


def limit_variables(document: DocumentNode) -> frozenset[str]:
    """The variables that stand as a list's limit: all that the cost depends on."""
    found: set[str] = set()
    waiting: list[SelectionSetNode] = [d.selection_set for d in document.definitions if hasattr(d, "selection_set")]  # type: ignore[attr-defined]
    while waiting:
        for node in waiting.pop().selections:
            inner = getattr(node, "selection_set", None)
            if inner is not None:
                waiting.append(inner)
            for argument in getattr(node, "arguments", None) or ():
                if argument.name.value == "limit" and isinstance(argument.value, VariableNode):
                    found.add(argument.value.name.value)
    return frozenset(found)


def _check(size: Size) -> None:
    if size.depth > MAX_DEPTH:
        _refuse(f"the query is {_shown(size.depth)} levels deep, and {MAX_DEPTH} is the limit")
    if size.fields > MAX_FIELDS:
        _refuse(
            f"the query selects {_shown(size.fields)} fields with its fragments expanded, and {MAX_FIELDS} is the limit"
        )


def _check_level(size: Size) -> None:
    if size.aliases > MAX_ALIASES:
        _refuse(f"one selection uses {_shown(size.aliases)} aliases, and {MAX_ALIASES} is the limit")
    name, times = max(size.names.items(), key=lambda item: item[1], default=("", 0))
    if times > MAX_REPEATS:
        _refuse(f"one selection names '{name[:60]}' {_shown(times)} times, and {MAX_REPEATS} is the limit")


def _refuse(message: str) -> NoReturn:
    raise GraphQLError(message, extensions={"code": errors.TOO_LARGE})


def _shown(figure: int) -> str:
    return str(figure) if figure < 10**9 else "more than a thousand million"


class _Measure:
    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._measured: dict[str, Size] = {}
        self._open: list[str] = []

    def operation(self, node: OperationDefinitionNode) -> Size:
        """Measure an operation."""
        root = self._schema.get_root_type(node.operation)
        return self._selection(node.selection_set, root)

    def fragment(self, name: str) -> Size:
        """Measure a fragment, once; one that leads back to itself has no size."""
        if name in self._measured:
            return self._measured[name]
        if name in self._open:
            _refuse(f"the fragment '{name[:60]}' leads back to itself: {' > '.join([*self._open[:10], name])[:200]}")
        definition = self._fragments.get(name)
        if definition is None:
            return Size()  # the validation names it
        self._open.append(name)
        graphql_type = self._schema.get_type(definition.type_condition.name.value)
        self._measured[name] = size = self._selection(definition.selection_set, graphql_type)
        self._open.pop()
        return size

    def _selection(self, selection: SelectionSetNode, parent: Any) -> Size:
        size = _sum(self._node(node, parent) for node in selection.selections)
        _check_level(size)
        return size

    def _node(self, node: SelectionNode, parent: Any) -> Size:
        if isinstance(node, FragmentSpreadNode):
            return self.fragment(node.name.value)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            inner = self._schema.get_type(condition.name.value) if condition else parent
            return self._selection(node.selection_set, inner)
        if isinstance(node, FieldNode):
            return self._field(node, parent)
        return Size()

    def _field(self, node: FieldNode, parent: Any) -> Size:
        name = node.name.value
        declared: Any = getattr(parent, "fields", {}).get(name)
        graphql_type = declared.type if declared else self._introspected(name, parent)
        inner = Size()
        if node.selection_set:
            inner = self._selection(node.selection_set, get_named_type(graphql_type) if graphql_type else None)
        length = self._length(node, declared) if declared else 1
        counted = not name.startswith("__") and not getattr(parent, "name", "").startswith("__")
        return Size(
            depth=inner.depth + 1,
            fields=inner.fields + 1,
            cost=(_WEIGHTS.get(name, 1) + length * inner.cost) if counted else 0,
            names={(node.alias or node.name).value: 1},
            aliases=1 if node.alias else 0,
        )

    def _introspected(self, name: str, parent: Any) -> Any:
        if parent is self._schema.query_type and name in {"__schema", "__type"}:
            return self._schema.get_type({"__schema": "__Schema", "__type": "__Type"}[name])
        return None

    def _length(self, node: FieldNode, declared: Any) -> int:
        outer: Any = declared.type
        of_type = cast("Any", outer).of_type if isinstance(outer, GraphQLNonNull) else outer
        if not isinstance(of_type, GraphQLList):
            return 1
        if "limit" not in declared.args:
            return _LENGTHS.get(node.name.value, _LENGTH)
        limit: Any = declared.args["limit"].default_value
        for argument in node.arguments or ():
            if argument.name.value == "limit":
                limit = self._value(argument.value, limit)
        return min(max(limit, 1), MAX_PAGE) if isinstance(limit, int) else MAX_PAGE

    def _value(self, node: object, default: object) -> object:
        if isinstance(node, IntValueNode):
            return int(node.value[:12])
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value, default)
        return default


def _sum(parts: Iterable[Size]) -> Size:
    depth = fields = total = aliases = 0
    names: Counter[str] = Counter()
    for part in parts:
        depth = max(depth, part.depth)
        fields += part.fields
        total += part.cost
        aliases += part.aliases
        for name, times in part.names.items():
            names[name] += times
    return Size(depth, fields, total, names, aliases)
