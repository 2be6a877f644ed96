"""Law 3: each fact has one owner. Shapes in core, SQL in the stores, the API's spelling in the API."""

import ast
import re

from house.source import PACKAGE, modules, shown, tree

SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|DELETE\s+FROM|CREATE\s+TABLE|ALTER\s+TABLE)\b", re.DOTALL)
STORES = {"record", "catalog"}
CAMEL = re.compile(r"^[a-z]+[A-Z]")


def _room(path):
    return path.relative_to(PACKAGE).parts[0]


def test_sql_is_written_in_the_stores_only():
    """No other room holds a statement, so a table can change without a search."""
    found = [
        shown(path)
        for path in modules()
        if _room(path) not in STORES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]

    assert [] == found


def test_the_apis_spelling_stays_out_of_the_core():
    """Names in core and services are snake_case; latencyMs and its kind belong to the API's types."""
    names = [
        f"{shown(path)}: {name}"
        for room in ("core", "services", "record", "catalog")
        for path in modules(room)
        for node in ast.walk(tree(path))
        for name in _named(node)
        if CAMEL.match(name)
    ]

    assert [] == names


def _named(node):
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name, *(arg.arg for arg in [*node.args.args, *node.args.kwonlyargs])]
    return []
