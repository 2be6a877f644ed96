"""What a recorded answer must come to, read and priced without the code under test."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from genai_prices import Usage, calc_price

from kit import bodies
from kit.answering import Asked


@dataclass(frozen=True)
class Expected:
    """What must stand in the record of one exchange."""

    model: str
    token_in: int
    token_out: int
    usage_raw: dict
    finish_reason: str | None
    text: str
    cost: Decimal


def expected(provider: str, asked: Asked) -> Expected:
    """Read an answer of a provider."""
    return {"openai": _openai, "anthropic": _anthropic}[provider](asked)


def _openai(asked: Asked) -> Expected:
    if asked.path.endswith("/embeddings"):
        return _embedding(asked)
    if asked.path.endswith("/responses"):
        return _responses(asked)
    used, documents = bodies.openai_usage(asked.answer), bodies.documents(asked.answer)
    reasons = [choice.get("finish_reason") for document in documents for choice in document["choices"]]
    model = documents[0]["model"]
    cached = (used.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return Expected(
        model=model,
        token_in=used["prompt_tokens"],
        token_out=used["completion_tokens"],
        usage_raw=used,
        finish_reason=next((reason for reason in reasons if reason), None),
        text=bodies.openai_text(asked.answer),
        cost=_cost("openai", model, used["prompt_tokens"], used["completion_tokens"], cache_read_tokens=cached),
    )


def _responses(asked: Asked) -> Expected:
    document = bodies.documents(asked.answer)[-1]
    document = document.get("response", document)
    used = document["usage"]
    texts = [part["text"] for item in document["output"] for part in item.get("content", []) if "text" in part]
    cached = used["input_tokens_details"]["cached_tokens"]
    return Expected(
        model=document["model"],
        token_in=used["input_tokens"],
        token_out=used["output_tokens"],
        usage_raw=used,
        finish_reason=document["status"],
        text="".join(texts),
        cost=_cost("openai", document["model"], used["input_tokens"], used["output_tokens"], cache_read_tokens=cached),
    )


def _embedding(asked: Asked) -> Expected:
    (document,) = bodies.documents(asked.answer)
    used = document["usage"]
    cost = _cost("openai", document["model"], used["prompt_tokens"], 0)
    return Expected(document["model"], used["prompt_tokens"], 0, used, None, "", cost)


def _anthropic(asked: Asked) -> Expected:
    used, documents = bodies.anthropic_usage(asked.answer), bodies.documents(asked.answer)
    heads = [document.get("message", document) for document in documents]
    reasons = [head.get("stop_reason") or head.get("delta", {}).get("stop_reason") for head in heads]
    written, read = used.get("cache_creation_input_tokens") or 0, used.get("cache_read_input_tokens") or 0
    token_in = used["input_tokens"] + written + read
    model = heads[0]["model"]
    priced = _cost(
        "anthropic", model, token_in, used["output_tokens"], cache_write_tokens=written, cache_read_tokens=read
    )
    return Expected(
        model=model,
        token_in=token_in,
        token_out=used["output_tokens"],
        usage_raw=used,
        finish_reason=next(reason for reason in reasons if reason),
        text=bodies.anthropic_text(asked.answer),
        cost=priced,
    )


def _cost(provider: str, model: str, token_in: int, token_out: int, **parts: int) -> Decimal:
    """What the catalogue's own library makes of it today."""
    used = Usage(input_tokens=token_in, output_tokens=token_out, **parts)
    return calc_price(used, model, provider_id=provider, genai_request_timestamp=datetime.now(UTC)).total_price
