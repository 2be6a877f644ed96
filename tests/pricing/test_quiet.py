"""The price book neither speaks to anybody nor costs anything before it is opened."""

import subprocess
import sys

SCRIPT = """
import sys
import promptforge.pricing.book as book, promptforge.providers.directory
assert "genai_prices" not in sys.modules
def forbid(event, _):
    if event.startswith(("socket.", "urllib.", "_thread.start")):
        raise RuntimeError(event)
sys.addaudithook(forbid)
from datetime import UTC, datetime
from promptforge.core.usage import usage
opened = book.Book()
assert opened.lines("w", "openai", "gpt-4o", usage(input=1), datetime(2026, 1, 1, tzinfo=UTC))
"""


def test_prices_are_loaded_late_and_without_a_network():
    """The catalogue is read when a book is opened, and neither then nor later is a socket or a thread made."""
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
