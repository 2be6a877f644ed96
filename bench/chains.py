"""Chains: what the engine adds to a step, beside the journal's writes and the call itself.

In one process and one home: the prompts of a chain run one by one as executions of their own (the baseline), then as a
chain of as many steps; and steps that ask no model, in a chain of as many TRANSFORMs. All answers are simulated and
come at once. Each round measures both, so that a busy machine is busy for both.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from promptforge.core.access import Actor, system
from promptforge.core.chain import ChainDocument, Step, StepType
from promptforge.forge import Forge, open_forge
from promptforge.services.calls import Call
from promptforge.services.chain_executions import ChainCall
from promptforge.settings import load

STEPS = 20
PARAMS = {"model": "demo-small", "demo": {"text": "yes"}}


@dataclass(frozen=True)
class Bench:
    """A forge, and who asks."""

    forge: Forge
    actor: Actor

    async def prompts(self) -> None:
        """The baseline: as many executions, one after another."""
        for _ in range(STEPS):
            await self.forge.executions.execute(self.actor, Call(name="echo", variables={"text": "x"}))

    async def chain(self, name: str) -> None:
        """A run of a chain."""
        done = await self.forge.chain_executions.execute(self.actor, ChainCall(name=name, input={"text": "x"}))
        if len(done.steps) != STEPS or done.error_type:
            raise SystemExit(f"the chain failed: {done.content and done.content.error}")

    async def define(self, name: str, step: Step) -> None:
        """A chain of as many steps like this one, one after another."""
        made = await self.forge.chains.create(self.actor, name=name)
        steps = tuple(replace(step, id=f"step_{n}", name=f"s{n}", order=n, output_key=f"s{n}") for n in range(STEPS))
        await self.forge.chains.create_version(self.actor, made.id, ChainDocument(steps=steps))


async def measured(work: Callable[[], Awaitable[None]]) -> float:
    """Milliseconds a step."""
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000 / STEPS


async def run(home: Path, rounds: int) -> None:
    """Measure and print."""
    async with open_forge(load({"PROMPTFORGE_MIN_FREE_MB": "0"}, home=home)) as forge:
        bench = Bench(forge, system("default"))
        prompt = await forge.prompts.create(bench.actor, name="echo")
        await forge.prompts.add_version(bench.actor, prompt.id, content="Say {{text}}", params=PARAMS)
        ask = Step(id="", name="", order=0, type=StepType.PROMPT, prompt="echo", input_mapping={"text": "{{text}}"})
        await bench.define("asking", ask)
        await bench.define(
            "making", Step(id="", name="", order=0, type=StepType.TRANSFORM, config={"template": "{{text}}"})
        )
        took: dict[str, list[float]] = {"prompts": [], "asking": [], "making": []}
        for _ in range(rounds):
            took["prompts"].append(await measured(bench.prompts))
            took["asking"].append(await measured(lambda: bench.chain("asking")))
            took["making"].append(await measured(lambda: bench.chain("making")))
        middle = {name: statistics.median(times) for name, times in took.items()}
        print(f"executions one by one   {middle['prompts']:6.2f} ms each   (baseline: two writes and a simulated call)")
        print(
            f"PROMPT steps            {middle['asking']:6.2f} ms a step  {middle['asking'] / middle['prompts']:5.2f} x"
        )
        print(f"  the engine's part     {middle['asking'] - middle['prompts']:6.2f} ms a step")
        print(f"TRANSFORM steps         {middle['making']:6.2f} ms a step  (opening and closing the chain included)")


def main(arguments: list[str]) -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(prog="python -m bench chains", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(run(Path(home), options.rounds))
