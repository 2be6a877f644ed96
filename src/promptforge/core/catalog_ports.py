"""Ports of the catalog, beside those in ``ports.py``: one for each noun that people define."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from promptforge.core.price import Price
from promptforge.core.provider import Provider


class PriceCatalog(Protocol):
    """The price rows of workspaces: added and ended, never changed otherwise."""

    async def add(self, rows: Sequence[Price]) -> None:
        """Store rows, all of them or none."""
        ...

    async def end(self, workspace: str, price_id: str, at: datetime) -> bool:
        """Say until when a row holds; whether there is one."""
        ...

    async def list(self, workspace: str) -> Sequence[Price]:
        """Those of a workspace, by provider, model and the time from which they hold."""
        ...

    async def all(self) -> Sequence[Price]:
        """Those of every workspace: what a start tells the price book."""
        ...


class ProviderCatalog(Protocol):
    """What workspaces set for providers of models, by name. Keys are among the secrets."""

    async def put(self, provider: Provider) -> None:
        """Store it, in the place of an earlier one of that name."""
        ...

    async def list(self, workspace: str) -> Sequence[Provider]:
        """Those of a workspace, by name."""
        ...

    async def remove(self, workspace: str, name: str) -> bool:
        """Whether there was one to remove."""
        ...
