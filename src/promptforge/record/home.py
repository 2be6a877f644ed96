"""The home: one folder, one process. The lock is ours, because the engine's own refusal says nothing useful."""

import fcntl
import os
from pathlib import Path

from promptforge.core.errors import SettingsError

LOCK = "lock"
RESTORING = "restoring"
"""A file that stands in a home while a backup is being restored into it."""


class Home:
    """A folder held for as long as this object is; ``release`` lets another process in."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Let go of the folder. Harmless when done already."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def folder(self, name: str) -> Path:
        """A private folder inside the home, made when it is not there."""
        inside = self.path / name
        inside.mkdir(mode=0o700, exist_ok=True)
        return inside


def take(path: Path, *, restoring: bool = False) -> Home:
    """Make the folder when needed and lock it; SettingsError names the process that has it, or says that it holds a
    restore that was cut short."""
    path = path.expanduser().resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
        descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(
            f"the home {path} cannot be used ({error.strerror}); choose another folder with --home"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise SettingsError(
            f"Another Prompt Forge (pid {holder}) is using {path}; stop it or choose another folder with --home."
        ) from None
    if not restoring and (path / RESTORING).exists():
        os.close(descriptor)
        raise SettingsError(
            f"a backup was being restored into {path} and did not get to its end; run `promptforge restore` again"
        )
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return Home(path, descriptor)
