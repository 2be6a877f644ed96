"""Changes a history behind its back: ``breaking.py HOME STATEMENT``."""

import sys
from datetime import date
from pathlib import Path

from promptforge.record.history import ClickHouseHistory

if __name__ == "__main__":
    history = ClickHouseHistory(Path(sys.argv[1]) / "history", date.today)
    history._engine.command(sys.argv[2], mutations_sync=2)
    history.close()
