"""What every Copies of a history promises."""

from datetime import timedelta
from itertools import pairwise

from kit.executions import NOON, done
from kit.record import history, workspace
from promptforge.core.execution import Content
from promptforge.record.copies import PIECE

__all__ = ["history", "workspace"]


def test_spans_hold_each_batch_once_and_change_with_any_value(history, workspace):
    """Spans follow each other and count every row up to a batch; the same rows have the same sums, others have not."""
    copies = history.copies()
    first = max(history.last()[1], 1_000_000) + 1
    upto = first + 3
    for batch in range(first, upto + 1):
        rows = [(batch * 10 + n, done(workspace, NOON + timedelta(milliseconds=batch + n))) for n in range(10)]
        history.insert(batch, rows, doubt=False)
    columns = copies.columns("facts")
    before = copies.spans("facts", columns, first - 1)
    spans = copies.spans("facts", columns, upto)
    assert sum(span.rows for span in spans) == sum(span.rows for span in before) + 40
    assert all(one.last < two.first for one, two in pairwise(spans))
    assert spans == copies.spans("facts", columns, upto)
    history.insert(upto, [(upto * 10 + 99, done(workspace, NOON + timedelta(seconds=5)))], doubt=True)
    assert spans != copies.spans("facts", columns, upto)


def test_a_large_batch_is_copied_in_pieces_that_hold_each_row_once(history, workspace):
    """A batch that would not fit into memory comes in several blocks, whose rows are together those of the batch."""
    copies = history.copies()
    batch = max(history.last()[1], 2_000_000) + 1
    text = "x" * (PIECE // 20)
    runs = [done(workspace, NOON + timedelta(milliseconds=n), content=Content(output=text)) for n in range(50)]
    history.insert(batch, list(enumerate(runs, batch * 100)), doubt=False)
    columns = copies.columns("payloads")
    (span,) = [span for span in copies.spans("payloads", columns, batch) if span.last == batch]
    pieces = list(copies.pieces("payloads", columns, span))
    assert len(pieces) > 1
    assert sum(piece.count(text.encode()) for piece in pieces) == 50
