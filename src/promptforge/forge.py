"""The hearth: the one module that knows every adapter and wires them to the services.

Doors (server, cli) open a Forge and call its services; nothing else names an adapter.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from promptforge.catalog import Catalog, open_catalog
from promptforge.core.access import system
from promptforge.core.address import allowed_hosts
from promptforge.core.backup import Written
from promptforge.core.ids import derived_bits
from promptforge.core.ports import Clock, Outbound, PriceBook, Record
from promptforge.core.redaction import Redactors
from promptforge.pricing.book import Book
from promptforge.pricing.rows import Rows
from promptforge.providers.directory import HttpConnections
from promptforge.providers.outbound import HttpOutbound
from promptforge.providers.upstream import HttpUpstream
from promptforge.record import open_record
from promptforge.record import restore as _restore
from promptforge.services.access import Access
from promptforge.services.api_call import ApiCalls
from promptforge.services.arrivals import Arrivals
from promptforge.services.backup import Backups
from promptforge.services.breakdowns import Breakdowns
from promptforge.services.calls import Calls
from promptforge.services.chain_executions import ChainExecutions
from promptforge.services.chain_files import ChainFiles
from promptforge.services.chain_reader import ChainReader
from promptforge.services.chain_steps import ChainSteps
from promptforge.services.chains import Chains
from promptforge.services.demo import WORKSPACE as DEMO
from promptforge.services.demo import Demo
from promptforge.services.doctor import Doctor
from promptforge.services.erasure import Erasures
from promptforge.services.estimates import Estimates
from promptforge.services.executions import Executions
from promptforge.services.gateway import Gateway, HangUp
from promptforge.services.health import Health
from promptforge.services.memory import Memory
from promptforge.services.overview import Overviews
from promptforge.services.prices import Prices
from promptforge.services.prompts import Prompts
from promptforge.services.providers import Providers
from promptforge.services.pruning import Pruning
from promptforge.services.retention import Retentions
from promptforge.services.sealing import Seal
from promptforge.services.secrets import Secrets
from promptforge.services.service import Services
from promptforge.services.traces import Traces
from promptforge.settings import Settings

#: How long a stop waits for running executions before it closes them as interrupted.
DRAIN_SECONDS = 5.0


class SystemClock:
    """The real time, and the operating system's randomness."""

    def __init__(self) -> None:
        self._drawn = b""

    def now(self) -> datetime:
        """Aware UTC, cut to milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        """Seconds, for durations only."""
        return time.monotonic()

    def bits(self) -> int:
        """80 random bits for an id."""
        if len(self._drawn) < 10:
            self._drawn = os.urandom(4_000)  # many at a time: a draw is a call of the system
        bits, self._drawn = self._drawn[:10], self._drawn[10:]
        return int.from_bytes(bits, "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """Everything a door needs.

    ``local_key`` is the administrator's key as the home keeps it for the CLI; ``demo_key`` the one of the demo
    workspace, where there is to be one. ``via`` is how this server calls itself in the headers of what passes.
    """

    settings: Settings
    clock: Clock
    record: Record
    catalog: Catalog
    providers: Providers
    outbound: Outbound
    price_book: PriceBook
    prices: Prices
    access: Access
    secrets: Secrets
    prompts: Prompts
    chains: Chains
    chain_files: ChainFiles
    chain_executions: ChainExecutions
    executions: Executions
    estimates: Estimates
    chain_reader: ChainReader
    arrivals: Arrivals
    traces: Traces
    health: Health
    gateway: Gateway
    backups: Backups
    breakdowns: Breakdowns
    doctor: Doctor
    erasures: Erasures
    overviews: Overviews
    services: Services
    retentions: Retentions
    pruning: Pruning
    demo: Demo
    via: str
    local_key: str = field(repr=False)
    demo_key: str | None = field(repr=False)

    async def drain(self, seconds: float) -> None:
        """Let what runs finish; then leave chains open, for the next process, and close other calls as interrupted."""
        end = self.clock.monotonic() + seconds
        await self.traces.stop(system("default"))
        await self.chain_executions.drain(system("default"), seconds)
        await self.gateway.drain(system("default"), max(0.0, end - self.clock.monotonic()))
        await self.executions.drain(system("default"), max(0.0, end - self.clock.monotonic()))

    async def resume(self) -> None:
        """Go on with the chains that an earlier process left open, and look after traces that wait for their root."""
        self.traces.start(system("default"))
        await self.chain_executions.resume(system("default"))

    async def load_demo(self) -> None:
        """Fill the demo workspace as far as it is not filled yet."""
        if self.demo_key is not None:
            actor = await self.access.authenticate(self.demo_key)
            await self.demo.load(actor, executions=self.settings.demo_executions)


@asynccontextmanager
async def open_forge(
    settings: Settings, *, clock: Clock | None = None, engine_settings: Mapping[str, object] | None = None
) -> AsyncGenerator[Forge]:
    """Open the home and everything in it; on leaving, let executions finish, ship the record, close.

    SettingsError when the home is in use by another process or cannot be written. *engine_settings* go to the
    history's engine with every read, for measuring.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        home = settings.home
        redactors = Redactors(settings.secrets)
        record = await open_record(
            home,
            clock,
            redactors=redactors,
            backlog=settings.backlog,
            min_free_mb=settings.min_free_mb,
            engine_settings=engine_settings,
        )
        stack.push_async_callback(record.shutdown)
        catalog = await open_catalog(home)
        stack.push_async_callback(catalog.close)
        allowed = allowed_hosts(settings.outbound_allow)
        connections = HttpConnections(allowed)
        stack.push_async_callback(connections.close)
        outbound = HttpOutbound(allowed)
        stack.push_async_callback(outbound.close)
        secret = kept_secret(home / "secret.key", lambda: secrets.token_urlsafe(32)).encode()
        named = Secrets(catalog.secrets, Seal((*settings.secret_key, secret.decode())), redactors, clock)
        await named.start()
        rows = Rows()
        prices = await asyncio.to_thread(Book, [rows])
        own_prices = Prices(catalog.prices, rows, prices, record, clock)
        await own_prices.start(system("default"))
        providers = Providers(
            catalog.providers,
            named,
            connections,
            clock,
            settings.provider_keys,
            settings.base_urls,
            allowed,
            settings.at_once,
        )
        prompts = Prompts(catalog.prompts, clock)
        access = Access(catalog.access, clock)
        stack.push_async_callback(access.settle)
        retentions = Retentions(catalog.retention, catalog.access, prompts, content_days=settings.content_days)
        calls = Calls(
            record,
            prompts,
            providers,
            prices,
            clock,
            retentions,
            secret=secret,
            deadline_ms=settings.deadline_ms,
        )
        upstream = HttpUpstream(allowed)
        stack.push_async_callback(upstream.close)
        gateway = Gateway(
            record,
            prompts,
            providers,
            upstream,
            prices,
            clock,
            retentions,
            secret=secret,
            hang_up=HangUp(settings.gateway_hang_up),
            at_once=settings.gateway_at_once,
            rate=settings.gateway_rate,
        )
        stack.push_async_callback(gateway.drain, system("default"), DRAIN_SECONDS)
        executions = Executions(record, calls)
        stack.push_async_callback(executions.drain, system("default"), DRAIN_SECONDS)
        chains = Chains(catalog.chains, prompts, clock)
        memory, api_calls = Memory(catalog.memory, clock), ApiCalls(outbound, named, clock)
        steps = ChainSteps(record, calls, memory, api_calls, clock, secret=secret)
        chain_executions = ChainExecutions(record, chains, prompts, steps, retentions, clock, secret=secret)
        # before the calls: what a chain has in flight stays open with it, for the next process
        stack.push_async_callback(chain_executions.drain, system("default"), DRAIN_SECONDS)
        traces = Traces(record, record, prompts, prices, clock, retentions, secret=secret)
        stack.push_async_callback(traces.stop, system("default"))
        await access.ensure_administrator(
            local_key := kept_secret(home / "local.key", lambda: settings.admin_key or access.new_secret())
        )
        demo_key = await _demo(access, home) if settings.demo else None
        yield Forge(
            settings=settings,
            clock=clock,
            record=record,
            catalog=catalog,
            providers=providers,
            outbound=outbound,
            price_book=prices,
            prices=own_prices,
            access=access,
            secrets=named,
            prompts=prompts,
            chains=chains,
            chain_files=ChainFiles(chains),
            chain_executions=chain_executions,
            executions=executions,
            estimates=Estimates(record, calls, prices, clock),
            chain_reader=ChainReader(record, record),
            gateway=gateway,
            via=f"promptforge-{derived_bits(secret, 'via'):020x}",
            traces=traces,
            arrivals=Arrivals(record, prompts, prices, clock, retentions, secret=secret),
            backups=Backups(record),
            breakdowns=Breakdowns(record, prompts, chains, access, clock),
            doctor=Doctor(record, catalog.prompts, clock, min_free_mb=settings.min_free_mb),
            erasures=Erasures(record, catalog.memory),
            health=Health(record, catalog.size, clock),
            overviews=Overviews(record, clock),
            services=Services(record, clock),
            retentions=retentions,
            pruning=Pruning(record, clock),
            demo=Demo(record, record, prompts, chains, access, prices, retentions, secret=secret),
            local_key=local_key,
            demo_key=demo_key,
        )


def restored(folder: Path, home: Path) -> Written:
    """Make *home* of a backup; SettingsError when that cannot be done, and then nothing is left of it."""
    return _restore(folder, home)


async def _demo(access: Access, home: Path) -> str:
    """Make the demo's workspace and key, where missing."""
    workspace = await access.ensure_workspace(DEMO)
    key = kept_secret(home / "demo.key", access.new_secret)
    await access.ensure_key(workspace.id, key)
    return key


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret that *path* holds, made at the first use; only its owner may read the file."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    value = make()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    return value
