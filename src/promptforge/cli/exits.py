"""How commands end. Every error is one line on stderr, and its kind is the exit code: the table is ``MEANINGS``."""

from enum import IntEnum

from promptforge.core.errors import ForgeError, SettingsError, Unavailable
from promptforge.sdk.errors import (
    AuthenticationError,
    NetworkError,
    NotFoundError,
    PromptForgeError,
    RateLimitError,
    ValidationError,
)


class Exit(IntEnum):
    OK = 0
    EXECUTION = 1
    USAGE = 2
    PERMISSION = 3
    NOT_FOUND = 4
    REFUSED = 5
    UNREACHABLE = 6
    FAULT = 70
    INTERRUPTED = 130


MEANINGS = {
    Exit.OK: "it worked",
    Exit.EXECUTION: "the execution ended in error (it is on record), or the doctor found something wrong",
    Exit.USAGE: "the command line or a setting is wrong",
    Exit.PERMISSION: "no key, or one that is unknown, expired or may not do this",
    Exit.NOT_FOUND: "there is nothing of that id or name",
    Exit.REFUSED: "refused: not valid, taken already, or too much at once",
    Exit.UNREACHABLE: "the server cannot be reached, or no home can be opened here",
    Exit.FAULT: "a fault in Prompt Forge itself",
    Exit.INTERRUPTED: "interrupted",
}
#: For ``--help``; the mark keeps its lines apart.
HELP = "\b\nExit codes:\n" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in MEANINGS.items())


def exit_code(error: BaseException) -> Exit:
    """The exit code for what a command raised."""
    if isinstance(error, PromptForgeError):
        return _of_client(error)
    if isinstance(error, Unavailable):
        return Exit.UNREACHABLE
    if isinstance(error, SettingsError):
        return Exit.USAGE
    if isinstance(error, ForgeError):
        return Exit.REFUSED
    return Exit.FAULT


def _of_client(error: PromptForgeError) -> Exit:
    if isinstance(error, NetworkError):
        return Exit.UNREACHABLE
    if error.execution is not None:
        return Exit.EXECUTION
    if isinstance(error, AuthenticationError) or error.code == "FORBIDDEN":
        return Exit.PERMISSION
    if isinstance(error, NotFoundError):
        return Exit.NOT_FOUND
    if isinstance(error, (ValidationError, RateLimitError)):
        return Exit.REFUSED
    return Exit.FAULT
