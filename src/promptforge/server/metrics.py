"""``GET /metrics``: the counters for Prometheus, in its text format 0.0.4; ``docs/metrics.md`` lists them.

The format is ten lines to write, so there is no library for it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from promptforge import __version__
from promptforge.core.errors import ForgeError
from promptforge.core.execution import Source
from promptforge.core.provider import BreakerState, ProviderState
from promptforge.core.query import Counts
from promptforge.server.graphql import errors
from promptforge.server.reply import send_bytes, send_json

if TYPE_CHECKING:
    from promptforge.services.health import Health, State
    from promptforge.services.providers import Providers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Name, type, help.
METRICS = {
    "promptforge_received_total": ("counter", "Executions and chain executions offered since the start, by source."),
    "promptforge_stored_total": ("counter", "Of these, stored; an execution that runs here is stored when it opens."),
    "promptforge_duplicate_total": ("counter", "Of these, known already and dropped."),
    "promptforge_rejected_total": ("counter", "Of these, refused: not valid, in conflict, or no room to keep them."),
    "promptforge_open": ("gauge", "Executions and chain executions that are open now."),
    "promptforge_journaled": ("gauge", "Finished executions and chain executions that wait for history."),
    "promptforge_oldest_seconds": ("gauge", "How long the first of them has waited."),
    "promptforge_history_up": ("gauge", "1 while history takes what it is given, else 0."),
    "promptforge_provider_running": ("gauge", "Calls on their way to a provider, by workspace and provider."),
    "promptforge_provider_waiting": ("gauge", "Calls that wait for their turn within a provider's limits."),
    "promptforge_provider_open": ("gauge", "1 while a provider failed so often that it is not called, else 0."),
    "promptforge_free_bytes": ("gauge", "Free space on the disk of the home; to an administrator of default only."),
    "promptforge_memory_bytes": (
        "gauge",
        "Resident memory, where the system says; to an administrator of default only.",
    ),
    "promptforge_info": ("gauge", "Always 1; the label is the version."),
}


class Metrics:
    """An ASGI application behind the gate."""

    def __init__(self, health: "Health", providers: "Providers") -> None:
        self._health = health
        self._providers = providers

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Write down this moment."""
        try:
            actor = scope["actor"]
            text = written(await self._health.moment(actor), self._providers.states(actor))
        except ForgeError as error:
            await send_json(send, 403, errors.body(str(error), error.code))
            return
        await send_bytes(send, 200, text.encode(), CONTENT_TYPE, {"cache-control": "no-store"})


def written(state: "State", providers: Mapping[tuple[str, str], ProviderState]) -> str:
    """The exposition: every metric with its help, its type and its samples."""
    lines: list[str] = []
    samples = dict(_samples(state)) | dict(_of_providers(providers))
    for name, (kind, meaning) in METRICS.items():
        if found := list(samples[name]):
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{labels} {value}" for labels, value in found]
    return "\n".join(lines) + "\n"


def _samples(state: "State") -> Iterator[tuple[str, Iterable[tuple[str, int | float]]]]:
    for field in ("received", "stored", "duplicate", "rejected"):
        counts = ((source, state.counters.get(source, Counts())) for source in Source)
        yield (
            f"promptforge_{field}_total",
            [(f'{{source="{source.value}"}}', getattr(count, field)) for source, count in counts],
        )
    record = state.record
    yield "promptforge_open", [("", record.open)]
    yield "promptforge_journaled", [("", record.journaled)]
    yield "promptforge_oldest_seconds", [("", round(record.oldest, 3))]
    yield "promptforge_history_up", [("", int(record.history))]
    yield "promptforge_free_bytes", [] if state.free_bytes is None else [("", state.free_bytes)]
    memory = _resident() if state.whole else None
    yield "promptforge_memory_bytes", [] if memory is None else [("", memory)]
    yield "promptforge_info", [(f'{{version="{__version__}"}}', 1)]


def _of_providers(
    states: Mapping[tuple[str, str], ProviderState],
) -> Iterator[tuple[str, Iterable[tuple[str, int | float]]]]:
    found = [(f'{{workspace="{workspace}",provider="{name}"}}', each) for (workspace, name), each in states.items()]
    yield "promptforge_provider_running", [(labels, each.running) for labels, each in found]
    yield "promptforge_provider_waiting", [(labels, each.waiting) for labels, each in found]
    yield (
        "promptforge_provider_open",
        [(labels, int(each.breaker is not BreakerState.CLOSED)) for labels, each in found],
    )


def _resident() -> int | None:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
