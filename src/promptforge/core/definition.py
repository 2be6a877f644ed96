"""What may be defined: the rules for labels, tags, parameters and turns. Each raises InvalidInput with a JSON path."""

import json
import re
from collections.abc import Mapping, Sequence

from promptforge.core.errors import InvalidInput
from promptforge.core.fallback import fallbacks_of
from promptforge.core.json import Json, bounded, storable
from promptforge.core.prompt import Message, PromptVersion

MAX_DESCRIPTION = 2_000
MAX_TAGS = 20
MAX_TAG = 50
MAX_CONTENT = 1_000_000
MAX_MESSAGES = 100
MAX_PARAMS = 64_000
ROLES = ("system", "user", "assistant")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")
_LABEL = re.compile(r"[a-z][a-z0-9._-]{0,49}")


def description(text: str | None) -> str | None:
    """A description as it is kept: an empty one is none."""
    if text is not None and len(text) > MAX_DESCRIPTION:
        raise InvalidInput(f"description takes at most {MAX_DESCRIPTION} characters", path="$.description")
    storable(text, "$.description")
    return text or None


def tags(given: Sequence[str], path: str = "$.tags") -> tuple[str, ...]:
    """Tags without repeats."""
    tags = tuple(dict.fromkeys(tag.strip() for tag in given))
    if len(tags) > MAX_TAGS or any(not 1 <= len(tag) <= MAX_TAG for tag in tags):
        raise InvalidInput(f"{path[2:]} takes at most {MAX_TAGS} tags of 1 to {MAX_TAG} characters", path=path)
    storable(tags, path)
    return tags


def label(label: str) -> str:
    """A label that may point at a version; ``latest`` may not, since it always means the newest."""
    if label == "latest":
        raise InvalidInput("'latest' always means the newest version and cannot be set", path="$.label")
    if not _LABEL.fullmatch(label):
        raise InvalidInput(
            f"'{label[:60]}' is not a label: use up to 50 lower-case letters, digits, '.', '_' and '-', a letter first",
            path="$.label",
        )
    return label


def parameters(given: Mapping[str, Json]) -> dict[str, Json]:
    """Parameters under their documented names, the known ones checked; unknown ones are the provider's to judge."""
    if "model" not in given:
        raise InvalidInput("params.model is missing: name the model to run", path="$.params.model")
    params = overrides(given)
    params.pop("provider", None)
    return params


def overrides(given: Mapping[str, Json]) -> dict[str, Json]:
    """Parameters that stand in for those of a version: none of them is needed, and ``provider`` may be among them."""
    bounded(given, "$.params")
    storable(given, "$.params")
    if len(json.dumps(given)) > MAX_PARAMS:
        raise InvalidInput(f"params takes at most {MAX_PARAMS} characters as JSON", path="$.params")
    if "maxTokens" in given and "max_tokens" in given:
        raise InvalidInput("give max_tokens once, not as maxTokens too", path="$.params.maxTokens")
    params = {("max_tokens" if name == "maxTokens" else name): value for name, value in given.items()}
    model = params.get("model")
    if "model" in params and (not isinstance(model, str) or not model.strip()):
        raise InvalidInput("params.model is missing: name the model to run", path="$.params.model")
    temperature, most = params.get("temperature"), params.get("max_tokens")
    if temperature is not None and (
        not isinstance(temperature, int | float) or isinstance(temperature, bool) or not 0 <= temperature <= 2
    ):
        raise InvalidInput("params.temperature is a number from 0.0 to 2.0", path="$.params.temperature")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise InvalidInput("params.max_tokens is a whole number of at least 1", path="$.params.max_tokens")
    fallbacks_of(params)
    return params


def provider(given: str | None, params: Mapping[str, Json]) -> str | None:
    """The provider that was named, beside the parameters or among them."""
    named = given or params.get("provider") or None
    if named is None or (isinstance(named, str) and _PROVIDER.fullmatch(named)):
        return named
    raise InvalidInput(f"'{str(named)[:60]}' is not the name of a provider, such as 'anthropic'", path="$.provider")


def check_turns(version: PromptVersion) -> None:
    """Refuse what is neither one content nor proper turns."""
    if (version.content is None) == (version.messages is None):
        raise InvalidInput("give exactly one of content and messages", path="$.content")
    if version.messages is not None and not 1 <= len(version.messages) <= MAX_MESSAGES:
        raise InvalidInput(f"messages takes 1 to {MAX_MESSAGES} turns", path="$.messages")
    check_roles(version.turns)
    if sum(len(turn.content) for turn in version.turns) > MAX_CONTENT:
        raise InvalidInput(f"a version takes at most {MAX_CONTENT} characters", path="$.content")
    storable([turn.content for turn in version.turns], "$.content" if version.messages is None else "$.messages")
    storable(version.input_schema, "$.inputSchema")


def check_roles(messages: Sequence[Message]) -> None:
    """Refuse a turn whose role no provider knows."""
    for n, message in enumerate(messages):
        if message.role not in ROLES:
            raise InvalidInput(
                f"role '{message.role[:20]}' is none of {', '.join(ROLES)}", path=f"$.messages[{n}].role"
            )
