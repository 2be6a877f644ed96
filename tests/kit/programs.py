"""Programs on other people's packages, as processes in a virtual environment of their own."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "capture" / "bin" / "python"
PROGRAMS = ROOT / "tests" / "capture" / "programs"
SECONDS = 90


def said_by(program: str, cases: list[str], *arguments: str, **environment: str) -> dict[str, dict]:
    """What each case of a program got, with nothing in its environment but what is given."""
    assert PYTHON.exists(), "the packages of other programs are not there: run make .venv/capture"
    done = subprocess.run(
        [PYTHON, PROGRAMS / program, ",".join(cases), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line.pop("case"): line for line in lines}
