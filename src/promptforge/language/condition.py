"""Conditions: a small language for what a chain decides on, parsed by a grammar and never run as Python.

The grammar is below; what its parts mean is in ``expression.py``. An error says where in the text it is, what was
expected there, and for the common slips what to write instead.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import lark
from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json
from promptforge.language import expression, reference
from promptforge.language.expression import (
    FUNCTIONS,
    Called,
    Compared,
    Constant,
    Evaluation,
    Joined,
    Listed,
    Negated,
    Node,
    Read,
    Unfit,
    walk,
    written,
)
from promptforge.language.pattern import searcher
from promptforge.language.reference import Reference

_LARK: Any = lark  # its annotations are incomplete

MAX_CONDITION = 4_000
MAX_NESTED = 32
WHERE = "$.config.condition"

# A name in an operand's place is a reference, even one such as ``in``: the lexer knows what can follow.
_GRAMMAR = rf"""
?start: either
?either: both (OR both)+ -> joined
       | both
?both: test (AND test)+ -> joined
     | test
?test: operand (COMPARISON | IN) operand -> compared
     | operand
?operand: NOT operand -> negated
        | atom
?atom: NULL -> constant
     | TRUE -> constant
     | FALSE -> constant
     | NUMBER -> number
     | STRING -> text
     | REFERENCE -> read
     | PATH -> read
     | LSQB [either (_COMMA either)*] _RSQB -> listed
     | FUNCTION _LPAR [either (_COMMA either)*] _RPAR -> called
     | _LPAR either _RPAR

