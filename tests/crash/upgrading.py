"""Opens a home as a start does and dies before one of the statements that change tables: ``upgrading.py HOME NUMBER``.

The statements are counted over all stores, from 1. It prints each before it is carried out; when it comes through, what
the home holds as the last line.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

from promptforge.core.query import Breakdown
from promptforge.forge import open_forge
from promptforge.record.engine import Engine
from promptforge.settings import load

CHANGING = ("CREATE", "ALTER", "DROP", "INSERT INTO applied", "INSERT INTO migrations")


def watched(last: int):
    """What is called before each statement; dies at the one with that number."""
    count = 0

    def before(statement: str) -> None:
        nonlocal count
        if not statement.lstrip().startswith(CHANGING):
            return
        count += 1
        sys.stdout.write(" ".join(statement.split())[:80] + "\n")
        sys.stdout.flush()
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    return before


def watch(before) -> None:
    """Have every store tell *before*."""
    connect, command = sqlite3.connect, Engine.command

    def connected(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(before)
        return connection

    def commanded(self, sql, values=None, **settings):
        before(sql)
        command(self, sql, values, **settings)

    sqlite3.connect = connected
    Engine.command = commanded


async def opened(home: Path) -> None:
    """Open the home, say what it holds, and close it."""
    async with open_forge(load(home=home)) as forge:
        actor = await forge.access.authenticate(forge.local_key)
        figures = (await forge.record.figures(Breakdown(workspace=actor.workspace))).items[0].figures
        sys.stdout.write(f"{figures.calls} {figures.token_in} {figures.token_out}\n")


if __name__ == "__main__":
    watch(watched(int(sys.argv[2])))
    asyncio.run(opened(Path(sys.argv[1])))
