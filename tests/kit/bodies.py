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
