"""What the Python of a captured span costs, stage by stage, in processor time: it holds on a busy machine too.

The spans are those of ``../shared/tools/otlp_load.py``. The engine, HTTP and threads are not in it; the
journal's part comes with ``--journal``: the same rows into its tables and out again.
"""

import argparse
import gc
import importlib.util
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench._served import SHARED

from promptforge.core.access import Actor
from promptforge.core.redaction import Redactor
from promptforge.core.retention import Retention
from promptforge.pricing.book import Book
from promptforge.record import events
from promptforge.record.body import decode, encode
from promptforge.record.intake import taken_in
from promptforge.record.journal_tables import prepare
from promptforge.record.rows import facts_block, payloads_block
from promptforge.record.writer import connect
from promptforge.server.serve import GARBAGE
from promptforge.services.foreign import Foreign
from promptforge.services.spans import Request, Spans
from promptforge.wire.otlp import read

BATCH = 100
ROUNDS = 5


def payloads(count: int) -> list[bytes]:
    """Requests of a hundred spans, as the load tool sends them."""
    spec = importlib.util.spec_from_file_location("otlp_load", SHARED / "tools" / "otlp_load.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"there is no load tool in {SHARED}")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return [tool.payload(BATCH, seed, time.time_ns()) for seed in range(count // BATCH)]


def timed(name: str, do: Callable[[Any], Any], given: Sequence[Any], spans: int) -> list[Any]:
    """What *do* makes of each; print the least of some rounds, in microseconds a span."""
    least, made = float("inf"), list[Any]()
    for _ in range(ROUNDS):
        gc.collect()
        began = time.process_time()
        made = [do(one) for one in given]
        least = min(least, time.process_time() - began)
    print(f"{name:44} {least / spans * 1e6:6.1f} us")
    return made


def stages(count: int) -> list[Any]:
    """From the bytes of requests to the blocks of the history; the executions as the journal has them."""
    bodies = payloads(count)
    actor = Actor(workspace="default", user_id="user_1", permissions=frozenset(), key_id="key_1", service="bench")
    making = Spans(Foreign(None, Book()), secret=b"bench" * 8)  # type: ignore[arg-type]  # no span names a prompt
    request = Request(actor, datetime.now(UTC).replace(microsecond=0), Retention(), {}, {})
    redactor = Redactor(["a secret that is nowhere"])
    exports = timed("read: bytes to spans", lambda body: read(body, json=False), bodies, count)
    spans = [span for export in exports for span in export.spans]
    made = timed("make: the execution, its id, cost, retention", lambda span: making.call(request, span), spans, count)
    kept = timed("take in: check, look for secrets", lambda e: taken_in(e, redactor), made, count)
    written = timed("encode for the journal", encode, kept, count)
    shipped = timed("ship: decode", decode, written, count)
    timed("ship: block of facts", lambda rows: facts_block(1, rows), [list(enumerate(shipped))], count)
    timed("ship: block of content", lambda rows: payloads_block(1, rows), [shipped], count)
    return shipped


def journal(executions: Sequence[Any]) -> None:
    """Rows into the journal's tables and out again, a hundred in a transaction."""
    rows = [(e.workspace, e.id, encode(e)) for e in executions]
    with tempfile.TemporaryDirectory() as folder:
        connection = connect(Path(folder) / "journal.db")
        prepare(connection)
        began, last = time.process_time(), 0
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            connection.execute("BEGIN IMMEDIATE")
            events.known(connection, [(workspace, shown) for workspace, shown, _ in part])
            seen = [(workspace, shown, 1) for workspace, shown, _ in part]
            connection.executemany("INSERT INTO seen (workspace, id, at) VALUES (?, ?, ?)", seen)
            last = events.insert_closed(connection, part, 1)
            connection.execute("COMMIT")
        print(f"{'journal: write':44} {(time.process_time() - began) / len(rows) * 1e6:6.1f} us")
        began = time.process_time()
        for first in range(1, last + 1, events.CHUNK):
            events.remove(connection, first, min(last, first + events.CHUNK - 1))
        print(f"{'journal: take out':44} {(time.process_time() - began) / len(rows) * 1e6:6.1f} us")
        connection.close()


def main(arguments: list[str]) -> None:
    """Run it: ``python -m bench spans [--spans 2000] [--journal]``."""
    parser = argparse.ArgumentParser(prog="bench spans", description=__doc__)
    parser.add_argument("--spans", type=int, default=2_000)
    parser.add_argument("--journal", action="store_true")
    options = parser.parse_args(arguments)
    gc.set_threshold(*GARBAGE)
    executions = stages(options.spans)
    if options.journal:
        journal(executions)
