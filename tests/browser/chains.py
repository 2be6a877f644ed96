"""Chains that have run, in a home of their own: ``python -m browser.chains HOME`` runs them for real.

A process of its own, because the history opens one folder in a process.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from browser.stage import HOSTILE
from promptforge.core.access import OF_ROLE, Actor, Role
from promptforge.forge import Forge, open_forge
from promptforge.services.chain_executions import ChainCall
from promptforge.settings import load
from promptforge.wire import chain_document

NAME = "refund-desk"
MODEL = "demo-small"


def says(text: str, **options: Any) -> dict[str, Any]:
    """Parameters with which the simulated model says this."""
    return {"model": MODEL, "demo": {"text": text, **options}}


def asking(name: str, order: int, params: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A step that asks the prompt ``echo``."""
    usual = {"prompt": "echo", "inputMapping": {"text": "{{message}}"}, "outputKey": name}
    return {"name": name, "order": order, "type": "PROMPT", "params": params, **usual, **more}


#: Classify, branch, three models at the same time, one step that is left out, and a merge.
REFUND_DESK = {
    "requiredInputs": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
    "steps": [
        asking("classify", 0, says('{"mood": "angry", "amount": 42.5}', latency_ms=120, token_in=220, token_out=24)),
        {
            "name": "angry",
            "order": 1,
            "type": "CONDITION",
            "config": {"condition": "{{classify.mood}} == 'angry'", "trueTag": "calm-down", "falseTag": "usual"},
        },
        asking("apologise", 2, says("We are sorry.", latency_ms=260), tags=["calm-down"]),
        asking("look-up", 2, says('{"order": 7}', latency_ms=90, token_in=900), tags=["calm-down", "usual"]),
        asking("summarise", 2, says("A late parcel.", latency_ms=40)),
        asking("thank", 2, says("Thank you."), tags=["usual"]),
        {
            "name": "letter",
            "order": 3,
            "type": "TRANSFORM",
            "config": {"template": "{{apologise}} Order {{look-up.order}}: {{summarise}}"},
            "outputKey": "letter",
        },
    ],
}
BREAKING = {
    "steps": [
        asking("first", 0, says("fine", latency_ms=20)),
        asking("breaks", 1, says("no", fail="provider"), retries=1),
        asking("never", 2, says("unseen")),
    ]
}
HOSTILE_CHAIN = {"steps": [asking("says-it", 0, says(HOSTILE))]}


async def run(forge: Forge, actor: Actor) -> None:
    """Define the chains and run them."""
    prompt = await forge.prompts.create(actor, name="echo")
    await forge.prompts.add_version(actor, prompt.id, content="Say {{text}}", params={"model": MODEL})
    for name, document in ((NAME, REFUND_DESK), ("breaking", BREAKING), ("hostile", HOSTILE_CHAIN)):
        made = await forge.chains.create(actor, name=name)
        await forge.chains.create_version(actor, made.id, chain_document.read(document), label="production")
    for n in range(3):
        given = {"message": f"My parcel {n} is late"}
        call = ChainCall(name=NAME, label="production", input=given, end_user=f"user-{n}", tags={"team": "care"})
        done = await forge.chain_executions.execute(actor, call)
    await forge.chain_executions.fork(
        actor, done.id, "apologise", overrides={"apologise": {"params": says("So sorry.")}}
    )
    await forge.chain_executions.execute(actor, ChainCall(name="breaking", input={"message": "go"}))
    await forge.chain_executions.execute(actor, ChainCall(name="hostile", input={"message": HOSTILE}))


async def main(home: Path) -> None:
    """Open the home, run, close."""
    async with open_forge(load(home=home)) as forge:
        me = await forge.access.authenticate(forge.local_key)
        await run(forge, Actor(workspace=me.workspace, user_id=me.user_id, permissions=OF_ROLE[Role.ADMINISTRATOR]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
