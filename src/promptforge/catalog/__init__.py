"""The catalog: what people define (workspaces, users, keys, prompts, versions, labels).

SQLAlchemy Core on SQLite now, PostgreSQL ready: whatever differs between the two is in ``database.py``.
"""

from promptforge.catalog.catalog import Catalog, open_catalog

__all__ = ["Catalog", "open_catalog"]
