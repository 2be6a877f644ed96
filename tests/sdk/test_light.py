"""The client is light: what it loads and what it can do without."""

import subprocess
import sys

BLOCKED = [
    "aiohttp",
    "chdb",
    "clickhouse_connect",
    "cryptography",
    "genai_prices",
    "jsonschema",
    "msgspec",
    "sqlalchemy",
    "starlette",
    "strawberry",
    "graphql",
    "uvicorn",
    "httptools",
    "uvloop",
    "tzdata",
]
PRELUDE = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
"""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", PRELUDE + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_loads_neither_http_nor_websockets() -> None:
    """Importing the classes and making a client loads neither httpx nor websockets nor rich nor click."""
    loaded = python(
        "from promptforge import PromptForge, AsyncPromptForge\n"
        "PromptForge('pf_x'); AsyncPromptForge('pf_x')\n"
        "print([name for name in ('httpx', 'websockets', 'rich', 'click') if name in sys.modules])"
    )
    assert loaded == "[]"


def test_a_request_needs_nothing_of_the_server() -> None:
    """A request and a stream are made, and fail for want of a server, with the server's dependencies missing."""
    said = python(
        "from promptforge import PromptForge, NetworkError\n"
        "client = PromptForge('pf_x', 'http://127.0.0.1:1')\n"
        "client._transport.pause = lambda seconds: None\n"
        "for call in (client.me, lambda: list(client.prompts.stream('x'))):\n"
        "    try: call()\n"
        "    except NetworkError as error: print(error.sent, 'http://127.0.0.1:1' in str(error))\n"
    )
    assert said.splitlines() == ["False True", "False True"]
