"""Errors as the API shows them: a sentence, a code, and never the inside of the process.

Codes: those of core/errors.py, and
  GRAPHQL_PARSE_FAILED       the document is not GraphQL
  GRAPHQL_VALIDATION_FAILED  the document or its variables do not fit the schema
  QUERY_TOO_LARGE            the document asks for more than the limits allow
  BAD_REQUEST                the HTTP request is not a GraphQL request
"""

import logging
import secrets
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from promptforge.core.errors import ForgeError, InvalidInput, TooMany

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
TOO_LARGE = "QUERY_TOO_LARGE"
BAD_REQUEST = "BAD_REQUEST"

_log = logging.getLogger("promptforge.server")


def shown(errors: Sequence[GraphQLError], code: str = VALIDATION_FAILED) -> list[dict[str, Any]]:
    """Errors as JSON; *code* is for those that have none of their own."""
    return [_one(error, code) for error in errors]


def body(message: str, code: str) -> dict[str, Any]:
    """A whole response that carries one error and no data."""
    return {"data": None, "errors": [{"message": message, "extensions": {"code": code}}]}


def _one(error: GraphQLError, code: str) -> dict[str, Any]:
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    item: dict[str, Any] = {"message": error.message}
    if error.locations:
        item["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        item["path"] = error.path
    extensions: dict[str, Any] = {"code": code, **_known(error.extensions)}
    if isinstance(cause, ForgeError):
        item["message"] = str(cause)
        extensions |= _of_forge(cause)
    elif cause is not None and not isinstance(cause, GraphQLError):
        item["message"] = masked(cause)
        extensions["code"] = ForgeError.code
    item["extensions"] = extensions
    return item


def _known(extensions: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (extensions or {}).items() if key == "code"}


def _of_forge(error: ForgeError) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": error.code}
    if isinstance(error, InvalidInput) and error.path is not None:
        extensions["path"] = error.path
    if isinstance(error, TooMany) and error.retry_after is not None:
        extensions["retryAfter"] = error.retry_after
    return extensions


def masked(error: BaseException) -> str:
    """Log where it happened under a new id, and give the sentence that may be shown.

    The exception's own words stay out of both: they may quote what a caller sent.
    """
    reference = secrets.token_hex(4)
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("internal error %s: %s\n%s", reference, type(error).__name__, where.rstrip())
    return f"Internal error; the server's log has it under id {reference}"
