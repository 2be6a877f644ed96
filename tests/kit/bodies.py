"""An independent, naive reader of recorded bodies: what the tests hold the dialects against."""

import json


def documents(body: bytes) -> list[dict]:
    """Every JSON document of a body, streamed or not."""
    text = body.decode()
    if text.lstrip().startswith("{"):
        return [json.loads(text)]
    lines = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def anthropic_usage(body: bytes) -> dict:
    """The last value of every usage field."""
    usage: dict = {}
    for document in documents(body):
        usage |= document.get("message", {}).get("usage", {}) | document.get("usage", {})
    return usage


def anthropic_text(body: bytes) -> str:
    """Text blocks and text deltas, in order."""
    text = ""
    for document in documents(body):
        text += "".join(block.get("text", "") for block in document.get("content", []))
        text += document.get("delta", {}).get("text", "")
    return text


def openai_usage(body: bytes) -> dict:
    """The usage of the document that has one."""
    return next(document["usage"] for document in reversed(documents(body)) if document.get("usage"))


def openai_text(body: bytes) -> str:
    """Contents and content deltas, in order."""
    text = ""
    for document in documents(body):
        for choice in document["choices"]:
            text += (choice.get("message") or choice.get("delta") or {}).get("content") or ""
    return text


def lines(body: bytes) -> list[dict]:
    """Each line as a JSON document."""
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def google_leaves(body: bytes) -> dict[str, int]:
    """By subtraction from the last usage block: thoughts and tools stand beside the totals, cached tokens inside."""
    told = documents(body)[-1]["usageMetadata"]
    cached = told.get("cachedContentTokenCount", 0)
    return {
        "input": told["promptTokenCount"] + told.get("toolUsePromptTokenCount", 0) - cached,
        "input_cache_read": cached,
        "output": told.get("candidatesTokenCount", 0),
        "output_reasoning": told.get("thoughtsTokenCount", 0),
    }


def google_text(body: bytes) -> str:
    """Texts that are no thoughts, in order."""
    parts = [part for one in documents(body) for part in one["candidates"][0]["content"].get("parts", [])]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def ollama_leaves(body: bytes) -> dict[str, int]:
    """The counts of the last line."""
    told = lines(body)[-1]
    return {"input": told["prompt_eval_count"], "output": told["eval_count"]}


def ollama_text(body: bytes) -> str:
    """Contents in order."""
    return "".join(one["message"]["content"] for one in lines(body))


def openai_leaves(body: bytes) -> dict[str, int]:
    """By subtraction from the totals, in the words of completions or of responses."""
    told = next(one["usage"] for one in reversed(documents(body)) if one.get("usage"))
    asked, answered = ("input", "output") if "input_tokens" in told else ("prompt", "completion")
    cached = (told.get(f"{asked}_tokens_details") or {}).get("cached_tokens") or 0
    thought = (told.get(f"{answered}_tokens_details") or {}).get("reasoning_tokens") or 0
    return {
        "input": told[f"{asked}_tokens"] - cached,
        "input_cache_read": cached,
        "output": told[f"{answered}_tokens"] - thought,
        "output_reasoning": thought,
    }


def responses_text(body: bytes) -> str:
    """The texts of messages, in order."""
    items = documents(body)[-1]["output"]
    return "".join(part["text"] for item in items for part in item.get("content") or [] if "text" in part)
