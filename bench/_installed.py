"""Programs of other people, each in a virtual environment of its own under ``.bench``, from the package index."""

import subprocess
import sys
from pathlib import Path

from bench._served import ROOT

FOLDER = ROOT / ".bench"
UV = ROOT / ".tools" / "bin" / "uv"


def installed(name: str, *packages: str) -> Path:
    """The folder of its programs, installed now if it is not; RuntimeError says why it cannot be."""
    environment = FOLDER / name
    marker = environment / "installed"
    if not marker.exists() or marker.read_text() != "\n".join(packages):
        python = environment / "bin" / "python"
        for command in (
            [UV, "venv", "-q", "--clear", "--python", sys.executable, environment],
            [UV, "pip", "install", "-q", "--compile-bytecode", "--python", python, *packages],
        ):
            ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
            if ended.returncode:
                raise RuntimeError(f"{name} cannot be installed: {ended.stderr.strip()[-2000:]}")
        marker.write_text("\n".join(packages))
    return environment / "bin"


def version(name: str, package: str) -> str:
    """The version of a package there."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run(
        [FOLDER / name / "bin" / "python", "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
