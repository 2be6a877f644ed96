"""Messages as the conventions write them: one text of JSON, structured values, numbered attributes, or events.

All come out as ``{"role", "content"}`` and, where there are any, ``tool_calls``, as ``wire/dialect`` writes them, and
``tool_call_id``. Content is a text where the parts of a message are texts, else the parts as they were given.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec

from promptforge.core.json import MAX_DEPTH, Json, is_array, is_object
from promptforge.wire.dialect import tool_call, with_tool_calls
from promptforge.wire.told import text

Message = dict[str, Json]
#: By number: the fields of a message under what is left of their names.
Numbered = dict[int, dict[str, Json]]

MAX_MESSAGES = 2_000
#: Types of parts that are text, under ``content`` or ``text``.
_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
#: Fields of a numbered message by what is left of an attribute's name.
_FIELDS = {
    **{name: name for name in ("role", "content", "name", "tool_call_id", "finish_reason")},
    **{f"message.{name}": name for name in ("role", "content", "name", "tool_call_id")},
    "message.function_call_name": "function_name",
    "message.function_call_arguments_json": "function_arguments",
    "function_call.name": "function_name",
    "function_call.arguments": "function_arguments",
    "prompt.text": "content",
    "completion.text": "content",
    "embedding.text": "content",
    "tool.json_schema": "content",
}
_LISTED = re.compile(
    r"(?:message\.)?(?P<list>contents|tool_calls)\.(?P<number>[0-9]{1,4})\."
    r"(?:message_content\.|tool_call\.)?(?:function\.)?(?P<field>.{1,100})",
    re.DOTALL,
)


class Answer(NamedTuple):
    """What a model answered: its text with the tool calls behind it, and why it stopped."""

    text: str
    finish_reason: str | None


def decoded(value: Json) -> Json:
    """What a text holds when it holds JSON, else the value as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        found: Json = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
    if value.count("[") + value.count("{") > MAX_DEPTH and _depth(found) > MAX_DEPTH:
        return value
    return clean(found) if "\\u0000" in value else found


def clean(value: Json) -> Json:
    """The same JSON without NUL in its texts."""
    if isinstance(value, str):
        return text(value)
    if is_object(value):
        return {text(name): clean(inner) for name, inner in value.items()}
    return [clean(inner) for inner in value] if is_array(value) else value


def _depth(value: Json) -> int:
    waiting: list[tuple[Json, int]] = [(value, 0)]
    deepest = 0
    while waiting:
        part, depth = waiting.pop()
        deepest = max(deepest, depth)
        if is_object(part) or is_array(part):
            waiting += [(inner, depth + 1) for inner in (part.values() if is_object(part) else part)]
    return deepest


def messages(value: Json, role: str) -> list[Message] | None:
    """The messages in *value*, told or as JSON text; those that name no role are of *role*. None when it holds none."""
    found = decoded(value)
    if is_object(found):
        inner = found.get("messages")
        found = inner if is_array(inner) else [found]
    if not is_array(found) or not found or len(found) > MAX_MESSAGES:
        return None
    read = [message(each, role) for each in found]
    return None if None in read else cast("list[Message]", read)


def message(value: Json, role: str) -> Message | None:
    """One message; None when it is none."""
    if not is_object(value):
        return None
    inner = value.get("message")
    if is_object(inner):  # a choice: the message and why it ended
        value = {**value, **inner}
    parts = value.get("parts")
    told: Message = {"role": value.get("role") or role}
    if is_array(parts):
        _parts(told, parts)
    elif "content" in value or "tool_calls" in value or "text" in value:
        told["content"] = value.get("content", value.get("text"))
        for name in ("name", "tool_calls", "tool_call_id", "function_call"):
            if value.get(name) is not None:
                told[name] = value[name]
    else:
        return None
    if value.get("finish_reason"):
        told["finish_reason"] = value["finish_reason"]
    return told


def _parts(told: Message, parts: Sequence[Json]) -> None:
    """Take the parts of a message apart: its texts, its tool calls, the answer of a tool."""
    texts = list[str]()
    calls = list[Json]()
    others = list[Json]()
    for part in parts:
        kind = part.get("type") if is_object(part) else None
        if is_object(part) and kind == "tool_call":
            calls.append(_call(part))
        elif is_object(part) and kind == "tool_call_response":
            told["tool_call_id"] = part.get("id")
            others.append(part.get("response", part.get("result")))
        elif (words := _words(part)) is not None:
            texts.append(words)
        else:
            others.append(part)
    if not others:
        told["content"] = "".join(texts)
    elif len(others) == 1 and "tool_call_id" in told and not texts:
        told["content"] = others[0]
    else:
        told["content"] = list(parts)
    if calls:
        told["tool_calls"] = calls


