"""What the client raises. ``str(error)`` is a sentence; the rest hangs on attributes.

PromptForgeError            base of all
├── AuthenticationError     401: the key is missing, unknown, expired or revoked
├── NotFoundError           404: nothing of that id or name
├── ValidationError         400: a field is missing, of the wrong type, or against the schema; 409: taken
├── RateLimitError          429: too many requests; ``retry_after`` in seconds where known
├── GraphQLError            the query itself failed: syntax, permission, a fault behind it
├── NetworkError            no connection, no answer in time, or the service is away (503)
└── ExecutionError          the execution ended in error for another reason (deadline, cancelled, filtered, ...)
    └── ProviderError       the model provider failed or could not be reached

An error of an execution carries it as ``execution`` (of a chain, as ``chain_execution``): then it did run, or was
refused, and is on record.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from promptforge.sdk.chain_values import ChainExecution
    from promptforge.sdk.values import Execution


class PromptForgeError(Exception):
    """Base of all. ``errors`` holds the GraphQL errors as they came; ``code`` the first one's code."""

    default_status: ClassVar[int | None] = None

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        execution: "Execution | None" = None,
        chain_execution: "ChainExecution | None" = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code or self.default_status
        self.code = code
        self.retry_after = retry_after
        self.errors = list(errors)
        self.execution = execution
        self.chain_execution = chain_execution


class AuthenticationError(PromptForgeError):
    default_status = 401


class NotFoundError(PromptForgeError):
    default_status = 404


class ValidationError(PromptForgeError):
    default_status = 400


class RateLimitError(PromptForgeError):
    default_status = 429


class GraphQLError(PromptForgeError):
    pass


class NetworkError(PromptForgeError):
    """``sent`` says whether the request may have reached the server; when not, sending it again is always safe."""

    def __init__(self, message: str, *, sent: bool = True, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.sent = sent


class ExecutionError(PromptForgeError):
    pass


class ProviderError(ExecutionError):
    pass


_OF_CODE: Mapping[str, type[PromptForgeError]] = {
    "UNAUTHENTICATED": AuthenticationError,
    "NOT_FOUND": NotFoundError,
    "BAD_USER_INPUT": ValidationError,
    "CONFLICT": ValidationError,
    "RATE_LIMITED": RateLimitError,
    "UNAVAILABLE": NetworkError,
}
_STATUS_OF_CODE = {"CONFLICT": 409, "FORBIDDEN": 403, "UNAVAILABLE": 503}
_OF_STATUS: Mapping[int, type[PromptForgeError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    409: ValidationError,
    413: ValidationError,
    422: ValidationError,
    429: RateLimitError,
    502: NetworkError,
    503: NetworkError,
    504: NetworkError,
}
_OF_EXECUTION: Mapping[str, type[PromptForgeError]] = {
    "authentication": AuthenticationError,
    "validation": ValidationError,
    "rate_limit": RateLimitError,
    "provider": ProviderError,
    "network": ProviderError,
}


def graphql_error(errors: Sequence[Mapping[str, Any]], *, retry_after: float | None = None) -> PromptForgeError:
    """The error for a reply whose ``errors`` is not empty; the first decides the class."""
    first = errors[0]
    extensions: Mapping[str, Any] = first.get("extensions") or {}
    code = extensions.get("code")
    kind = _OF_CODE.get(str(code), GraphQLError)
    message = str(first.get("message") or "the server reported an error without a message")
    return kind(
        message,
        code=None if code is None else str(code),
        status_code=_STATUS_OF_CODE.get(str(code)),
        retry_after=extensions.get("retryAfter", retry_after),
        errors=errors,
    )


def status_error(status: int, text: str, *, retry_after: float | None = None) -> PromptForgeError:
    """The error for a reply that is no GraphQL at all."""
    kind = _OF_STATUS.get(status, PromptForgeError)
    return kind(f"the server answered {status}: {text}", status_code=status, retry_after=retry_after)


def closed_error(code: int, reason: str, url: str) -> PromptForgeError:
    """The error for a websocket that the server closed; from 4400 on the code's last digits are an HTTP status."""
    if 4400 <= code < 4600:
        kind = _OF_STATUS.get(code - 4000, PromptForgeError)
        return kind(reason or "the server closed the stream", status_code=code - 4000)
    return NetworkError(f"the connection to Prompt Forge at {url} was lost")


def execution_error(execution: "Execution") -> PromptForgeError:
    """The error for an execution that ended in error; its type decides the class."""
    kind = _OF_EXECUTION.get(execution.error_type or "", ExecutionError)
    message = execution.error or f"the execution {execution.id} ended in error"
    return kind(message, code=execution.error_type, execution=execution)


def chain_error(execution: "ChainExecution") -> PromptForgeError:
    """The same for a chain execution."""
    kind = _OF_EXECUTION.get(execution.error_type or "", ExecutionError)
    message = execution.error or f"the chain execution {execution.id} ended in error"
    return kind(message, code=execution.error_type, chain_execution=execution)
