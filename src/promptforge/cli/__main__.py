"""``python -m promptforge.cli`` is ``promptforge``."""

from promptforge.cli import main

main()
