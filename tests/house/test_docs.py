"""Law 9: what is public is documented, and the documents are true to the code."""

import ast
import re
import tomllib
from dataclasses import fields

import click
import pytest

from house.source import REPOSITORY, shown, tracked
from promptforge.cli.commands import root
from promptforge.cli.exits import MEANINGS
from promptforge.core import errors
from promptforge.core.execution import CostState, ErrorType, Source, Status
from promptforge.server.graphql import errors as graphql_errors
from promptforge.settings import Settings, variable

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
#: Places that exist on one machine only, and names of indexes that a clone need not know.
MACHINE = re.compile(r"(?<![\w.~])/(?:work|root|home/\w+|Users/\w+|tmp/\w+)(?:/|\b)|https?://(?:10|172|192)\.\d")


def page(name: str) -> str:
    """The text of a document."""
    return (REPOSITORY / name).read_text("utf-8")


def rows(name: str) -> dict[str, list[str]]:
    """The rows of a page's tables by their first cell, code marks taken off."""
    found = {}
    for line in page(name).splitlines():
        if line.startswith("| ") and not line.startswith("| --"):
            first, *rest = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            found[first.strip("`")] = rest
    return found


def test_every_setting_is_documented_and_nothing_else():
    """docs/settings.md and settings.py name the same settings, defaults and meanings."""
    documented = rows("docs/settings.md")
    for setting in fields(Settings):
        key, default, meaning = documented[variable(setting.name)]

        assert key.strip("`") == ("" if setting.name == "home" else setting.name)
        assert default.strip("`") == written(setting.default)
        assert meaning == setting.metadata["doc"]

    names = {name for name in documented if re.fullmatch("[A-Z_]+", name)}
    client = {"PROMPTFORGE_API_KEY", "PROMPTFORGE_URL", "PROMPTFORGE_CONFIG"}
    assert names == {variable(setting.name) for setting in fields(Settings)} | client


def written(value: object) -> str:
    """A default as the page writes it."""
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_error_is_documented():
    """docs/errors.md holds each code with its class, and each type of a failed execution."""
    documented = rows("docs/errors.md")
    classes = [found for found in vars(errors).values() if isinstance(found, type)]
    of_graphql = [value for name, value in vars(graphql_errors).items() if name.isupper() and isinstance(value, str)]

    assert {error.code: error.__name__ for error in classes} | dict.fromkeys(of_graphql, "") == {
        code: cells[0].strip("`") for code, cells in documented.items() if code.isupper()
    }
    assert {error_type.value for error_type in ErrorType} <= set(documented)


def test_every_command_and_exit_code_is_documented():
    """docs/commands.md lists the commands that exist, with their own short help, and every exit code."""
    context = click.Context(root)
    lines = {}
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        if isinstance(command, click.Group):
            inner = {sub: command.get_command(context, sub) for sub in command.list_commands(context)}
            lines |= {f"promptforge {name} {sub}": found for sub, found in inner.items()}
        else:
            lines[f"promptforge {name}"] = command
    documented = rows("docs/commands.md")

    assert {name: [found.get_short_help_str(200)] for name, found in lines.items()} == {
        name: cells for name, cells in documented.items() if name.startswith("promptforge")
    }
    assert {str(int(code)): [meaning] for code, meaning in MEANINGS.items()} == {
        name: cells for name, cells in documented.items() if name.isdigit()
    }


def test_the_states_of_the_record_are_documented():
    """docs/record.md names every status, cost state and source."""
    text = page("docs/record.md")
    for name in (*Status, *CostState, *Source):
        assert f"`{name.value}`" in text, name


def test_every_direct_dependency_has_a_reason():
    """docs/dependencies.md has a line for each dependency of pyproject.toml, and none for what is not one."""
    project = PROJECT["project"]
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["server"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["dependency-groups"]["capture"],
        *PROJECT["dependency-groups"]["fuzz"],
        *PROJECT["build-system"]["requires"],
    ]
    names = {re.match(r"[\w.-]+", line).group() for line in wanted}
    documented = {name: cells for name, cells in rows("docs/dependencies.md").items() if name != "package"}

    assert set(documented) == names
    assert all(cells[0] and cells[1] for cells in documented.values())


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_documents_know_no_machine(path):
    """A page reads the same on every computer: no path of one machine."""
    assert MACHINE.search(path.read_text("utf-8")) is None


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_links_inside_the_repository_lead_somewhere(path):
    """Every relative link names a file that exists."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), f"{shown(path)} links to {target}"


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_python_in_documents_is_python(path):
    """Every Python block parses."""
    for block in re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
        ast.parse(block)


def test_nobody_is_told_to_install_somebody_elses_package():
    """The distribution is prompt-forge; the bare name on the public index is not ours."""
    for path in PAGES:
        assert not re.search(r"(pip|uv|pipx)[^\n`]* install[^\n`]* promptforge\b(?!\.)", path.read_text("utf-8"))


def test_source_knows_no_machine():
    """Nothing that a clone holds names a place of one machine."""
    found = []
    for path in tracked():
        if (
            path.suffix in {".py", ".toml", ".ts", ".tsx", ".css", ".graphql", ".sh", ""}
            and path.stat().st_size < 10**6
        ):
            for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
                if path.name != "test_docs.py" and re.search(r"(?<![\w.~/])/(?:work|root)/", line):
                    found.append(f"{shown(path)}:{number}")

    assert found == []


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_a_test_that_a_page_names_is_there(path):
    """What a page says is proved can be looked up."""
    for named in re.findall(r"`(tests/[\w/]+\.py)`", path.read_text("utf-8")):
        assert (REPOSITORY / named).is_file(), named
