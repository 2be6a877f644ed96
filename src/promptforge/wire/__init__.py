"""Dialects of model providers: bytes to core values and back, streams included, without I/O."""
