"""What the doctor looks at, and what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be: how many of it, what it is, and what to do. A note is not *wrong*."""

    check: str
    count: int
    what: str
    do: str
    wrong: bool = True


@dataclass(frozen=True, slots=True)
class Named:
    """A version of a prompt as executions name it."""

    workspace: str
    prompt_id: str
    version_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What a look through the whole history gives: executions that are there more than once, rows of content without
    their figures, rows of content past their day, executions without a price by model, and the versions named."""

    twice: int
    alone: int
    expired: int
    unpriced: Sequence[tuple[str, int]]
    named: Sequence[Named]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What the record finds, and what it cannot judge alone."""

    findings: Sequence[Finding]
    named: Sequence[Named]
