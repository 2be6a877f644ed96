"""The command with a way to die: ``python dying.py STAGE NUMBER ARGUMENTS…``.

It runs ``promptforge ARGUMENTS…`` and sends itself SIGKILL when the way from journal to history, or a restore, has come
to STAGE for the NUMBER-th time. The stages stand in the order in which a batch, or a restore, comes to them.
"""

import itertools
import os
import random
import signal
import sys
import threading
from collections.abc import Callable

#: What a batch goes through; "going in" is a random moment while the engine stores it.
STAGES = (
    *("bounds stored", "read back", "content going in", "content in"),
    *("figures going in", "figures in", "half removed", "removed", "left"),
)
#: What an erasure goes through, "going" as above.
ERASING = ("begun", "content going", "content gone", "names going", "names gone", "history done", "journal blank")
RESTORING = ("file written", "part taken in", "all taken in")
GOING_IN_SECONDS = 0.01


def die() -> None:
    """As a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(stage: str, number: int) -> None:
    """Let the process die at a stage."""
    from promptforge.record import events, outgoing
    from promptforge.record.backup import Backup
    from promptforge.record.copies import EngineCopies
    from promptforge.record.engine import Engine
    from promptforge.record.history import ClickHouseHistory
    from promptforge.record.writer import Writer

    passed = itertools.count(1)
    finishing: list[bool] = []

    def wrap(owner: type, verb: str, counts: Callable[..., bool], when: str = "after") -> None:
        real = getattr(owner, verb)

        def dying(*arguments, **named):
            now = counts(*arguments) and next(passed) == number
            if now and when == "before":
                die()
            if now and when == "during":
                threading.Timer(random.uniform(0, GOING_IN_SECONDS), die).start()
            result = real(*arguments, **named)
            if now:
                die()
            return result

        setattr(owner, verb, dying)

    def always(*_: object) -> bool:
        return True

    def into(table: str) -> Callable[..., bool]:
        return lambda _, into, *rest: into == table

    if stage == "bounds stored":
        wrap(ClickHouseHistory, "insert", always, "before")
    elif stage == "read back":
        wrap(ClickHouseHistory, "_stored", into("facts"))
    elif stage in {"content going in", "figures going in"}:
        wrap(Engine, "insert", into("payloads" if stage.startswith("content") else "facts"), "during")
    elif stage in {"content in", "figures in"}:
        wrap(Engine, "insert", into("payloads" if stage.startswith("content") else "facts"))
    elif stage in {"half removed", "removed"}:
        # a batch leaves the journal in parts, then its bounds do
        events.CHUNK = 20 if stage == "half removed" else outgoing.BATCH_ROWS
        finish = outgoing.Outgoing.finish

        def begun(*arguments):
            finishing.append(True)
            left = finish(*arguments)
            finishing.clear()
            return left

        outgoing.Outgoing.finish = begun
        # the first write of each that finishes
        wrap(Writer, "write_and_wait", lambda *_: bool(finishing) and (finishing.clear() or True))
    elif stage in RESTORING:
        owner, verb = {
            "file written": (Backup, "write"),
            "part taken in": (EngineCopies, "take_in"),
            "all taken in": (EngineCopies, "taken_from"),
        }[stage]
        wrap(owner, verb, always)
    elif stage == "left":
        wrap(outgoing.Outgoing, "finish", always)
    elif stage == "begun":
        wrap(ClickHouseHistory, "erase_end_user", always, "before")
    elif stage.startswith(("content go", "names go")):
        begins = "ALTER TABLE payloads DELETE" if stage.startswith("content") else "ALTER TABLE facts UPDATE"
        when = "during" if stage.endswith("going") else "after"
        wrap(Engine, "command", lambda _, sql, *rest: sql.startswith(begins), when)
    elif stage == "history done":
        wrap(ClickHouseHistory, "erase_end_user", always)
    elif stage == "journal blank":
        wrap(Writer, "rewrite", always, "before")
    else:
        raise SystemExit(f"there is no stage '{stage}'")


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    from promptforge.cli import main

    main()
