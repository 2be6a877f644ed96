"""What the demo's chains are given, and what their steps get to hear: one case for each run."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

from promptforge.core.execution import Json
from promptforge.services.demo import texts

_LANGUAGES = ("German", "German", "French", "Japanese")


class Case(NamedTuple):
    """*answers* are what the model says by PROMPT step, *replies* what else is called gives by step."""

    inputs: Mapping[str, Json]
    answers: Mapping[str, str]
    replies: Mapping[str, Json] = {}


def _answer_review(chance: Random) -> Case:
    review = texts.WRITERS["sentiment-analyzer"](chance)
    answers = {
        "sentiment": review.output,
        "apology": texts.said(chance, "apologies"),
        "thanks": texts.said(chance, "thanks"),
    }
    return Case(review.variables, answers)


def _publish_product(chance: Random) -> Case:
    drawn = texts.WRITERS["product-description"](chance).variables
    product, features = str(drawn["product"]), str(drawn["features"])
    language = _LANGUAGES[int(chance.random() * len(_LANGUAGES))]
    remarks = [texts.said(chance, "remarks")] if chance.random() < 0.3 else []
    answers = {
        "english": texts.page(product, features, "English"),
        "translated": texts.page(product, features, language),
        "keywords": json.dumps(sorted({word for word in product.lower().split() if word.isalpha()})),
        "proofread": json.dumps({"publish": not remarks, "remarks": remarks}),
    }
    return Case({"product": product, "features": features, "language": language}, answers)


def _answer_customer(chance: Random) -> Case:
    asked = texts.WRITERS["support-reply"](chance)
    question, order = asked.variables["question"], texts.order(chance)
    before: list[Json] = [texts.WRITERS["support-reply"](chance).variables["question"]] if chance.random() < 0.4 else []
    status = {"order": order, "carrier": texts.said(chance, "carriers"), "state": texts.said(chance, "states")}
    answers = {"triage": texts.WRITERS["ticket-triage"](chance).output, "reply": asked.output}
    replies: dict[str, Json] = {"remembered": before, "delivery": status, "remember": [*before, question]}
    return Case({"question": question, "product": asked.variables["product"], "order": order}, answers, replies)


CASES: Mapping[str, Callable[[Random], Case]] = {
    "answer-review": _answer_review,
    "publish-product": _publish_product,
    "answer-customer": _answer_customer,
}
