"""The filter as one line of text: ``status:error model:claude* cost>0.01 tag.env:prod``.

The same text in the API, on the command line and in the dashboard's address; what it means is the tree in
``core/filter.py``, and ``written`` gives the text of a tree. Tests beside each other must all hold; ``or``, ``not`` and
parentheses join them otherwise. A word without a field is looked for in the content.
"""

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, cast

import lark
from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from promptforge.core import filter as tree
from promptforge.core import money
from promptforge.core.errors import InvalidInput
from promptforge.core.filter import EVERYTHING, FIELDS, All, Filter, Kind, Not, Operator, Test
from promptforge.language.filter_meaning import CALLED, CALLS, CHAINS, COMPARED, NAMES, STAR, Unfit, Value, meaning

_LARK: Any = lark  # its annotations are incomplete

MAX_FILTER = 4_000
MAX_NESTED = 32
WHERE = "$.filter.where"

_GRAMMAR = r"""
?start: either | -> everything
?either: both (_OR both)+ -> joined
       | both
?both: part+ -> together
?part: _NOT part -> negated
     | _OPEN either _CLOSE
     | FIELD value (_COMMA value)* -> test
     | WORD -> looked_for
     | QUOTED -> looked_for
value: VALUE | QUOTED

_OR.3: /(?i:or)(?=[\s(])/
_NOT.3: /(?i:not)(?=[\s(])|-(?=[^\s)])/
FIELD.2: /[^\W\d]\w*(?:\.(?:"(?:[^"\\]|\\.)+"|(?:[^\s"\\()<>=:!,]|\\.)+))?(?:!?:|!=|>=|<=|=|>|<)/
VALUE: /(?:[^\s"\\(),]|\\.)(?:[^\s\\(),]|\\.)*/
WORD: /(?:[^\s"\\(),]|\\.)(?:[^\s\\()]|\\.)*/
QUOTED: /"(?:[^"\\]|\\.)*"/s
_OPEN: "("
_CLOSE: ")"
_COMMA: ","
%ignore /\s+/
"""
_SLIPS = {
    "(": "a parenthesis is never closed",
    ")": "this parenthesis was never opened",
    '"': "the quote is never closed",
    ",": "a comma stands between the values of one field",
}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PLAIN = re.compile(r'[^\s"\\(),*<>=:!-][^\s"\\(),*]*')


# ── read ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=512)
def parse(text: str, where: str = WHERE, *, chains: bool = False) -> Filter:
    """The tree of a text; InvalidInput says at which column what is wrong. An empty text is everything.

    *chains*: of chain executions, which have fewer fields.
    """
    if len(text) > MAX_FILTER:
        raise InvalidInput(f"a filter takes at most {MAX_FILTER:,} characters", path=where)
    if STAR in text:
        raise InvalidInput("a filter holds no NUL, as nothing that is recorded does", path=where)
    if text.count("(") > MAX_NESTED:
        raise InvalidInput(f"a filter takes at most {MAX_NESTED} parentheses", path=where)
    try:
        return cast("Filter", _parser(CHAINS if chains else CALLS).parse(text))
    except VisitError as error:
        raise _refusal(text, error.orig_exc, where) from None
    except (Unfit, InvalidInput) as error:
        raise _refusal(text, error, where) from None
    except UnexpectedInput as error:
        problem: Any = error
        ended = isinstance(error, UnexpectedToken) and problem.token.type == "$END"
        at = len(text) if ended else cast("int", problem.pos_in_stream)
        raise _refusal(text, Unfit(at, _unexpected(text, at)), where) from None


def _refusal(text: str, error: Exception, where: str) -> InvalidInput:
    at = f", at column {error.at + 1}" if isinstance(error, Unfit) else ""
    return InvalidInput(f"filter '{text[:80]}'{at}: {error}", path=where)


def _unexpected(text: str, at: int) -> str:
    found = text[at : at + 1]
    if not found:
        opened = text.count("(") > text.count(")")
        missing = "the value of a field" if text.rstrip()[-1:] in ":=<>" else "what follows"
        return _SLIPS["("] if opened else f"{missing} is missing at the end"
    return _SLIPS.get(
        found, f"'{text[at:].split(maxsplit=1)[0][:40]}' cannot stand here; put a value in quotes to mean its text"
    )


@lru_cache(maxsize=2)
def _parser(names: frozenset[str]) -> Any:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Tree(names), maybe_placeholders=False)


