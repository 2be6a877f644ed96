"""The filter in SQL. ``core.filter.matches`` is the same in Python; a property test holds the two equal.

Values are bound, never written into the text. A comparison with something unknown is false, so every leaf yields a
plain 0 or 1 and ``NOT`` needs no third value.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any as Anything

from promptforge.core import money
from promptforge.core.filter import FIELDS as KNOWN
from promptforge.core.filter import All, Any, Filter, Kind, Not, Operator, Test, words
from promptforge.record.schema import SEARCHED, milliseconds

_COMPARE = {Operator.AT_LEAST: ">=", Operator.AT_MOST: "<=", Operator.BELOW: "<"}
_ALWAYS = frozenset({"status", "model", "provider", "source", "cost_state"})
_COUNTED = frozenset({"version", "chain_version"})
"""Columns that say with 0 what others say with NULL."""

_LARGEST = (1 << 63) - 1
_MOST_MONEY = 10**38 - 1

# stands where a search is narrowed to a window of time, or not
_WINDOW = "\x00"
_IN_WINDOW = (
    " AND created_at BETWEEN fromUnixTimestamp64Milli({first:Int64}, 'UTC')"
    " AND fromUnixTimestamp64Milli({last:Int64}, 'UTC')"
)

FIELDS: Mapping[str, str] = {name: name for name in KNOWN if name not in {"tag", "text"}} | {
    "tokens": "(token_in + token_out)"
}
"""The column of each field that has one."""


class Condition:
    """A growing SQL condition with its values."""

    def __init__(self, workspace: str, today: date) -> None:
        """*today* decides which content has expired."""
        self.values: dict[str, Anything] = {"workspace": workspace, "today": today}
        self.parts: list[str] = ["workspace = {workspace:String}"]
        self.has_text = False
        self._bounds = ""

    def bind(self, type_name: str, value: Anything) -> str:
        """Give a value a name; the text that stands for it."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{type_name}}}"

    def bind_time(self, value: int) -> str:
        """A moment in milliseconds."""
        return f"fromUnixTimestamp64Milli({self.bind('Int64', value)}, 'UTC')"

    def between(self, start: datetime | None, end: datetime | None) -> None:
        """Only what was created from *start* (inclusive) to *end* (exclusive)."""
        for sign, moment in ((">=", start), ("<", end)):
            if moment is not None:
                bound = f"created_at {sign} {self.bind_time(_ceiling(moment))}"
                self.parts.append(bound)
                self._bounds += f" AND {bound}"

    def add(self, tree: Filter) -> None:
        """Narrow by a filter. Its conjuncts stay apart, so that the engine can order and prune by them."""
        for part in tree.of if isinstance(tree, All) else (tree,):
            if isinstance(part, All):
                self.add(part)
            else:
                self.parts.append(self._tree(part))

    @property
    def sql(self) -> str:
        """Everything so far."""
        return " AND ".join(self.parts).replace(_WINDOW, "")

    def within_window(self) -> str:
        """The same inside the moments that the values ``first`` and ``last`` say."""
        return (" AND ".join(self.parts) + _WINDOW).replace(_WINDOW, _IN_WINDOW)

    def _tree(self, tree: Filter) -> str:
        match tree:
            case All(of):
                return "(" + " AND ".join(self._tree(part) for part in of) + ")" if of else "1"
            case Any(of):
                return "(" + " OR ".join(self._tree(part) for part in of) + ")" if of else "0"
            case Not(of):
                return f"NOT ({self._tree(of)})"
            case Test():
                return self._leaf(tree)

    def _leaf(self, test: Test) -> str:
        match KNOWN[test.field].kind:
            case Kind.NAME:
                return self._named(test)
            case Kind.NUMBER | Kind.MONEY:
                return self._number(test)
            case Kind.TIME:
                return self._time(test)
            case Kind.TAG:
                return self._tag(test)
            case Kind.FLAG:
                return test.field
            case Kind.TEXT:
                return self._text(test)

    def _named(self, test: Test) -> str:
        column = FIELDS[test.field]
        always = test.field in _ALWAYS
        if test.operator is Operator.EXISTS:
            if test.field == "chain_execution_id":
                return "in_chain"
            return "1" if always else f"{column} != ''"
        if test.operator is Operator.IN:
            wanted = [str(value) for value in test.values if value or always]
            if not wanted:
                return "0"
            if len(wanted) == 1:
                return f"{column} = {self.bind('String', wanted[0])}"
            return f"{column} IN {self.bind('Array(String)', wanted)}"
        pattern = "%".join(_literal(part) for part in str(test.values[0]).split("*"))
        like = f"{column} LIKE {self.bind('String', pattern)}"
        return like if always else f"({column} != '' AND {like})"

    def _number(self, test: Test) -> str:
        column = FIELDS[test.field]
        present = f"{column} != 0" if test.field in _COUNTED else f"{column} IS NOT NULL"
        if test.operator is Operator.EXISTS:
            return present
        numbers = [value for value in test.values if isinstance(value, int)]
        if test.operator is Operator.IN:
            numbers = [value for value in numbers if abs(value) <= _LARGEST]
            compared = f"{column} IN {self.bind('Array(Int64)', numbers)}" if numbers else "0"
        elif test.field == "cost":
            amount = money.exact(max(-_MOST_MONEY, min(_MOST_MONEY, numbers[0])))
            compared = f"{column} {_COMPARE[test.operator]} {self.bind('Decimal(38, 12)', amount)}"
        else:
            limit = max(-_LARGEST, min(_LARGEST, numbers[0]))
            compared = f"{column} {_COMPARE[test.operator]} {self.bind('Int64', limit)}"
        return f"({present} AND {compared})" if test.field in _COUNTED else f"ifNull({compared}, 0)"

    def _time(self, test: Test) -> str:
        moment = test.values[0]
        assert isinstance(moment, datetime)  # noqa: S101 - the tree says so
        whole = (milliseconds(moment) or 0) if test.operator is Operator.AT_MOST else _ceiling(moment)
        return f"{FIELDS[test.field]} {_COMPARE[test.operator]} {self.bind_time(whole)}"

    def _tag(self, test: Test) -> str:
        key = self.bind("String", test.key)
        there = f"mapContains(tags, {key})"
        if test.operator is Operator.EXISTS:
            return there
        if not test.values:
            return "0"
        wanted = self.bind("Array(String)", [str(value) for value in test.values])
        return f"({there} AND hasAny(mapValues(tags), {wanted}) AND tags[{key}] IN {wanted})"

    def _text(self, test: Test) -> str:
        wanted = sorted(words(str(test.values[0])))
        if not wanted:
            return "1"
        self.has_text = True
        tokens = self.bind("Array(String)", wanted)
        return (
            # by moment as well, so that a few hits prune the facts by their key
            "(created_at, id) IN (SELECT created_at, id FROM payloads "
            f"PREWHERE workspace = {{workspace:String}}{self._bounds}{_WINDOW} AND expires_on > {{today:Date}} "
            f"AND hasAllTokens({SEARCHED}, {tokens}))"
        )


def _literal(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _ceiling(moment: datetime) -> int:
    return milliseconds(moment + timedelta(microseconds=999)) or 0
