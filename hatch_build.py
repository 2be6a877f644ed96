"""Refuse to build a wheel without the dashboard in it."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DashboardHook(BuildHookInterface[Any]):
    """An editable install needs no dashboard; whatever is handed to others does."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Stop when ``make web`` has not run."""
        page = Path(self.root, "src/promptforge/server/dashboard/dist/index.html")
        if version != "editable" and not page.exists():
            raise RuntimeError("the dashboard is not built, and a wheel without it is refused: run 'make web' first")
