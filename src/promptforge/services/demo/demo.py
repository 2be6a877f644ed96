"""Loading and removing the demo.

The data end when the workspace was made, whenever they are loaded, and ids are derived: so a load that was killed
goes on where it stopped, and a second load finds everything there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from promptforge.core.access import Actor, Permission, Workspace
from promptforge.core.chain_execution import ChainExecution
from promptforge.core.chain_ports import ChainRecord
from promptforge.core.errors import Forbidden, NotFound
from promptforge.core.execution import Execution, PromptRef
from promptforge.core.ports import PriceBook, Record
from promptforge.core.prompt import Prompt, PromptVersion
from promptforge.core.retention import retained, retained_chain
from promptforge.services.access import Access
from promptforge.services.chains import Chains
from promptforge.services.demo.chain_runs import ChainRuns, Turn
from promptforge.services.demo.flows import STEP_SCENARIOS, define
from promptforge.services.demo.prompts import SCENARIOS, SPEED, Release, Scenario
from promptforge.services.demo.runs import Runs
from promptforge.services.demo.schedule import SETTLED, Day, schedule
from promptforge.services.prompts import Prompts
from promptforge.services.retention import Retentions

WORKSPACE = "demo"
SEED = "northlight"
_BATCH = 1_000
_SLICE = 50  # executions made before the loop may answer a page,
_PAUSE = 0.001  # which gets a moment of its own
_CHAINS = 100  # chain executions that are recorded together
_A_CHAIN = 100  # calls outside chains for each chain execution, which comes beside them


class Demo:
    """``done`` of ``total`` calls and chain executions are loaded; both are 0 before the first load."""

    def __init__(
        self,
        record: Record,
        chain_record: ChainRecord,
        prompts: Prompts,
        chains: Chains,
        access: Access,
        prices: PriceBook,
        retentions: Retentions,
        *,
        secret: bytes,
    ) -> None:
        self._record = record
        self._chain_record = chain_record
        self._prompts = prompts
        self._chains = chains
        self._access = access
        self._prices = prices
        self._secret = secret
        self._retentions = retentions
        self._turn = asyncio.Lock()
        self._removed = False
        self.done = 0
        self.total = 0

    @property
    def loading(self) -> bool:
        """Whether a load has begun and is not through."""
        return self.done < self.total

    async def load(self, actor: Actor, *, executions: int = 50_000, days: int = 90, seed: str = SEED) -> None:
        """Fill the demo workspace, the last days first, leaving alone what is there; ends early when it is removed.

        *executions* are calls outside chains; chain executions, and their calls, come beside them.
        """
        actor.require(Permission.INGEST)
        until = (await self._workspace(actor)).created_at
        drawn = schedule(until, executions=executions, days=days, seed=seed)
        turns = _turns(schedule(until, executions=executions // _A_CHAIN, days=days, seed=f"{seed}/chains"))
        self.done, self.total, self._removed = 0, executions + len(turns), False
        runs = Runs(actor=actor, prices=self._prices, seed=seed, secret=self._secret, refs={})
        batches, chains = _batched(drawn), ChainRuns(runs=runs, chains={}, until=until - SETTLED)
        if batches and not await self._stored(actor, runs, batches[0][-1]):
            runs = replace(runs, refs=await self._versions(actor))
            for batch in reversed(batches):
                if not await self._load(actor, runs, batch):
                    break
        if turns and not self._removed:
            await self._load_chains(actor, chains, turns)
        self.done = self.total

    async def remove(self, actor: Actor) -> None:
        """Remove the demo workspace and everything recorded in it; a load that runs ends first."""
        actor.require(Permission.ADMIN)
        await self._workspace(actor)
        self._removed = True
        async with self._turn:
            await self._record.erase(actor.workspace)
            await self._access.remove_workspace(actor)
            self._prompts.forget(actor)
            self._retentions.forget(actor)

    async def _load(self, actor: Actor, runs: Runs, batch: Sequence[Day]) -> bool:
        """Record some days unless they are there; False when there is no workspace any more."""
        async with self._turn:
            if self._removed:
                return False
            if not await self._stored(actor, runs, batch[-1]):
                retention = await self._retentions.of(actor)
                made: list[Execution] = []
                for day in batch:
                    going = runs.of(day)
                    while some := list(islice(going, _SLICE)):
                        made += [retained(retention, execution) for execution in some]
                        await asyncio.sleep(_PAUSE)
                await self._record.record(made)
            self.done += sum(len(day.moments) for day in batch)
            return True

    async def _load_chains(self, actor: Actor, chains: ChainRuns, turns: Sequence[Turn]) -> None:
        """Record the chain executions that are missing, the last first."""
        batches = [turns[n : n + _CHAINS] for n in range(0, len(turns), _CHAINS)]
        if await self._chain_stored(actor, chains, batches[0][-1]):
            return
        async with self._turn:
            if self._removed:
                return
            refs = await self._versions(actor)
            chains = replace(chains, runs=replace(chains.runs, refs=refs), chains=await define(actor, self._chains))
        for batch in reversed(batches):
            async with self._turn:
                if self._removed:
                    return
                if not await self._chain_stored(actor, chains, batch[-1]):
                    await self._record_chains(actor, chains, batch)
                self.done += len(batch)

    async def _record_chains(self, actor: Actor, chains: ChainRuns, batch: Sequence[Turn]) -> None:
        """Record some chain executions: their calls first, and last of all the one that says that all are there."""
        retention = await self._retentions.of(actor)
        calls: list[Execution] = []
        closed: dict[str, ChainExecution] = {}
        for turn in batch:
            for made in chains.of(turn):
                calls += [retained(retention, call) for call in made.calls]
                closed[made.chain.id] = retained_chain(retention, made.chain, made.prompts)
            await asyncio.sleep(_PAUSE)
        await self._record.record(calls)
        last = closed.pop(chains.id(batch[-1]))
        await asyncio.gather(*(self._chain_record.close_chain(chain) for chain in closed.values()))
        await self._chain_record.close_chain(last)

    async def _chain_stored(self, actor: Actor, chains: ChainRuns, turn: Turn) -> bool:
        return await self._chain_record.get_chain(actor.workspace, chains.id(turn)) is not None

    async def _stored(self, actor: Actor, runs: Runs, day: Day) -> bool:
        """Whether the day's last execution is recorded: what comes in order is there up to it."""
        last = runs.id(day, len(day.moments) - 1)
        return await self._record.get(actor.workspace, last) is not None

    async def _workspace(self, actor: Actor) -> Workspace:
        workspace = await self._access.workspace(actor)
        if workspace.name != WORKSPACE:
            raise Forbidden(f"only the workspace '{WORKSPACE}' holds the demo; this key belongs to '{workspace.name}'")
        return workspace

    # ── what is defined ───────────────────────────────────────────────────────────────────────────────────────────

    async def _versions(self, actor: Actor) -> dict[tuple[str, int], PromptRef]:
        """Make the prompts and versions that are missing; return every version under its prompt and number."""
        refs: dict[tuple[str, int], PromptRef] = {}
        for scenario in (*SCENARIOS, *STEP_SCENARIOS):
            prompt = await self._prompt(actor, scenario)
            for number, release in enumerate(scenario.releases, 1):
                if number > prompt.latest:
                    version = await self._release(actor, prompt, scenario, release)
                else:
                    version = await self._prompts.version(actor, prompt.id, number)
                refs[scenario.name, number] = PromptRef(
                    prompt_id=prompt.id, prompt_name=prompt.name, version_id=version.id, version=number
                )
        return refs

    async def _prompt(self, actor: Actor, scenario: Scenario) -> Prompt:
        try:
            return await self._prompts.named(actor, scenario.name)
        except NotFound:
            return await self._prompts.create(
                actor,
                name=scenario.name,
                description=scenario.description,
                category=scenario.category,
                tags=scenario.tags,
            )

    async def _release(self, actor: Actor, prompt: Prompt, scenario: Scenario, release: Release) -> PromptVersion:
        return await self._prompts.add_version(
            actor,
            prompt.id,
            params={"model": release.model, **release.params},
            content=release.content,
            messages=release.messages,
            input_schema=scenario.schema,
            provider=SPEED[release.model][0],
            label="staging" if release.share else "production",
        )


def _batched(days: Sequence[Day]) -> list[list[Day]]:
    """Whole days, in batches that are worth their commit."""
    batches: list[list[Day]] = [[]]
    size = 0
    for day in days:
        if size >= _BATCH:
            batches.append([])
            size = 0
        batches[-1].append(day)
        size += len(day.moments)
    return batches


def _turns(days: Sequence[Day]) -> list[Turn]:
    """The moments of the days, oldest first and numbered."""
    moments = [(day.ago, moment) for day in days for moment in day.moments]
    return [Turn(n, ago, moment) for n, (ago, moment) in enumerate(moments)]
