"""The command with a history that fails when it is told to: ``python failing.py SWITCH ARGUMENTS…``.

It runs ``promptforge ARGUMENTS…``. While there is a file SWITCH, the engine does what stands in it: ``breaks`` (content
goes in, though it says that it failed, and figures do not), ``away`` (it answers nothing), ``slow`` (each insert is).
"""

import sys
import time
from pathlib import Path

PROBLEM = "the history could not be reached: the disk does not answer"
SLOW_SECONDS = 0.5


def arm(switch: Path) -> None:
    """Put the switch into the engine."""
    from promptforge.core.errors import Unavailable
    from promptforge.record.engine import Engine

    insert, ask = Engine.insert, Engine.ask

    def told() -> str:
        return switch.read_text() if switch.exists() else ""

    def inserting(engine, table, block):
        how = told()
        if how == "slow":
            time.sleep(SLOW_SECONDS)
        if how == "breaks" and table == "payloads":
            insert(engine, table, block)
        if how in {"breaks", "away"}:
            raise Unavailable(PROBLEM)
        insert(engine, table, block)

    def asking(engine, sql, values, **how):
        if told() == "away":
            raise Unavailable(PROBLEM)
        return ask(engine, sql, values, **how)

    Engine.insert, Engine.ask = inserting, asking


if __name__ == "__main__":
    arm(Path(sys.argv[1]))
    sys.argv[1:] = sys.argv[2:]
    from promptforge.cli import main

    main()
