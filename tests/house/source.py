"""The repository as the house tests see it: paths, modules, syntax trees, public text."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "src" / "promptforge"


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text("utf-8"), str(path))


def modules(*floors: str) -> list[Path]:
    """The package's files, or those of some floors (folders or single files)."""
    if not floors:
        return sorted(PACKAGE.rglob("*.py"))
    found = [PACKAGE / f"{floor}.py" for floor in floors] + [
        path for floor in floors for path in (PACKAGE / floor).rglob("*.py")
    ]
    return sorted(path for path in found if path.exists())


def shown(path: Path) -> str:
    """A path as people write it, from the repository on."""
    return path.relative_to(REPOSITORY).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file, methods and inner ones included."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def tracked() -> list[Path]:
    """The files that a clone would hold: tracked ones and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [path for name in listed.stdout.splitlines() if (path := REPOSITORY / name).is_file()]
