"""Laws 5, 6 and 10 and the habits: actor first, no float near money, small files, a docstring on every test."""

import ast
import re
import tomllib

import pytest

from house.source import PACKAGE, REPOSITORY, functions, modules, shown, tracked, tree

MAX_FILE = 400
MAX_FUNCTION = 50
SIZES = tomllib.loads((REPOSITORY / "tests/house/sizes.toml").read_text("utf-8"))
DRAWERS = re.compile(r"(^|_)(utils?|helpers?|common|managers?|misc|stuff)($|_|\.)")
#: Public service methods that come before there is an actor: they find out who it is.
ACTORLESS = {
    "chain_steps.ChainSteps": {"begun", "bound", "run"},  # of a running chain, which says who asked for it
    "access.Access": {
        "authenticate",
        "authenticate_session",
        "ensure_administrator",
        "ensure_key",
        "ensure_workspace",
        "log_in",
        "log_out",
        "new_secret",
        "settle",
    },
}
#: Files that gather the shapes of several nouns on purpose: the ports, what a query answers, what the client returns.
GATHERED = {
    f"src/promptforge/{name}"
    for name in ("core/ports.py", "core/query.py", "sdk/values.py", "sdk/chain_values.py", "server/graphql/enums.py")
}
#: The money road: from a rate to an amount. Ratios and averages are statistics and live elsewhere.
MONEY = [PACKAGE / "core" / name for name in ("money.py", "price.py", "usage.py")] + modules("pricing")
#: Ports that are proved in a folder of their own: the price book in pricing, the ways to providers in providers.
UNSUITED = {"clock", "connections", "price_book"}
TESTS = sorted((REPOSITORY / "tests").rglob("test_*.py"))


def services() -> list[tuple[str, ast.ClassDef]]:
    """The classes of services that forge hands to the doors."""
    return [
        (f"{path.relative_to(PACKAGE / 'services').with_suffix('').as_posix()}.{node.name}", node)
        for path in modules("services")
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and _holds_ports(node)
    ]


def _holds_ports(node: ast.ClassDef) -> bool:
    """Whether a class is a service: made of the record or a catalog, and public."""
    made = next((f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"), None)
    taken = {ast.unparse(arg.annotation) for arg in made.args.args if arg.annotation} if made else set()
    ports = {"Record", "PromptCatalog", "ChainCatalog", "MemoryCatalog", "AccessCatalog"}
    return bool(taken & {*ports, "Access", "Prompts", "Chains"})


def test_a_noun_has_one_file_name():
    """A class called after a noun of the core stands in that noun's file, on every floor (plural where it is many)."""
    nouns = {path.stem for path in modules("core")} | {"overview"}
    misplaced = [
        f"{shown(path)}: {node.name}"
        for path in modules()
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and (noun := node.name.lower().removesuffix("s")) in nouns
        if path.stem.removesuffix("s") != noun.removesuffix("s") and shown(path) not in GATHERED
    ]

    assert misplaced == []


def test_every_service_method_takes_the_actor_first():
    """Rules live in services, so none of them may be asked without saying who asks; the exceptions are named here."""
    missing = []
    for name, node in services():
        for method in node.body:
            if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) or method.name.startswith("_"):
                continue
            if any(ast.unparse(decorator) == "property" for decorator in method.decorator_list):
                continue
            names = [arg.arg for arg in method.args.args[1:2]]
            if names != ["actor"] and method.name not in ACTORLESS.get(name, set()):
                missing.append(f"{name}.{method.name}")

    assert services()
    assert missing == []


@pytest.mark.parametrize("path", MONEY, ids=shown)
def test_no_float_on_the_money_road(path):
    """Neither a float nor a true division stands between a rate and an amount."""
    for node in ast.walk(tree(path)):
        line = f"{shown(path)}:{getattr(node, 'lineno', 0)}"
        assert not (isinstance(node, ast.Name) and node.id == "float"), f"{line} names float"
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"{line} holds a float"
        assert not (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)), f"{line} divides"


def test_no_float_field_of_the_api_is_money():
    """Money leaves as strings: no Float in the schema is named after cost, usd, amount or price."""
    schema = (REPOSITORY / "schema.graphql").read_text("utf-8")
    floats = re.findall(r"(\w+)(?:\([^)]*\))?\s*:\s*\[?Float", schema)

    assert [name for name in floats if re.search(r"cost|usd|amount|price", name, re.IGNORECASE)] == []


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_files_and_functions_are_small(path):
    """A file over 400 lines or a function over 50 needs a reason in sizes.toml."""
    reasons = SIZES.get(shown(path), {})
    length = len(path.read_text("utf-8").splitlines())
    assert length <= MAX_FILE or "file" in reasons, f"{shown(path)} has {length} lines"
    for function in functions(path):
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= MAX_FUNCTION or function.name in reasons, f"{shown(path)}:{function.name} has {lines} lines"


def test_reasons_for_size_are_still_needed():
    """sizes.toml names only what exists and is too long."""
    for name, reasons in SIZES.items():
        path = REPOSITORY / name
        long = {f.name for f in functions(path) if (f.end_lineno or 0) - f.lineno + 1 > MAX_FUNCTION}
        if len(path.read_text("utf-8").splitlines()) > MAX_FILE:
            long.add("file")
        assert set(reasons) <= long, f"{name}: no longer needed: {set(reasons) - long}"


def test_no_drawer_collects_everything():
    """No file or folder is called utils, helpers, common or manager."""
    names = [path.relative_to(REPOSITORY) for path in tracked()]

    assert [str(path) for path in names if any(DRAWERS.search(part) for part in path.parts)] == []


@pytest.mark.parametrize("path", TESTS, ids=shown)
def test_every_test_states_its_truth(path):
    """Each test, and each file of tests, has a docstring."""
    assert ast.get_docstring(tree(path)), f"{shown(path)} does not say what it proves"
    for function in functions(path):
        if function.name.startswith("test_"):
            assert ast.get_docstring(function), f"{shown(path)}:{function.name} does not say what it proves"


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_every_module_says_what_lives_there(path):
    """A module's docstring is there, unless it is empty."""
    assert not tree(path).body or ast.get_docstring(tree(path)), shown(path)


def test_every_port_has_one_contract_suite():
    """For each port that an adapter stands behind there is a file in tests/contracts."""
    suites = {path.stem.removeprefix("test_") for path in (REPOSITORY / "tests/contracts").glob("test_*.py")}
    ports = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", node.name).lower()
        for name in ("ports.py", "chain_ports.py", "catalog_ports.py")
        for node in tree(PACKAGE / "core" / name).body
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases)
    }

    assert ports - suites - UNSUITED == set()
