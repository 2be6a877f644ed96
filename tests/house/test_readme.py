"""What the README shows works as it stands there, in the order in which it stands there."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from house.source import REPOSITORY
from kit.served import surroundings

BLOCKS = re.findall(r"```(sh|python|yaml)\n(.*?)```", (REPOSITORY / "README.md").read_text("utf-8"), re.DOTALL)
DEFAULT_URL = "http://127.0.0.1:8000"


def commands(block: str) -> list[str]:
    """The commands of a shell block; what follows until interrupted is left out."""
    joined, command = [], ""
    for line in block.splitlines():
        command += line + "\n"
        if line and not line.endswith("\\") and command.count("'") % 2 == 0:
            joined.append(command)
            command = ""
    return [command for command in joined if command.startswith(("curl", "promptforge")) and " tail" not in command]


def test_the_first_calls_of_the_readme_work(served, tmp_path):
    """Each curl, each command, the Python program and the chain end well on a fresh server."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {
        **surroundings(served.home),
        "PATH": path,
        "PROMPTFORGE_API_KEY": served.key,
        "PROMPTFORGE_URL": served.url,
    }
    tried = 0
    for language, block in BLOCKS:
        if language == "yaml":
            (tmp_path / block.split()[1]).write_text(block)
            continue
        programs = [[sys.executable, "-c", block]]
        if language == "sh":
            programs = [["sh", "-c", command.replace(DEFAULT_URL, served.url)] for command in commands(block)]
        for program in programs:
            done = subprocess.run(
                program, capture_output=True, text=True, check=False, timeout=60, env=environment, cwd=tmp_path
            )
            assert done.returncode == 0, (program, done.stdout, done.stderr)
            if "curl" in program[-1]:
                assert json.loads(done.stdout)["data"]["executePrompt"]["output"], done.stdout
            tried += 1

    assert tried >= 9
