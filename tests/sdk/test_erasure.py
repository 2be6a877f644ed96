"""Erasing an end user with the client."""

import pytest

from kit.served import Served
from promptforge import PromptForge, ValidationError


def test_an_end_user_is_erased(served: Served) -> None:
    """The report counts what was theirs; the execution has its figures and nothing of them."""
    with PromptForge(served.key, served.url) as client:
        made = client.run("demo-small", "Say hello", end_user="cnsdk", tags={"a": "b"})
        report = client.erase_end_user("cnsdk")
        found = client.executions.get(made.id)
        with pytest.raises(ValidationError):
            client.erase_end_user("")
    assert (report.executions, report.chain_executions, report.memories, report.unreadable) == (1, 0, 0, 0)
    assert (found.output, found.end_user, found.tags) == (None, None, {})
    assert (found.token_in, found.cost_usd) == (made.token_in, made.cost_usd)
