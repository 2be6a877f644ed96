"""Chains of steps that ask the simulated model, defined through the services: short to write."""

from promptforge.core.chain import Chain, ChainDocument, Step, StepType

MODEL = {"model": "demo-small"}


def says(text: str, **options) -> dict:
    """Parameters with which the simulated model says this."""
    return {**MODEL, "demo": {"text": text, **options}}


def asking(name: str, order: int, **more) -> Step:
    """A PROMPT step that asks the prompt ``say`` about the topic."""
    usual = {"prompt": "say", "input_mapping": {"text": "{{topic}}"}, "output_key": name}
    return Step(id=f"step_{name}", name=name, order=order, type=StepType.PROMPT, **{**usual, **more})


async def define(forge, actor, *steps: Step, name: str = "talk", **document) -> Chain:
    """The chain of these steps, and the prompt that they ask."""
    if not [one for one in await forge.prompts.list(actor) if one.name == "say"]:
        prompt = await forge.prompts.create(actor, name="Say")
        await forge.prompts.add_version(actor, prompt.id, content="Say {{text}}", params=MODEL)
    made = await forge.chains.create(actor, name=name)
    await forge.chains.create_version(actor, made.id, ChainDocument(steps=steps, **document))
    return made
