"""The demo's words, from the tables in ``texts.toml``: variables that a caller gives and what a model might answer.

A writer takes chance and gives a sample. The first entries of a table come most often, so that common inputs, text
search and repeats have something to find.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from random import Random
from typing import Any, NamedTuple, TypeVar

from promptforge.core.execution import Json

T = TypeVar("T")
_TABLES: Mapping[str, Any] = tomllib.loads(files("promptforge.services.demo").joinpath("texts.toml").read_text("utf-8"))
PEOPLE: Sequence[str] = _TABLES["people"]
PRODUCTS: Sequence[str] = _TABLES["products"]
CITIES: Sequence[str] = _TABLES["cities"]
DAYS: Sequence[str] = _TABLES["days"]
_ENGLISH = [topic for topic in _TABLES["topics"] if topic["language"] == "english"]
#: In a hundred questions, those in another language.
_FOREIGN = {"german": 7, "french": 4, "japanese": 3}
_ELSEWHERE = [topic for topic in _TABLES["topics"] for _ in range(_FOREIGN.get(topic["language"], 0))]
_TEAMS = {"delivery": "logistics", "returns": "logistics", "charging": "workshop", "use": "workshop"}
_URGENCY = ("normal", "normal", "low", "high")
_WRITTEN = ("English", "English", "German", "French", "Japanese")
_TARGETS = ("German", "French", "Japanese")


class Sample(NamedTuple):
    """``followed`` are later turns of the same conversation: what is asked, what is answered."""

    variables: Mapping[str, Json]
    output: str
    followed: tuple[tuple[str, str], ...] = ()


def skewed(chance: Random, items: Sequence[T]) -> T:
    """One of the items, the first ones most often."""
    return items[int(len(items) * chance.random() ** 2.2)]


def longer(chance: Random, output: str) -> str:
    """The same answer with the padding of a version that explains too much."""
    return output + _TABLES["padding"].format_map(_slots(chance))


def free(chance: Random) -> tuple[str, str]:
    """What somebody asks without a prompt, and the answer."""
    row = skewed(chance, _TABLES["free"])
    slots = _slots(chance)
    return row["asked"].format_map(slots), row["answered"].format_map(slots)


def said(chance: Random, table: str) -> str:
    """One of the lines that chains say or get."""
    return skewed(chance, _TABLES["chains"][table]).format_map(_slots(chance))


def order(chance: Random) -> str:
    """The number of an order."""
    return _slots(chance)["order"]


def page(product: str, features: str, language: str) -> str:
    """A product page, as ``product-description`` writes it."""
    written: str = _TABLES["pages"][language]
    return written.format(product=product, facts=features.capitalize())


def _slots(chance: Random) -> dict[str, str]:
    return {
        "product": skewed(chance, PRODUCTS),
        "order": f"NL-{_upto(chance, 90_000) + 10_000}",
        "city": CITIES[_upto(chance, len(CITIES))],
        "day": DAYS[_upto(chance, len(DAYS))],
    }


def _upto(chance: Random, count: int) -> int:
    return int(chance.random() * count)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _question(chance: Random) -> tuple[Mapping[str, Any], dict[str, str], str]:
    draw = _upto(chance, 100)
    topic = _ELSEWHERE[draw] if draw < len(_ELSEWHERE) else skewed(chance, _ENGLISH)
    slots = _slots(chance)
    if chance.random() < 0.42:
        return topic, slots, skewed(chance, topic["common"])
    return topic, slots, skewed(chance, topic["varied"]).format_map(slots)


def _support_reply(chance: Random) -> Sample:
    topic, slots, question = _question(chance)
    answer = skewed(chance, topic["answers"]).format_map(slots)
    if topic["language"] == "english":
        answer += " " + skewed(chance, _TABLES["closings"]).format_map(slots)
    more = tuple((asked, said) for asked, said in topic["more"])
    return Sample({"question": question, "product": slots["product"], "earlier": ""}, answer, more)


def _ticket_triage(chance: Random) -> Sample:
    topic, slots, question = _question(chance)
    category = topic["category"]
    verdict = {
        "category": category,
        "urgency": skewed(chance, _URGENCY),
        "team": _TEAMS.get(category, "accounts"),
        "reason": f"The customer asks about {category} of the {slots['product']}.",
    }
    subject = f"{category.capitalize()}: {slots['product']}"
    return Sample({"subject": subject, "body": question}, _json(verdict))


def _contract_summary(chance: Random) -> Sample:
    slots = _slots(chance) | {
        "n": str(10 + _upto(chance, 51)),
        "m": str(12 + 6 * _upto(chance, 5)),
        "p": str(1 + _upto(chance, 4)),
        "q": str(100 * (1 + _upto(chance, 30))),
        "usd": f"{5 + _upto(chance, 90)}.{_upto(chance, 100):02d}",
    }
    clauses = chance.sample(_TABLES["clauses"], 5 + _upto(chance, 4))
    title = f"Supply agreement {slots['order']} for the {slots['product']}"
    text = "\n".join(f"{n}. {clause['text'].format_map(slots)}" for n, clause in enumerate(clauses, 1))
    points = "\n".join(f"- {clause['point'].format_map(slots)}" for clause in clauses)
    return Sample({"title": title, "text": text}, f"**{title}**\n\n{points}")


def _meeting_notes(chance: Random) -> Sample:
    said: list[str] = []
    noted: list[str] = []
    for line in chance.sample(_TABLES["talk"], 4 + _upto(chance, 3)):
        slots = _slots(chance) | {"who": skewed(chance, PEOPLE)}
        said.append(f"{slots['who']}: {line['said'].format_map(slots)}")
        noted.append(line["noted"].format_map(slots))
    return Sample({"transcript": "\n".join(said)}, "\n".join(sorted(noted, reverse=True)))


def _sql_assistant(chance: Random) -> Sample:
    row = skewed(chance, _TABLES["queries"])
    slots = _slots(chance)
    dialect = "clickhouse" if chance.random() < 0.3 else "postgresql"
    more = tuple((then["asked"], then["answered"]) for then in _TABLES["refinements"])
    return Sample(
        {"question": row["asked"].format_map(slots), "dialect": dialect}, row["answered"].format_map(slots), more
    )


def _product_description(chance: Random) -> Sample:
    slots = _slots(chance) | {"g": str(90 + 10 * _upto(chance, 140))}
    facts = ", ".join(feature.format_map(slots) for feature in chance.sample(_TABLES["features"], 3))
    language = skewed(chance, _WRITTEN)
    output = page(slots["product"], facts, language)
    return Sample({"product": slots["product"], "features": facts, "language": language}, output)


def _sentiment_analyzer(chance: Random) -> Sample:
    if chance.random() < 0.25:
        row = skewed(chance, _TABLES["reviews"])
        review, mood, said = row["text"], row["mood"], [row["text"]]
    else:
        good = chance.sample(_TABLES["praise"], _upto(chance, 3))
        bad = chance.sample(_TABLES["complaints"], _upto(chance, 2) or (not good))
        mood = "mixed" if good and bad else "positive" if good else "negative"
        said = [*good, *bad]
        slots = _slots(chance)
        review = " ".join([f"Took the {slots['product']} to {slots['city']}.", *said])
    phrases = [text.rstrip(".!").lower() for text in said]
    confidence = (70 + _upto(chance, 30)) / 100
    return Sample({"review": review}, _json({"sentiment": mood, "confidence": confidence, "keyPhrases": phrases}))


def _translate_listing(chance: Random) -> Sample:
    product = skewed(chance, PRODUCTS)
    rows = chance.sample(_TABLES["listing"], 2 + _upto(chance, 3))
    target = _TARGETS[_upto(chance, 3)]
    text, translated = (" ".join([f"{product}.", *(row[name] for row in rows)]) for name in ("English", target))
    return Sample({"text": text, "target": target}, translated)


WRITERS: Mapping[str, Callable[[Random], Sample]] = {
    "support-reply": _support_reply,
    "ticket-triage": _ticket_triage,
    "contract-summary": _contract_summary,
    "meeting-notes": _meeting_notes,
    "sql-assistant": _sql_assistant,
    "product-description": _product_description,
    "sentiment-analyzer": _sentiment_analyzer,
    "translate-listing": _translate_listing,
}
