"""Erasure of one end user: what they said and what says who they are goes, figures stay. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from promptforge.core.chain_execution import AnyExecution, ChainExecution, without_content

E = TypeVar("E", bound=AnyExecution)
_NO_TAGS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The report of an erasure: what was an end user's and no longer is; done again, it finds nothing.

    ``unreadable`` counts damaged events of the workspace: they may be the end user's, and are as they were.
    """

    executions: int = 0
    chain_executions: int = 0
    memories: int = 0
    unreadable: int = 0

    def __add__(self, other: "Erasure") -> "Erasure":
        return Erasure(
            executions=self.executions + other.executions,
            chain_executions=self.chain_executions + other.chain_executions,
            memories=self.memories + other.memories,
            unreadable=self.unreadable + other.unreadable,
        )


def erased(execution: E) -> E:
    """The execution without content and without what says whose it was."""
    bare = replace(execution, end_user=None, session_id=None, tags=_NO_TAGS, content=None)
    return without_content(bare) if isinstance(bare, ChainExecution) else bare
