"""Laws 1 and 2: imports point down, frameworks stay in their rooms, the machinery is pure."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import grimp
import pytest

from house.source import REPOSITORY, modules, shown, tree

#: Each framework and the only rooms that may import it.
ROOMS = {
    "strawberry": {"server.graphql"},
    "graphql": {"server.graphql"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "uvloop": {"server"},
    "websockets": {"server", "sdk", "cli"},
    "sqlalchemy": {"catalog"},
    "chdb": {"record"},
    "clickhouse_connect": {"record"},
    "aiohttp": {"providers", "server"},
    "yarl": {"providers", "server"},
    "genai_prices": {"pricing"},
    "jsonschema": {"language"},
    "referencing": {"language"},
    "re2": {"language", "record"},
    "lark": {"language"},
    "jmespath": {"language"},
    "yaml": {"wire"},
    "click": {"cli"},
    "rich": {"cli"},
    "httpx": {"sdk", "cli"},
    "pyarrow": {"server"},
    "google": {"wire"},  # protobuf
    "opentelemetry": {"wire"},
    "msgspec": {"record", "catalog", "wire", "server", "providers"},
    "cryptography": {"catalog", "services"},
    "typing_extensions": set(),
}
PURE = ("core", "wire", "pricing", "engine", "language", "analysis")
#: What would let a clock, chance, the network or the environment in.
IMPURE = {
    "os", "time", "random", "secrets", "socket", "ssl", "subprocess", "http", "urllib.request", "asyncio", "threading",
    "concurrent", "multiprocessing", "sqlite3", "tempfile", "shutil", "signal", "getpass", "uuid", "logging",
}  # fmt: skip
CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}


@cache
def graph() -> grimp.ImportGraph:
    """Who imports what, lazy and type-only imports counted."""
    return grimp.build_graph("promptforge", include_external_packages=True, cache_dir=None)


def test_the_import_contracts_hold():
    """Every contract in pyproject.toml is kept, and every folder of the package has a floor."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]  # in process it silences every log
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_a_framework_stays_in_its_room():
    """No module outside a framework's rooms imports it, and no framework is used without a room."""
    strangers = []
    for module in graph().modules:
        if module.partition(".")[0] == "promptforge":
            continue
        allowed = ROOMS.get(module)
        for importer in graph().find_modules_that_directly_import(module):
            inner = importer.removeprefix("promptforge.")
            if allowed is None and not _standard(module):
                strangers.append(f"{module} (imported by {importer}) has no room: add it to ROOMS")
            elif allowed is not None and not any(f"{inner}.".startswith(f"{room}.") for room in allowed):
                strangers.append(f"{importer} imports {module}, which belongs in {sorted(allowed)}")

    assert strangers == []


def _standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


@pytest.mark.parametrize("path", modules("core"), ids=shown)
def test_the_core_is_standard_library(path):
    """The stone imports the standard library and itself, nothing else."""
    for name in _imported(tree(path)):
        assert name.startswith("promptforge.core") or _standard(name), f"{shown(path)} imports {name}"


@pytest.mark.parametrize("path", modules(*PURE), ids=shown)
def test_the_machinery_is_pure(path):
    """No clock, chance, network, thread or environment below the rooms: what they need is given to them."""
    for name in _imported(tree(path)):
        assert name not in IMPURE, f"{shown(path)} imports {name}"
        assert name.partition(".")[0] not in IMPURE, f"{shown(path)} imports {name}"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            owner = node.func.value
            assert not (isinstance(owner, ast.Name) and owner.id in {"datetime", "date"}), (
                f"{shown(path)}:{node.lineno} reads the clock"
            )


@pytest.mark.parametrize("path", modules(), ids=shown)
def test_the_inside_takes_only_the_version_from_the_root(path):
    """The root re-exports the client for users; an import of it from inside would tie everything together."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module == "promptforge":
            assert {alias.name for alias in node.names} <= {"__version__"}, f"{shown(path)}:{node.lineno}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "promptforge":
            assert node.attr == "__version__", f"{shown(path)}:{node.lineno}"


def _imported(parsed: ast.Module) -> list[str]:
    names: list[str] = []
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    return names
