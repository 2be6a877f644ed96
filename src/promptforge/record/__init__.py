"""The execution record: journal, shipper, history, reader. One invariant, one owner: what was acknowledged is kept."""

from promptforge.record.opening import open_record
from promptforge.record.restore import restore
from promptforge.record.store import RecordStore

__all__ = ["RecordStore", "open_record", "restore"]