def _words(part: Json) -> str | None:
    """The text of a part that is text."""
    if isinstance(part, str):
        return part
    if not is_object(part) or part.get("type", "text") not in _TEXTS:
        return None
    words = part.get("content", part.get("text", part.get("refusal")))
    return words if isinstance(words, str) else None


def _call(value: Mapping[str, Json]) -> Mapping[str, Json]:
    """A tool call in any of the forms in use."""
    inner = value.get("function")
    told = {**value, **inner} if is_object(inner) else value
    name, arguments = told.get("name"), told.get("arguments", told.get("input"))
    call_id = told.get("id")
    called = tool_call(_text(call_id), _text(name), arguments if isinstance(arguments, str) else "")
    return called if isinstance(arguments, str) else {**called, "arguments": arguments if arguments is not None else {}}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def answer(told: Sequence[Message]) -> Answer | None:
    """What the first of the answers says: thinking is left out, tool calls follow."""
    if not told:
        return None
    first = next((each for each in told if each.get("role") in ("assistant", "model", "ai")), told[0])
    content = first.get("content")
    if is_array(content):
        words = "".join(part for part in map(_words, content) if part)
        calls = [_call(part) for part in content if is_object(part) and part.get("type") in ("tool_call", "tool_use")]
    else:
        words, calls = content if isinstance(content, str) else "" if content is None else _json(content), []
    more = first.get("tool_calls")
    if is_array(more) and not calls:
        calls = [_call(each) for each in more if is_object(each)]
    single = first.get("function_call")
    if is_object(single) and not calls:
        calls = [_call(single)]
    reason = first.get("finish_reason")
    return Answer(with_tool_calls(words, calls), reason if isinstance(reason, str) else None)


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def gather(numbered: Numbered, rest: str, value: Json) -> bool:
    """Keep ``NUMBER.field`` of a numbered message; whether it is one."""
    number, _, field = rest.partition(".")
    if not (number.isascii() and number.isdecimal() and len(number) <= 6 and field):
        return False
    index = int(number)
    if index not in numbered:
        if len(numbered) >= MAX_MESSAGES:
            return False
        numbered[index] = {}
    numbered[index][field] = value
    return True


def assembled(numbered: Numbered, role: str) -> list[Message]:
    """The numbered messages in their order."""
    return [_assembled(numbered[index], role) for index in sorted(numbered)]


def _assembled(fields: Mapping[str, Json], role: str) -> Message:
    told: Message = {"role": role, "content": None}
    contents: Numbered = {}
    calls: Numbered = {}
    for name, value in fields.items():
        if (field := _FIELDS.get(name)) is not None:
            told[field] = value
        elif found := _LISTED.fullmatch(name):
            listed = contents if found["list"] == "contents" else calls
            listed.setdefault(int(found["number"]), {})[found["field"]] = value
    if contents and told["content"] is None:
        parts = [contents[index] for index in sorted(contents)]
        words = [_words(part) for part in parts]
        told["content"] = parts if None in words else "".join(cast("list[str]", words))
    if "function_name" in told:
        calls.setdefault(0, {"name": told.pop("function_name"), "arguments": told.pop("function_arguments", None)})
    if calls:
        told["tool_calls"] = [_call(calls[index]) for index in sorted(calls)]
    return told


def of_event(attributes: Mapping[str, Json], role: str) -> Message | None:
    """The message of an event, whose body stands in its attributes or as JSON in one of them."""
    body = decoded(attributes.get("gen_ai.event.content"))
    told: dict[str, Json] = {**attributes, **(body if is_object(body) else {})}
    for name in ("message", "tool_calls"):
        told[name] = decoded(told.get(name))
    if isinstance(told["message"], str):
        told["content"] = told.pop("message")
    if role == "tool" and "id" in told:
        told.setdefault("tool_call_id", told["id"])
    return message(told, "assistant" if role == "choice" else role)


def readable(told: Iterable[Message]) -> list[Message]:
    """Messages as input: without what only an answer has."""
    return [{name: value for name, value in each.items() if name != "finish_reason"} for each in told]
