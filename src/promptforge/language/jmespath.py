"""JMESPath, the JSON language of TRANSFORM steps, with an end: the library's interpreter, every step of it counted.

The language has no loops, no definitions and no way out, but it can multiply: ``[@,@]|[@,@]|…`` doubles with each
part, and so can texts that are joined. So each node that is visited costs a step, and what a node makes costs what it
takes as JSON, before anything larger is made from it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from jmespath.exceptions import ArityError, JMESPathError, JMESPathTypeError, ParseError
from jmespath.functions import Functions
from jmespath.parser import Parser
from jmespath.visitor import TreeInterpreter

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object
from promptforge.language.size import limited

MAX_EXPRESSION = 4_000
MAX_NESTED = 64
#: Nodes visited, and values made or compared; a text counts one more for each 50 characters.
MAX_STEPS = 500_000

_CHARACTERS = 50
_SHOWN = 40
#: What only selects; all other nodes make something new.
_SELECTS = {"field", "current", "identity", "index", "literal", "subexpression", "index_expression", "pipe", "expref"}
#: What reads its further parts from what the first one found.
_NARROWS = {"subexpression", "index_expression", "pipe", "projection", "value_projection", "filter_projection"}

_Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; *where* is its JSON path."""

    text: str
    tree: _Node
    where: str

    @property
    def roots(self) -> tuple[str, ...]:
        """The names of the context that it reads, in order and once each; ``@`` and ``*`` name none."""
        return tuple(dict.fromkeys(_roots(self.tree)))

    def apply(self, context: Mapping[str, Json]) -> Json:
        """What it makes of the context; InvalidInput where it has no meaning, or makes too much."""
        try:
            return limited(Interpreter().visit(cast("Any", self.tree), context), self.where)
        except InvalidInput as error:
            raise InvalidInput(f"{self.where[2:]}: {error}", path=self.where) from None
        except JMESPathTypeError as error:
            says = f"{error.function_name}() takes {' or '.join(error.expected_types)}, not {error.actual_type}"
            raise InvalidInput(f"{self.where[2:]}: {says}", path=self.where) from None
        except ArityError as error:
            raise InvalidInput(f"{self.where[2:]}: {error}", path=self.where) from None
        except (TypeError, ValueError, ArithmeticError):
            # The library leaves to Python what is none of its types: texts ordered with numbers, floor of infinity.
            raise InvalidInput(f"{self.where[2:]}: values that do not go together", path=self.where) from None


@lru_cache(maxsize=256)
def compile_expression(text: str, where: str) -> Expression:
    """Read an expression; InvalidInput, with the column, for a text that is none."""
    if len(text) > MAX_EXPRESSION:
        raise InvalidInput(f"{where[2:]} takes at most {MAX_EXPRESSION} characters", path=where)
    try:
        tree = cast("_Node", Parser().parse(text).parsed)
    except ParseError as error:
        at = getattr(error, "lexer_position", error.lex_position)
        found = str(text[at : at + _SHOWN] or "the end")
        raise InvalidInput(f"{where[2:]}, column {at + 1}: no JMESPath at '{found}'", path=where) from None
    except (JMESPathError, ValueError, AttributeError, KeyError, IndexError):
        raise InvalidInput(f"{where[2:]} is no JMESPath expression", path=where) from None
    except RecursionError:
        raise InvalidInput(f"{where[2:]}: nested deeper than {MAX_NESTED} levels", path=where) from None
    for node, depth in _walk(tree):
        if depth > MAX_NESTED:
            raise InvalidInput(f"{where[2:]}: nested deeper than {MAX_NESTED} levels", path=where)
        if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
            raise InvalidInput(f"{where[2:]}: JMESPath has no function '{node['value'][:_SHOWN]}'", path=where)
        if node["type"] == "literal":
            limited(node["value"], where)
    return Expression(text, tree, where)


def _walk(tree: _Node) -> Iterator[tuple[_Node, int]]:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in node.get("children", ()) if isinstance(child, dict)]


def _roots(node: _Node) -> Iterator[str]:
    """The fields that are read from the context itself; what follows a dot, a pipe or a projection reads a part."""
    if node["type"] == "field":
        yield node["value"]
        return
    inside = node.get("children", ())
    if node["type"] in _NARROWS:
        inside = inside[:1]
    elif node["type"] in {"expref", "slice"}:
        inside = ()
    for child in inside:
        yield from _roots(child)


class Interpreter(TreeInterpreter):
    """The library's, with every step counted; InvalidInput when there are too many."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        """Count the node, and weigh what it makes."""
        self._spend(1)
        value = super().visit(node, *args, **kwargs)
        if node["type"] not in _SELECTS:
            self._weigh(value)
        return value

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Weigh both sides before they are compared."""
        return super().visit_comparator(self._settled(node, value), value)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        """Weigh the arguments before anything is made of them."""
        settled = self._settled(node, value)
        arguments: list[Json] = [child["value"] for child in settled["children"]]
        if settled["value"] == "join" and len(arguments) == 2:
            glue, texts = arguments
            if isinstance(glue, str) and is_array(texts):
                self._spend(len(glue) * len(texts) // _CHARACTERS)
        return super().visit_function_expression(settled, value)

    def _settled(self, node: Any, value: Any) -> Any:
        """The node with its operands as literals, evaluated and weighed."""
        operands: list[Json] = [self.visit(child, value) for child in node["children"]]
        for operand in operands:
            self._weigh(operand)
        literals = [{"type": "literal", "value": operand} for operand in operands]
        return cast("Any", {**node, "children": literals})

    def _weigh(self, value: Json) -> None:
        waiting = [value]
        while waiting:
            part = waiting.pop()
            self._spend(1)
            if isinstance(part, str):
                self._spend(len(part) // _CHARACTERS)
            elif is_object(part):
                waiting += part.values()
            elif is_array(part):
                waiting += part

    def _spend(self, steps: int) -> None:
        if self.steps + steps > MAX_STEPS:
            raise InvalidInput(f"it takes more than {MAX_STEPS} steps: select less, or make less of it")
        self.steps += steps
