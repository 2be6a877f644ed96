"""Whom a command talks to: the server that was named, else the one of this home, else the forge in this process."""

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from promptforge.sdk import AsyncPromptForge
from promptforge.sdk.errors import AuthenticationError
from promptforge.sdk.transports import Address, AsyncHttpTransport

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What was said about whom to talk to; None is nothing."""

    url: str | None = None
    api_key: str | None = None
    home: Path | None = None
    workspace: str | None = None

    def narrowed(self, given: dict[str, Any]) -> "Target":
        """With what a command adds, which wins; takes it out of *given*."""
        found = {field.name: given.pop(field.name, None) for field in fields(self)}
        return replace(self, **{name: value for name, value in found.items() if value is not None})

    @property
    def folder(self) -> Path:
        """The home, whether it exists or not."""
        return (self.home or Path(os.environ.get("PROMPTFORGE_HOME") or "~/.promptforge")).expanduser()

    @property
    def named_url(self) -> str | None:
        """The server that the command line or the environment names."""
        return self.url or os.environ.get("PROMPTFORGE_URL") or None

    @property
    def server(self) -> str | None:
        """The server that was named, else the one that runs on the home."""
        return (self.named_url or running(self.folder) or "").rstrip("/") or None

    def key_file(self, workspace: str | None = None) -> Path:
        """Where the local server keeps its key for a workspace."""
        name = workspace or self.workspace or DEFAULT_WORKSPACE
        return self.folder / ("local.key" if name == DEFAULT_WORKSPACE else f"{name}.key")


@asynccontextmanager
async def connected(target: Target) -> AsyncGenerator[AsyncPromptForge, None]:
    """Open a client for the target."""
    url = target.server
    if url is not None:
        known = url == (running(target.folder) or "").rstrip("/")
        address = Address(url=url, api_key=_key(target, local=known), source="cli")
        async with AsyncPromptForge(transport=AsyncHttpTransport(address)) as client:
            yield client
        return
    from promptforge.cli.local import URL, LocalTransport, opened

    async with opened(target.folder) as application:
        # The key only now: opening a new home is what writes it.
        address = Address(url=URL, api_key=_key(target, local=True), source="cli")
        async with AsyncPromptForge(transport=LocalTransport(address, application)) as client:
            yield client


def running(home: Path) -> str | None:
    """The address of the server that runs on this home; None when there is none."""
    try:
        server: dict[str, Any] = json.loads((home / "server.json").read_text())
        process, url = int(server["pid"]), str(server["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        os.kill(process, 0)
    except PermissionError:
        pass  # alive, and somebody else's
    except OSError:
        return None
    return url


def _key(target: Target, *, local: bool) -> str:
    """The key: as given; the home's own for the workspace that was asked for; the environment's; the home's own."""
    if target.api_key:
        return target.api_key
    if local and target.workspace:
        found = _kept(target)
        if found is None:
            raise AuthenticationError(f"there is no key for the workspace '{target.workspace}' in {target.folder}")
        return found
    found = os.environ.get("PROMPTFORGE_API_KEY") or (_kept(target) if local else None)
    if not found:
        raise AuthenticationError("no API key: set PROMPTFORGE_API_KEY or give --api-key")
    return found


def _kept(target: Target) -> str | None:
    path = target.key_file()
    if path.parent != target.folder:  # a name with a slash
        return None
    try:
        return path.read_text().strip()
    except PermissionError:
        raise AuthenticationError(f"the key in {path} belongs to another user; set PROMPTFORGE_API_KEY") from None
    except OSError:
        return None