def _value(token: Token) -> Value:
    text = str(token)
    text = text[1:-1] if token.type == "QUOTED" else text
    starred = re.sub(r"\\(.)|\*", lambda m: m[1] if m[1] is not None else STAR, text, flags=re.DOTALL)
    return Value(starred, _at(token))


@_LARK.v_args(inline=True)
class _Tree(Transformer[Token, Filter]):
    """Makes the tree while parsing, of tests of the fields that have these *names*."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__()
        self._names = names

    def everything(self) -> Filter:
        return EVERYTHING

    def joined(self, *parts: Filter) -> Filter:
        return tree.Any(parts)

    def together(self, *parts: Filter) -> Filter:
        return parts[0] if len(parts) == 1 else All(parts)

    def negated(self, part: Filter) -> Filter:
        return Not(part)

    def value(self, token: Token) -> Value:
        return _value(token)

    def looked_for(self, token: Token) -> Filter:
        return meaning("text", None, ":", (_value(token),), _at(token))

    def test(self, head: Token, *values: Value) -> Filter:
        name, operator = _head(str(head))
        name, dot, key = name.partition(".")
        if name not in self._names:
            near = get_close_matches(name, self._names, 1, 0.6)
            known = ", ".join(each for each in NAMES if each in self._names)
            hint = f": did you mean '{near[0]}'?" if near else f"; there are {known}"
            raise Unfit(_at(head), f"there is no field '{name[:40]}'{hint}")
        if (name == "tag") != bool(dot):
            raise Unfit(_at(head), "a tag is written tag.NAME:VALUE" if name == "tag" else f"'{name}' has no parts")
        key = _ESCAPED.sub(r"\1", key[1:-1] if key.startswith('"') else key)
        if operator.startswith("!"):
            return Not(meaning(NAMES[name], key or None, ":", values, _at(head)))
        return meaning(NAMES[name], key or None, operator, values, _at(head))


def _head(text: str) -> tuple[str, str]:
    operator = next(sign for sign in ("!:", "!=", ">=", "<=", ":", "=", ">", "<") if text.endswith(sign))
    return text[: -len(operator)], operator


def _at(token: Token) -> int:
    return token.start_pos or 0


# ── written ───────────────────────────────────────────────────────────────────────────────────────────────────────


def written(filter: Filter) -> str:
    """The text of a tree: parsing it gives a tree that means the same.

    InvalidInput for a tree that no text can say, such as one that holds for nothing.
    """
    match filter:
        case All(()):
            return ""
        case All(of):
            return " ".join(text for part in of if (text := _inside(part, All)))
        case tree.Any(()):
            raise InvalidInput("a filter that nothing passes has no text")
        case tree.Any(of):
            return " or ".join(_inside(part, tree.Any) or _EVERYTHING for part in of)
        case Not(of):
            return f"-{_inside(of, Not) or _EVERYTHING}"
        case Test():
            return _written_test(filter)


_EVERYTHING = '("" or "")'
"""A search for no words, which everything passes."""


def _inside(part: Filter, outer: type) -> str:
    if isinstance(part, Test):
        text = _written_test(part)
        return f"({text})" if outer is Not and " " in text and not text.endswith('"') else text
    text = written(part)
    return text if isinstance(part, Not) or not text else f"({text})"


def _written_test(test: Test) -> str:
    name = CALLED[test.field] + (f".{_quoted(test.key, plain=_PLAIN_KEY)}" if test.key is not None else "")
    if test.operator is Operator.EXISTS:
        return f"{name}:true" if FIELDS[test.field].kind is Kind.FLAG else f"{name}:*"
    if test.operator is Operator.LIKE:
        # an asterisk alone would ask whether there is a value at all, which two of them ask as well
        pattern = str(test.values[0])
        return f"{name}:{_quoted(pattern, star='*') if pattern != '*' else '**'}"
    sign = {operator: sign for sign, operator in COMPARED.items()}.get(test.operator, ":")
    if not test.values:
        raise InvalidInput("a filter that nothing passes has no text")
    return f"{name}{sign}{','.join(_written_value(test, value) for value in test.values)}"


def _written_value(test: Test, value: str | int | datetime) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, int):
        return money.exact(value) if FIELDS[test.field].kind is Kind.MONEY else str(value)
    return _quoted(value)


_PLAIN_KEY = re.compile(r'[^\s"\\()<>=:!,]+')


def _quoted(text: str, *, star: str = "\\*", plain: re.Pattern[str] = _PLAIN) -> str:
    """The text as it is where it can stand so, else in quotes; *star* is how an asterisk is written."""
    if plain.fullmatch(text.replace("*", "") if star == "*" else text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped.replace("*", star)}"'
