"""The application: every address of the server and what stands behind it.

``OPEN`` lists the routes that answer without a key; a route that is not in it is closed.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from promptforge.server.auth import Gate, Guarded, Hosts
from promptforge.server.backup import BackUp
from promptforge.server.dashboard import DIST, Dashboard
from promptforge.server.doctor import Look
from promptforge.server.export import Export
from promptforge.server.gateway import Door
from promptforge.server.graphql.http import HttpDoor
from promptforge.server.graphql.operation import Api
from promptforge.server.graphql.schema import SCHEMA
from promptforge.server.graphql.socket import Socket
from promptforge.server.health import Alive, Ready
from promptforge.server.importing import Import
from promptforge.server.metrics import Metrics
from promptforge.server.otlp import Receiver
from promptforge.server.session import Login, Logout

if TYPE_CHECKING:
    from promptforge.forge import Forge

#: Nothing of a workspace is behind these: life signs, the way in, and the dashboard's own files.
OPEN = frozenset({"/healthz", "/readyz", "/login", "/{path:path}"})


def create_app(forge: "Forge", *, dashboard: Path = DIST) -> Starlette:
    """Make the ASGI application of an open forge."""
    gate, api = Gate(forge.access), Api(forge, SCHEMA)
    graphql, socket = HttpDoor(api), Socket(api, gate)

    def route(path: str, app: ASGIApp, *methods: str) -> Route:
        return Route(path, app if path in OPEN else Guarded(app, gate), methods=methods or None)

    routes: list[BaseRoute] = [
        # not behind the guard: they take keys where the providers' SDKs put theirs, and answer in their words
        Route("/openai/v1/{path:path}", Door(forge, gate, "openai")),
        Route("/anthropic/v1/{path:path}", Door(forge, gate, "anthropic")),
        route("/graphql", graphql),
        route("/v1", graphql),
        WebSocketRoute("/graphql", socket),
        WebSocketRoute("/v1", socket),
        route("/v1/traces", Receiver(forge), "POST"),
        route("/export", Export(forge), "GET"),
        route("/import", Import(forge), "POST"),
        route("/backup", BackUp(forge), "POST"),
        route("/doctor", Look(forge), "POST"),
        route("/logout", Logout(forge.access), "POST"),
        route("/healthz", Alive(), "GET"),
        route("/readyz", Ready(forge), "GET"),
        route("/metrics", Metrics(forge.health, forge.providers), "GET"),
        route("/login", Login(forge.access), "GET"),
        route("/{path:path}", Dashboard(dashboard)),
    ]
    hosts = Middleware(Hosts, host=forge.settings.host, allowed=forge.settings.allowed_hosts)
    return Starlette(routes=routes, middleware=[hosts])
