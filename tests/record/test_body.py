"""Bodies of events: read back as they were written, and never as something else."""

import random
import sqlite3
import zlib

import msgspec
import pytest

from kit.clock import FixedClock
from kit.executions import NOON, done, some
from promptforge.core.execution import Content
from promptforge.record.body import LONG, decode, encode
from promptforge.record.journal import SqliteJournal


def test_every_flipped_bit_is_noticed():
    """No bit of a body, short or deflated, can change without the body being refused."""
    rows = random.Random(7)
    long = "".join(rows.choices("abcdefghij ", k=2 * LONG))
    for execution in (done("w"), done("w", content=Content(output=long))):
        body = encode(execution)
        assert decode(body) == execution
        for place in range(len(body)):
            flipped = bytearray(body)
            flipped[place] ^= 1 << rows.randrange(8)
            with pytest.raises(ValueError, match=r"."):
                decode(bytes(flipped))


def test_a_body_that_was_cut_is_refused():
    """Every shorter body is refused."""
    body = encode(done("w"))
    for size in range(len(body)):
        with pytest.raises(ValueError, match=r"."):
            decode(body[:size])


def test_bodies_without_a_checksum_are_read():
    """What an earlier version left in the journal is still there."""
    execution = done("w")
    raw = msgspec.msgpack.encode(execution)
    assert decode(b"\0" + raw) == execution
    assert decode(b"\1" + zlib.compress(raw)) == execution


@pytest.mark.parametrize("seed", range(40))
async def test_a_damaged_journal_never_shows_another_execution(tmp_path, seed):
    """Whatever byte of the file changes, or wherever it ends: it is said, or what can be read is what was written."""
    dice, path, written = random.Random(seed), tmp_path / "journal.db", some("w", 60)
    journal = SqliteJournal(path, FixedClock(NOON))
    await journal.close(written)
    journal.stop()
    whole = bytearray(path.read_bytes())
    if seed % 4:
        whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
    else:
        del whole[dice.randrange(len(whole)) :]
    path.write_bytes(whole)
    known = {execution.id: execution for execution in written}

    try:
        damaged = SqliteJournal(path, FixedClock(NOON))
    except sqlite3.DatabaseError:
        return  # the start says it and names the file
    try:
        batch = damaged.outgoing.next_batch()
    except sqlite3.DatabaseError:
        return  # the shipper says it
    finally:
        damaged.stop()
    for entry in batch.entries if batch else ():
        try:
            found = decode(entry.body)
        except ValueError:
            continue  # set aside with its problem
        assert found == known[found.id]


@pytest.mark.parametrize("seed", range(30))
async def test_a_damaged_log_keeps_what_was_acknowledged_before_the_damage(tmp_path, seed):
    """Whatever byte of the log changes, or wherever it ends: all commits before that place are there, in order."""
    dice, path, written = random.Random(seed), tmp_path / "journal.db", some("w", 12)
    log, copy = tmp_path / "journal.db-wal", tmp_path / "copy.db"
    journal, ends = SqliteJournal(path, FixedClock(NOON)), []
    for execution in written:
        await journal.close([execution])
        ends.append(log.stat().st_size)
    main, frames = path.read_bytes(), bytearray(log.read_bytes())
    journal.stop()
    place = dice.randrange(len(frames))
    if seed % 3:
        frames[place] ^= 1 << dice.randrange(8)
    else:
        del frames[place:]
    copy.write_bytes(main)
    copy.with_name("copy.db-wal").write_bytes(frames)

    damaged = SqliteJournal(copy, FixedClock(NOON))
    batch = damaged.outgoing.next_batch()
    damaged.stop()
    found = [decode(entry.body) for entry in (batch.entries if batch else ())]
    assert found == written[: len(found)]
    assert len(found) >= sum(end <= place for end in ends)
