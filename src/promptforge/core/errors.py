"""Every error that Prompt Forge raises on purpose.

ForgeError                  base; its text is a sentence for people
├── InvalidInput            the caller sent something wrong; says what, where, and what to do
├── Unauthenticated         no key, or a key that is unknown, expired or revoked
├── Forbidden               a known actor without the permission
├── NotFound                nothing of that id or name in the actor's workspace
├── Conflict                the name is taken, or the same idempotency key came with another input
├── TooMany                 a limit of ours was reached; ``retry_after`` in seconds where known
├── Unavailable             a store is away or full; nothing was acknowledged
└── SettingsError           the process cannot start as configured

``code`` is what the API shows as ``extensions.code``.
"""


class ForgeError(Exception):
    """Base of all; ``str(error)`` is a sentence that may be shown to the caller."""

    code = "INTERNAL"


class InvalidInput(ForgeError):
    """``path`` is the JSON path of what is wrong (``$.variables.name``), where there is one."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.path = path


class Unauthenticated(ForgeError):
    code = "UNAUTHENTICATED"


class Forbidden(ForgeError):
    code = "FORBIDDEN"


class NotFound(ForgeError):
    code = "NOT_FOUND"


class Conflict(ForgeError):
    code = "CONFLICT"


class TooMany(ForgeError):
    code = "RATE_LIMITED"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ForgeError):
    code = "UNAVAILABLE"


class SettingsError(ForgeError):
    code = "SETTINGS"
