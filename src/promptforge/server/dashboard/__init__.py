"""The dashboard's files: built from web/ into dist/, served with its index page for every address of its own."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from promptforge.server.graphql import errors
from promptforge.server.reply import send_bytes, send_json, send_page

DIST = Path(__file__).parent / "dist"
_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


class Dashboard:
    """An ASGI application. Files under assets/ carry a hash in their names, so browsers may keep them for ever."""

    def __init__(self, folder: Path = DIST) -> None:
        self._folder = folder
        self._files = StaticFiles(directory=folder, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a file, or with the index page where a page of the dashboard is meant."""
        if scope["method"] not in {"GET", "HEAD"}:
            await send_json(send, 405, errors.body("there is nothing here to send to", errors.BAD_REQUEST))
            return
        path: str = scope["path"].lstrip("/")
        if path and await self._sent(path, scope, receive, send):
            return
        if "." in path.rpartition("/")[2]:
            await send_json(send, 404, errors.body(f"there is no /{path[:100]} here", "NOT_FOUND"))
            return
        await self._index(scope, send)

    async def _sent(self, path: str, scope: Scope, receive: Receive, send: Send) -> bool:
        try:
            response = await self._files.get_response(path, scope)
        except HTTPException:
            return False
        if response.status_code not in {200, 206, 304}:
            return False
        immutable = path.startswith("assets/")
        response.headers["cache-control"] = _FOREVER["cache-control"] if immutable else "no-cache"
        await response(scope, receive, send)
        return True

    async def _index(self, scope: Scope, send: Send) -> None:
        index = self._folder / "index.html"
        try:
            page = index.read_bytes()
        except OSError:
            await send_page(
                send,
                200,
                "Prompt Forge is running",
                "The dashboard is not built: run 'make web' and reload this page.",
                "The GraphQL API answers at /graphql; the command line client works as well.",
            )
            return
        body = b"" if scope["method"] == "HEAD" else page
        await send_bytes(send, 200, body, "text/html; charset=utf-8", {"cache-control": "no-cache"})
