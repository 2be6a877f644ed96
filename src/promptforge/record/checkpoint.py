"""Checkpoints: the finished steps of open chain executions, as they are written to the journal."""

import sqlite3
from dataclasses import dataclass

from promptforge.core.chain_execution import AnyExecution, ChainExecution, StepRun
from promptforge.record import events
from promptforge.record.body import encode


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A finished step of the chain execution that *key* names, ready to be written."""

    key: tuple[str, str]
    step: StepRun
    body: bytes

    @classmethod
    def of(cls, call: AnyExecution, step: StepRun) -> "Checkpoint | None":
        """The step that made a call; None for a call outside chains."""
        if isinstance(call, ChainExecution) or call.step is None:
            return None
        return cls((call.workspace, call.step.chain_execution_id), step, encode(step))

    def write(self, connection: sqlite3.Connection, at: int) -> bool:
        """Append it; whether it was new and its chain execution open."""
        return events.insert_step(connection, self.key, self.step.name, at, self.body)
