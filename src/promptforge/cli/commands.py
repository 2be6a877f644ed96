"""The root of the commands: what holds for all of them, and where each is found.

A command's module is imported only when it is called, so that ``--help`` is instant.
"""

import os
import sys
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any

import click

from promptforge import __version__
from promptforge.cli.connection import Target
from promptforge.cli.exits import HELP, Exit, exit_code

#: Command, its module, its one line. The object in the module has the command's name, ``import`` has a _ behind.
_COMMANDS = {
    "serve": ("serve", "Serve the API and the dashboard from one folder."),
    "run": ("run", "Run a prompt, or a model on a text, and print the output."),
    "batch": ("batch", "Run a prompt, or a model, on each row of a file."),
    "prompt": ("prompts", "List, show, create, version, diff, label, archive and fork prompts."),
    "executions": ("executions", "List, show, follow and sum up what ran."),
    "figures": ("breakdowns", "Rank and sum up what ran, by time and by anything."),
    "services": ("services", "List the programs that call, when they were last seen, and how they do."),
    "chain": ("chains", "Define chains in files, prove them, and run them."),
    "chain-executions": ("chain_executions", "List and show the chains that ran, step by step."),
    "import": ("importing", "Take in executions that ran elsewhere, from a CSV or JSONL file."),
    "export": ("export", "Write the executions that pass a filter to a file."),
    "retention": ("retention", "Show and change what is kept of content, and for how long."),
    "erase": ("erase", "Erase what an end user said and what says who they are."),
    "price": ("prices", "Add, end, list, import and export prices, and find what has none."),
    "keys": ("keys", "List, create and revoke API keys."),
    "secret": ("secrets", "Set, list and remove the secrets of a workspace, by name."),
    "provider": ("providers", "List, set and remove providers of models, their keys and their limits."),
    "login": ("login", "Print a link that logs a browser in, once."),
    "backup": ("backup", "Write a copy of the home into a folder."),
    "restore": ("backup", "Make a home of a backup."),
    "doctor": ("doctor", "Check the stores against each other, and say what to do."),
    "demo": ("demo", "Remove the demo workspace."),
}


class Root(click.Group):
    """Finds commands by name, and turns what they raise into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of use."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and take the command from it."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"promptforge.cli.{_COMMANDS[cmd_name][0]}")
        return getattr(module, f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo(err=True)
            ctx.exit(Exit.INTERRUPTED)
        except BrokenPipeError:
            # The reader has seen enough (`... | head`); nothing may be written at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except Exception as error:
            from promptforge.cli.output import cell

            code = exit_code(error)
            fault = f"unexpected {type(error).__name__}: " if code is Exit.FAULT else ""
            click.echo(f"promptforge: {fault}{cell(str(error))}", err=True)
            ctx.exit(code)


@click.group(cls=Root, epilog=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", metavar="URL", help="The server to talk to (PROMPTFORGE_URL).")
@click.option("--api-key", metavar="KEY", help="The key (PROMPTFORGE_API_KEY, which other processes cannot see).")
@click.option("--home", type=click.Path(path_type=Path), help="The folder of the local server (PROMPTFORGE_HOME).")
@click.option("--workspace", metavar="NAME", help="Use the local server's own key for this workspace, such as demo.")
@click.version_option(__version__, prog_name="promptforge")
@click.pass_context
def root(context: click.Context, **given: Any) -> None:
    """Run prompts against model providers, and know for every call what went in, what came out, and what it cost.

    Without --url commands talk to the server that runs on the home, and when none runs they open the home
    themselves. Every command takes --json.
    """
    context.obj = Target().narrowed(given)