OR: "||"
AND: "&&"
NOT: "!"
COMPARISON: "==" | "!=" | "<=" | ">=" | "<" | ">"
IN.3: /in(?![\w-])/
NULL.3: /null(?![\w.\[-])/
TRUE.3: /true(?![\w.\[-])/
FALSE.3: /false(?![\w.\[-])/
NUMBER: /{expression.NUMBER}(?![\w.])/
STRING: /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/s
REFERENCE: /\{{\{{[^{{}}]*\}}\}}/
FUNCTION.2: /[^\W\d]\w*(?=\s*\()/
PATH: /{reference.PATTERN}/
LSQB: "["
_RSQB: "]"
_LPAR: "("
_RPAR: ")"
_COMMA: ","
%ignore /\s+/
"""
_VALUES = {"NULL", "TRUE", "FALSE", "NUMBER", "STRING", "REFERENCE", "PATH", "FUNCTION", "LSQB"}
_COMPARISONS = {"COMPARISON", "IN"}
_JOINTS = {"AND", "OR"}
_SIGNS = {"_RPAR": "')'", "_RSQB": "']'", "_COMMA": "','", "$END": "the end"}
_SLIPS = {
    "=": "equality is written '=='",
    "and": "write '&&'",
    "AND": "write '&&'",
    "&": "write '&&'",
    "or": "write '||'",
    "OR": "write '||'",
    "|": "write '||'",
    "not": "write '!' before a value or a parenthesis",
    "is": "equality is written '=='",
    "'": "the text is never closed: end it with the same quote",
    '"': "the text is never closed: end it with the same quote",
    "{": "a reference is written {{name}}",
    "‘": "write straight quotes",
    "’": "write straight quotes",
    "“": "write straight quotes",
    "”": "write straight quotes",
    **dict.fromkeys("+-*/%", "there is no arithmetic here: a TRANSFORM step can compute"),
}
_WORD = re.compile(r"\w+|.", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\'\"])")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition; *where* is its JSON path in what it was given with."""

    text: str
    root: Node
    where: str

    def __str__(self) -> str:
        return written(self.root)

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it reads, in order and once each; one that leads nowhere counts as null."""
        return tuple(dict.fromkeys(part.reference for part, _ in walk(self.root) if isinstance(part, Read)))

    def holds(self, context: Mapping[str, Json]) -> bool:
        """Whether it is true of the context; InvalidInput, with the column, for values it has no meaning for."""
        try:
            return Evaluation(context).truth(self.root)
        except Unfit as error:
            raise _refusal(self.text, error.at, str(error), self.where) from None


@lru_cache(maxsize=256)
def compile_condition(text: str, where: str = WHERE) -> Condition:
    """Read a condition; InvalidInput, with the column and what to do, for a text that is none."""
    if len(text) > MAX_CONDITION:
        raise InvalidInput(f"Condition: takes at most {MAX_CONDITION} characters", path=where)
    try:
        root = cast("Node", cast("Any", _parser()).parse(text))
    except Unfit as error:
        raise _refusal(text, error.at, str(error), where) from None
    except UnexpectedInput as error:
        at, says = _unexpected(text, error)
        raise _refusal(text, at, says, where) from None
    for part, depth in walk(root):
        if depth > MAX_NESTED:
            raise _refusal(text, part.at, f"nested deeper than {MAX_NESTED} levels", where)
    return Condition(text, root, where)


def _refusal(text: str, at: int, says: str, where: str) -> InvalidInput:
    line = f"line {text.count(chr(10), 0, at) + 1}, " if "\n" in text else ""
    return InvalidInput(f"Condition, {line}column {at - text.rfind(chr(10), 0, at)}: {says}", path=where)


def _unexpected(text: str, error: UnexpectedInput) -> tuple[int, str]:
    """Where something stands that cannot stand there, and what could."""
    problem: Any = error
    at, allowed, signs = len(text), set[str](), _SIGNS
    if isinstance(error, UnexpectedToken):
        at = len(text) if problem.token.type == "$END" else problem.token.start_pos
        allowed = problem.accepts or problem.expected
    elif isinstance(error, UnexpectedCharacters):
        at, allowed, signs = problem.pos_in_stream, problem.allowed, {}  # what would close, it does not know
    expected = ["a value"] if allowed & _VALUES else []
    expected += ["a comparison"] if allowed & _COMPARISONS else []
    expected += ["'&&'", "'||'"] if allowed & _JOINTS else []
    expected += [sign for name, sign in signs.items() if name in allowed]
    word = _WORD.match(text, at)
    found = f"'{word[0][:_SHOWN]}'" if word else "the end"
    slips = [_SLIPS[near] for near in (*text[:at].split()[-1:], word[0] if word else "") if near in _SLIPS]
    return at, f"expected {' or '.join(expected)}, found {found}{''.join(f': {slip}' for slip in slips[-1:])}"


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Tree(), maybe_placeholders=False)


@_LARK.v_args(inline=True)
class _Tree(Transformer[Token, Node]):
    """Makes the tree while parsing, so that no depth of nesting recurses."""

    def joined(self, *parts: Any) -> Node:
        return Joined("&&" if parts[1] == "&&" else "||", parts[::2], parts[0].at)

    def compared(self, left: Node, operator: Token, right: Node) -> Node:
        return Compared(str(operator), (left, right), _at(operator))

    def negated(self, sign: Token, operand: Node) -> Node:
        return Negated((operand,), _at(sign))

    def constant(self, word: Token) -> Node:
        return Constant({"null": None, "true": True, "false": False}[word], _at(word))

    def number(self, digits: Token) -> Node:
        value = json.loads(digits)
        if isinstance(value, float) and not math.isfinite(value):
            raise Unfit(_at(digits), "this number is too large")
        return Constant(value, _at(digits))

    def text(self, quoted: Token) -> Node:
        return Constant(_ESCAPED.sub(r"\1", quoted[1:-1]), _at(quoted))

    def read(self, place: Token) -> Node:
        text = place[2:-2].strip() if place.type == "REFERENCE" else str(place)
        try:
            return Read(reference.parse(text), _at(place))
        except InvalidInput as error:
            raise Unfit(_at(place), str(error)) from None

    def listed(self, bracket: Token, *parts: Node) -> Node:
        return Listed(parts, _at(bracket))

    def called(self, name: Token, *parts: Node) -> Node:
        function = FUNCTIONS.get(name)
        if function is None:
            raise Unfit(_at(name), f"there is no function '{name[:_SHOWN]}', only {', '.join(FUNCTIONS)}")
        if len(parts) != len(function.takes):
            raise Unfit(_at(name), f"write {name}({', '.join(function.takes)})")
        if name == "matches":
            _check_pattern(parts[1])
        return Called(str(name), parts, _at(name))


def _check_pattern(node: Node) -> None:
    if not (isinstance(node, Constant) and isinstance(node.value, str)):
        raise Unfit(node.at, "the pattern of matches(…) is a text in quotes, known before the chain runs")
    try:
        searcher(node.value)
    except InvalidInput as error:
        raise Unfit(node.at, str(error)) from None


def _at(token: Token) -> int:
    return token.start_pos or 0
