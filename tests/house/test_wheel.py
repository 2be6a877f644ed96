"""What is handed to others is whole."""

import shutil
import subprocess
import sys
import zipfile

from house.source import REPOSITORY


def _build(source, out):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    return subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=60, check=False)


def test_a_wheel_without_the_dashboard_is_refused(tmp_path):
    """Without the built page the build stops and says what to run; with it the page is inside."""
    source = tmp_path / "source"
    skipped = shutil.ignore_patterns(".*", "node_modules", "dist", "__pycache__", "tests", "web", "bench")
    shutil.copytree(REPOSITORY, source, ignore=skipped)

    refused = _build(source, tmp_path)
    dist = source / "src/promptforge/server/dashboard/dist"
    dist.mkdir()
    (dist / "index.html").write_text("<!doctype html>")
    built = _build(source, tmp_path)

    assert 0 != refused.returncode
    assert "make web" in refused.stderr
    assert 0 == built.returncode, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert "promptforge/server/dashboard/dist/index.html" in zipfile.ZipFile(wheel).namelist()
