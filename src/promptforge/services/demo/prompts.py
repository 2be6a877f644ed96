"""The demo's prompts: a made-up outdoor shop, *Northlight*, and what its programs ask of models.

Everything here is invented. Each prompt tells a story that the record can show: a model swapped for a cheaper one,
a version that got worse, a model without a price.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from promptforge.core.execution import Json
from promptforge.core.prompt import Category, Message

SONNET = "claude-3-5-sonnet-20241022"
HAIKU = "claude-3-5-haiku-20241022"
GPT = "gpt-4o-2024-08-06"
GPT_MINI = "gpt-4o-mini-2024-07-18"
REASONER = "o3-mini-2025-01-31"
SELF_HOSTED = "northlight-sentiment-8b"

#: model -> (provider, milliseconds before the first token, milliseconds per output token)
SPEED: Mapping[str, tuple[str, int, float]] = {
    SONNET: ("anthropic", 780, 14.0),
    HAIKU: ("anthropic", 420, 7.5),
    GPT: ("openai", 560, 11.0),
    GPT_MINI: ("openai", 330, 6.5),
    REASONER: ("openai", 1900, 8.0),
    SELF_HOSTED: ("ollama", 190, 21.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version and its life: in production from *since* days before the end, or on a side *share* of the calls.

    *errors* is its share of failures in a thousand; *wordy* pads the output.
    """

    model: str
    since: int
    content: str | None = None
    messages: tuple[Message, ...] | None = None
    params: Mapping[str, Json]
    errors: int = 28
    wordy: bool = False
    share: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A prompt, the service that calls it, and its *weight* in the traffic.

    *stay*, *streamed* and *cached* are percents of its calls: going on with a conversation, streamed, read from cache.
    """

    name: str
    description: str
    category: Category
    tags: tuple[str, ...]
    service: str
    team: str
    weight: int
    schema: Mapping[str, Json]
    releases: tuple[Release, ...]
    stay: int = 0
    streamed: int = 0
    cached: int = 0
    reasoning: bool = False


def _schema(required: Mapping[str, str], **optional: Json) -> Mapping[str, Json]:
    properties: dict[str, Json] = {name: {"type": "string", "description": said} for name, said in required.items()}
    return {"type": "object", "properties": properties | optional, "required": list(required)}


def _params(temperature: float, max_tokens: int) -> Mapping[str, Json]:
    return {"temperature": temperature, "max_tokens": max_tokens}


_SUPPORT = (
    "You answer customers of Northlight, a shop for outdoor lamps, tents and packs. Be kind and exact. "
    "Answer in the customer's language. Never promise a refund that the policy does not give."
)
_TURN = "Customer: {{question}}\nProduct: {{product}}\nEarlier in this conversation: {{earlier}}"
_EARLIER: Json = {"type": "string", "description": "What was said before, empty at the start.", "default": ""}


def _support(system: str) -> tuple[Message, ...]:
    return (Message(role="system", content=system), Message(role="user", content=_TURN))


SUPPORT_REPLY = Scenario(
    name="support-reply",
    description="Answers a customer's question for the help desk.",
    category=Category.CHAT,
    tags=("support", "customer-facing"),
    service="helpdesk",
    team="support",
    weight=32,
    stay=42,
    streamed=80,
    cached=45,
    schema=_schema({"question": "What the customer wrote.", "product": "The product in question."}, earlier=_EARLIER),
    releases=(
        Release(
            model=GPT,
            since=9999,
            content="Answer this customer of Northlight.\n\n" + _TURN,
            params=_params(0.7, 800),
            errors=34,
        ),
        Release(model=SONNET, since=64, messages=_support(_SUPPORT), params=_params(0.5, 800), errors=32),
        Release(
            model=SONNET,
            since=35,
            messages=_support(_SUPPORT + " Answer in at most two short paragraphs."),
            params=_params(0.3, 600),
            errors=30,
        ),
        Release(
            model=SONNET,
            since=12,
            messages=_support(_SUPPORT + " Explain every step, give the background and offer alternatives."),
            params=_params(0.9, 2000),
            errors=110,
            wordy=True,
        ),
        Release(
            model=HAIKU,
            since=4,
            messages=_support(_SUPPORT + " Answer in at most two short paragraphs, then say what happens next."),
            params=_params(0.3, 600),
            errors=26,
            share=7,
        ),
    ),
)

TICKET_TRIAGE = Scenario(
    name="ticket-triage",
    description="Sorts a ticket by topic and urgency.",
    category=Category.CLASSIFICATION,
    tags=("support", "json"),
    service="helpdesk",
    team="support",
    weight=24,
    schema=_schema({"subject": "The ticket's subject.", "body": "The ticket's text."}),
    releases=(
        Release(
            model=GPT,
            since=9999,
            content="Which team should handle this ticket, and how urgent is it?\n\n{{subject}}\n\n{{body}}",
            params=_params(0.2, 200),
            errors=30,
        ),
        Release(
            model=GPT_MINI,
            since=55,
            content="Reply with JSON {category, urgency, team, reason} only.\n\nSubject: {{subject}}\n\n{{body}}",
            params=_params(0, 200),
            errors=24,
        ),
        Release(
            model=GPT_MINI,
            since=20,
            content="Reply with JSON {category, urgency, team, reason} only. Urgency is low, normal or high; "
            "high means that the customer is waiting outdoors.\n\nSubject: {{subject}}\n\n{{body}}",
            params=_params(0, 160),
            errors=18,
        ),
    ),
)

CONTRACT_SUMMARY = Scenario(
    name="contract-summary",
    description="Sums up a supplier's contract for a buyer who is not a lawyer.",
    category=Category.SUMMARIZATION,
    tags=("legal",),
    service="contract-desk",
    team="purchasing",
    weight=4,
    cached=30,
    schema=_schema({"title": "The contract's title.", "text": "The clauses."}),
    releases=(
        Release(
            model=SONNET,
            since=9999,
            content="Sum up this contract in short points. Name every date and amount.\n\n{{title}}\n\n{{text}}",
            params=_params(0.2, 1200),
            errors=30,
        ),
        Release(
            model=SONNET,
            since=41,
            content="Sum up this contract in short points. Name every date and amount, and mark what is unusual "
            "with (!).\n\n{{title}}\n\n{{text}}",
            params=_params(0.1, 900),
            errors=26,
        ),
    ),
)

MEETING_NOTES = Scenario(
    name="meeting-notes",
    description="Turns a transcript into decisions and things to do.",
    category=Category.SUMMARIZATION,
    tags=("internal",),
    service="notes-bot",
    team="operations",
    weight=7,
    schema=_schema({"transcript": "Who said what, line by line."}),
    releases=(
        Release(
            model=GPT,
            since=9999,
            content="Write notes of this meeting.\n\n{{transcript}}",
            params=_params(0.4, 700),
        ),
        Release(
            model=HAIKU,
            since=70,
            content="List the decisions and the things to do, each with a name.\n\n{{transcript}}",
            params=_params(0.2, 500),
        ),
        Release(
            model=HAIKU,
            since=27,
            content="List the decisions, then the things to do as '- [ ] name: what'. Leave small talk out."
            "\n\n{{transcript}}",
            params=_params(0.2, 500),
            errors=22,
        ),
    ),
)

SQL_ASSISTANT = Scenario(
    name="sql-assistant",
    description="Writes a query for the warehouse from a question.",
    category=Category.CODE,
    tags=("analytics", "internal"),
    service="analytics-bot",
    team="data",
    weight=9,
    stay=25,
    streamed=40,
    reasoning=True,
    schema=_schema(
        {"question": "What somebody wants to know."},
        dialect={"type": "string", "enum": ["postgresql", "clickhouse"], "default": "postgresql"},
    ),
    releases=(
        Release(
            model=GPT,
            since=9999,
            content="Write one {{dialect}} query that answers: {{question}}",
            params=_params(0.1, 600),
            errors=40,
        ),
        Release(
            model=REASONER,
            since=48,
            content="Write one {{dialect}} query that answers the question. Tables: orders, order_lines, products, "
            "customers, returns. Only SQL, no comment.\n\n{{question}}",
            params={"max_tokens": 2500},
            errors=31,
        ),
    ),
)

PRODUCT_DESCRIPTION = Scenario(
    name="product-description",
    description="Writes the text of a product page.",
    category=Category.GENERATION,
    tags=("shop", "customer-facing"),
    service="shop",
    team="marketing",
    weight=6,
    schema=_schema({"product": "Its name.", "features": "Facts, separated by commas."}, language={"type": "string"}),
    releases=(
        Release(
            model=GPT,
            since=9999,
            content="Describe {{product}} for our shop in {{language}}. Facts: {{features}}",
            params=_params(0.8, 500),
        ),
        Release(
            model=GPT,
            since=30,
            content="Describe {{product}} for our shop in {{language}}, three sentences, no superlatives. "
            "Facts: {{features}}",
            params=_params(0.6, 300),
            errors=24,
        ),
        Release(
            model=GPT_MINI,
            since=9,
            content="Describe {{product}} for our shop in {{language}}, three sentences, no superlatives. "
            "Facts: {{features}}",
            params=_params(0.6, 300),
            errors=25,
            share=20,
        ),
    ),
)

SENTIMENT_ANALYZER = Scenario(
    name="sentiment-analyzer",
    description="Reads the mood of a review.",
    category=Category.ANALYSIS,
    tags=("shop", "json"),
    service="reviews",
    team="marketing",
    weight=10,
    schema=_schema({"review": "What the customer wrote."}),
    releases=(
        Release(
            model=GPT_MINI,
            since=9999,
            content="Is this review positive, negative or mixed? Answer as JSON.\n\n{{review}}",
            params=_params(0, 120),
            errors=22,
        ),
        Release(
            model=GPT_MINI,
            since=50,
            content="Answer as JSON {sentiment, confidence, keyPhrases} only.\n\n{{review}}",
            params=_params(0, 150),
            errors=18,
        ),
        Release(
            model=SELF_HOSTED,
            since=16,
            content="Answer as JSON {sentiment, confidence, keyPhrases} only.\n\n{{review}}",
            params=_params(0, 150),
            errors=35,
            share=35,
        ),
    ),
)

TRANSLATE_LISTING = Scenario(
    name="translate-listing",
    description="Translates a product listing.",
    category=Category.TRANSLATION,
    tags=("shop",),
    service="shop",
    team="marketing",
    weight=5,
    schema=_schema({"text": "The listing in English.", "target": "The language to translate into."}),
    releases=(
        Release(
            model=SONNET,
            since=9999,
            content="Translate into {{target}}:\n\n{{text}}",
            params=_params(0.3, 600),
        ),
        Release(
            model=HAIKU,
            since=38,
            content="Translate into {{target}}. Keep names and numbers as they are.\n\n{{text}}",
            params=_params(0.1, 600),
            errors=25,
        ),
    ),
)

SCENARIOS = (
    SUPPORT_REPLY,
    TICKET_TRIAGE,
    CONTRACT_SUMMARY,
    MEETING_NOTES,
    SQL_ASSISTANT,
    PRODUCT_DESCRIPTION,
    SENTIMENT_ANALYZER,
    TRANSLATE_LISTING,
)

#: Calls without a prompt, beside the scenarios' weights: somebody at a terminal.
FREE_WEIGHT = 3
FREE_SERVICE = "terminal"
FREE_MODELS = (SONNET, SONNET, HAIKU, GPT, GPT_MINI)
