"""The dated price book: what a unit of usage cost at a moment. Never does I/O and is always given the time."""
