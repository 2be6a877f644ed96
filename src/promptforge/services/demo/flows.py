"""The demo's chains: three flows of the shop, as the files in ``flows/``, and the prompts that only they call.

A chain has a version for each file. The last one of all is the newest file with every PROMPT step put to the simulated
model, so that whoever has no provider's key can run it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files

from promptforge.core.access import Actor
from promptforge.core.chain import ChainDocument, ChainRef, StepType
from promptforge.core.errors import NotFound
from promptforge.core.execution import Json
from promptforge.core.prompt import Category
from promptforge.services.chains import Chains
from promptforge.services.demo.prompts import GPT_MINI, HAIKU, SONNET, Release, Scenario
from promptforge.wire import chain_file

SIMULATED = "simulated"
"""The label of the version that needs no provider's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A chain, the service that runs it, and since how many days before the end each of its files is in production.

    *simulated* is what the simulated model says in each PROMPT step.
    """

    name: str
    service: str
    team: str
    since: tuple[int, ...]
    simulated: Mapping[str, str]

    def file(self, number: int) -> chain_file.ChainFile:
        """The file of a version."""
        folder = files("promptforge.services.demo").joinpath("flows")
        return chain_file.read(folder.joinpath(f"{self.name}-{number}.yaml").read_text("utf-8"))

    def documents(self) -> list[tuple[str, ChainDocument]]:
        """The label and the document of each version, the oldest first."""
        made = [("production", self.file(number).document) for number in range(1, len(self.since) + 1)]
        newest = made[-1][1]
        steps = tuple(
            replace(step, params={**step.params, **_says(self.simulated[step.name])})
            if step.type is StepType.PROMPT
            else step
            for step in newest.steps
        )
        return [*made, (SIMULATED, replace(newest, steps=steps))]


def _says(text: str) -> Mapping[str, Json]:
    return {"model": "demo-small", "provider": "demo", "demo": {"text": text, "latency_ms": 150}}


def _schema(**properties: str) -> Mapping[str, Json]:
    described: dict[str, Json] = {name: {"description": said} for name, said in properties.items()}
    return {"type": "object", "properties": described, "required": list(properties)}


def _scenario(
    name: str, description: str, category: Category, schema: Mapping[str, Json], *releases: Release
) -> Scenario:
    return Scenario(
        name=name,
        description=description,
        category=category,
        tags=("chain",),
        service="",
        team="",
        weight=0,
        schema=schema,
        releases=releases,
    )


#: Prompts that nothing but a chain calls.
STEP_SCENARIOS = (
    _scenario(
        "review-apology",
        "Answers a review of somebody who is not happy.",
        Category.GENERATION,
        _schema(review="What the customer wrote.", phrases="What it is about."),
        Release(
            model=SONNET,
            since=9999,
            content="Apologise for what this review complains of ({{phrases}}) and offer help:\n\n{{review}}",
            params={"temperature": 0.4, "max_tokens": 250},
        ),
        Release(
            model=HAIKU,
            since=28,
            content="In two sentences, apologise for {{phrases}} and offer help. Promise no refund.\n\n{{review}}",
            params={"temperature": 0.3, "max_tokens": 150},
        ),
    ),
    _scenario(
        "review-thanks",
        "Thanks for a review.",
        Category.GENERATION,
        _schema(review="What the customer wrote."),
        Release(
            model=GPT_MINI,
            since=9999,
            content="Thank for this review in one warm sentence:\n\n{{review}}",
            params={"temperature": 0.8, "max_tokens": 100},
        ),
    ),
    _scenario(
        "page-keywords",
        "Finds the words by which people look for a product.",
        Category.EXTRACTION,
        _schema(product="Its name.", features="Facts, separated by commas."),
        Release(
            model=GPT_MINI,
            since=9999,
            content="Which words would people search {{product}} by? A JSON array.\n\n{{features}}",
            params={"temperature": 0, "max_tokens": 120},
        ),
    ),
    _scenario(
        "page-proofreader",
        "Says whether a product page may be published.",
        Category.ANALYSIS,
        _schema(page="The page in its languages.", features="The facts that it must not contradict."),
        Release(
            model=SONNET,
            since=9999,
            content="Does this page say nothing but the facts ({{features}})? "
            "Answer as JSON {publish, remarks} only.\n\n{{page}}",
            params={"temperature": 0.2, "max_tokens": 400},
        ),
    ),
)

FLOWS = (
    Flow(
        name="answer-review",
        service="reviews",
        team="marketing",
        since=(9999, 33),
        simulated={
            "sentiment": '{"sentiment": "negative", "confidence": 0.93, "keyPhrases": ["broken strap"]}',
            "apology": "We are sorry about the strap. A new one is on its way. (simulated)",
            "thanks": "Thank you for these kind words! (simulated)",
        },
    ),
    Flow(
        name="publish-product",
        service="shop",
        team="marketing",
        since=(9999, 21),
        simulated={
            "english": "It goes wherever the path goes. (simulated)",
            "translated": "Ein verlässlicher Begleiter für jede Tour. (simulated)",
            "keywords": '["outdoor", "light"]',
            "proofread": '{"publish": true, "remarks": []}',
        },
    ),
    Flow(
        name="answer-customer",
        service="helpdesk",
        team="support",
        since=(9999, 47),
        simulated={
            "triage": '{"category": "delivery", "urgency": "normal", "team": "logistics"}',
            "reply": "Your parcel is on its way. (simulated)",
        },
    ),
)


async def define(actor: Actor, chains: Chains) -> dict[tuple[str, int], tuple[ChainRef, ChainDocument]]:
    """Make the chains and versions that are missing; return every version under its chain and number."""
    found: dict[tuple[str, int], tuple[ChainRef, ChainDocument]] = {}
    for flow in FLOWS:
        newest = flow.file(len(flow.since))
        try:
            chain = await chains.named(actor, flow.name)
        except NotFound:
            tags = newest.intent_tags or ()
            chain = await chains.create(
                actor, name=flow.name, description=newest.description, intent_tags=tags, is_public=True
            )
        for number, (label, document) in enumerate(flow.documents(), 1):
            if number > chain.latest:
                version = await chains.create_version(actor, chain.id, document, label=label)
            else:
                version = await chains.version(actor, chain.id, number)
            ref = ChainRef(chain_id=chain.id, chain_name=chain.name, version_id=version.id, version=number, label=label)
            found[flow.name, number] = ref, version.document
    return found
