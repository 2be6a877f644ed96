"""The command line itself: help, usage errors, exit codes; no server needed."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptforge.cli.commands import root
from promptforge.cli.exits import MEANINGS, Exit, exit_code
from promptforge.core.errors import SettingsError, Unavailable
from promptforge.sdk.errors import (
    AuthenticationError,
    GraphQLError,
    NetworkError,
    NotFoundError,
    ProviderError,
    RateLimitError,
    ValidationError,
)
from promptforge.sdk.values import Execution


def cli(*arguments: str, home: Path | None = None, **environment: str):
    where = {"PROMPTFORGE_HOME": str(home)} if home else {}
    clean = {"PROMPTFORGE_URL": "", "PROMPTFORGE_API_KEY": ""}
    return CliRunner().invoke(root, arguments, env=clean | where | environment)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("run",),
        ("batch",),
        ("serve",),
        ("prompt",),
        *(("prompt", c) for c in ("list", "show", "create", "version", "diff", "label", "archive", "fork")),
        *(("executions", c) for c in ("list", "show", "tail", "stats")),
        *(("keys", c) for c in ("list", "create", "revoke")),
        ("demo", "remove"),
    ],
)
def test_every_command_has_help(arguments: tuple[str, ...]) -> None:
    """Each command of the issue exists and explains itself."""
    result = cli(*arguments, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_help_lists_every_exit_code() -> None:
    """The exit codes are documented where people look."""
    told = cli("--help").stdout
    for code, meaning in MEANINGS.items():
        assert f"{code:<4} {meaning}" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run",), "NAME of a prompt"),
        (("run", "x", "--var", "novalue"), "'novalue'"),
        (("run", "x", "--var", "n:=notjson"), "is not JSON"),
        (("run", "x", "--version", "1", "--label", "live"), "exclude"),
        (("run", "x", "--stream", "--no-wait"), "exclude"),
        (("run", "--model", "gpt-4", "hi", "--var", "a=b"), "without a prompt"),
        (("run", "x", "--vars", "/nonexistent.json"), "/nonexistent.json"),
        (("prompt", "create", "x", "--template", "hi"), "--model"),
        (("prompt", "version", "x", "--model", "m"), "--template"),
        (("prompt", "label", "x", "live"), "VERSION"),
        (("executions", "list", "--status", "odd"), "odd"),
        (("nonsense",), "nonsense"),
    ],
)
def test_usage_errors(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """A wrong command line exits 2 and says what to give; nothing is sent."""
    result = cli(*arguments, "--url", "http://127.0.0.1:1", "--api-key", "pf_x")
    assert (result.exit_code, result.stdout) == (Exit.USAGE, "")
    assert said in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProviderError("x", execution=Execution()), Exit.EXECUTION),
        (AuthenticationError("x", execution=Execution()), Exit.EXECUTION),
        (AuthenticationError("x"), Exit.PERMISSION),
        (GraphQLError("x", code="FORBIDDEN"), Exit.PERMISSION),
        (NotFoundError("x"), Exit.NOT_FOUND),
        (ValidationError("x"), Exit.REFUSED),
        (RateLimitError("x"), Exit.REFUSED),
        (NetworkError("x"), Exit.UNREACHABLE),
        (Unavailable("x"), Exit.UNREACHABLE),
        (SettingsError("x"), Exit.USAGE),
        (GraphQLError("x", code="INTERNAL"), Exit.FAULT),
        (ZeroDivisionError("x"), Exit.FAULT),
    ],
)
def test_exit_codes(error: Exception, code: Exit) -> None:
    """Each kind of error has its documented exit code."""
    assert exit_code(error) is code


def test_unreachable_server_is_one_line() -> None:
    """A server that is not there is one line on stderr that names it, and exit code 6, also for --json."""
    result = cli("executions", "list", "--json", "--url", "http://127.0.0.1:1", "--api-key", "pf_secret")
    assert (result.exit_code, result.stdout) == (Exit.UNREACHABLE, "")
    assert result.stderr.count("\n") == 1
    assert "http://127.0.0.1:1" in result.stderr
    assert "pf_secret" not in result.stderr


def test_missing_key_says_how_to_give_one(tmp_path: Path) -> None:
    """Without a key for a server elsewhere the command exits 3 and names the variable."""
    result = cli("executions", "list", "--url", "http://127.0.0.1:1", home=tmp_path)
    assert result.exit_code == Exit.PERMISSION
    assert "PROMPTFORGE_API_KEY" in result.stderr


def test_client_alone_says_what_is_missing(tmp_path: Path) -> None:
    """With no server running and none of its packages installed, commands say how to get one, and serve too."""
    blocker = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('chdb', 'sqlalchemy', 'strawberry', 'starlette', 'aiohttp', 'msgspec'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from promptforge.cli import main\n"
        "main()\n"
    )
    for command, code in (
        (["executions", "list", "--home", str(tmp_path)], 6),
        (["serve", "--home", str(tmp_path)], 2),
    ):
        done = subprocess.run(
            [sys.executable, "-c", blocker, *command], capture_output=True, text=True, check=False, env={}
        )
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
        assert "prompt-forge[server]" in done.stderr


def test_help_loads_no_heavy_module() -> None:
    """``--help`` loads neither the HTTP client nor Rich nor any of the server."""
    code = (
        "import sys\n"
        "from promptforge.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('httpx', 'websockets', 'rich', 'chdb', 'sqlalchemy', 'starlette', 'strawberry', 'aiohttp')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
