"""Pruning: rows that are older than a moment leave the record for good, figures and all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What is older, or was: on how many days (UTC) it lies, from the first to the last; *cost* in 10^-12 dollars."""

    executions: int
    chain_executions: int
    cost: int
    days: int
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """What a pruning takes of a workspace's history: all that was made *before*, but a chain execution stays or goes
    with its calls.

    *spared* are the numbers of older calls whose chain execution has not arrived there, *along* those of younger calls
    whose chain execution is older.
    """

    workspace: str
    before: datetime
    spared: Sequence[int] = ()
    along: Sequence[int] = ()
