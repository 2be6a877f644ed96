"""The list of models that a provider offers: where each format has it, and how it is read."""

from dataclasses import dataclass

import msgspec

from promptforge.core.json import Json, is_array, is_object
from promptforge.wire import dialect
from promptforge.wire.dialect import Garbled

MAX_MODELS = 5_000


@dataclass(frozen=True, slots=True)
class ModelList:
    """``path`` follows the base URL; the answer has a list ``field`` of objects, or is that list, named by ``name``."""

    path: str
    field: str = "data"
    name: str = "id"


#: By the name of a format. One that is not here has no list that a key alone can ask for.
LISTS = {
    "openai": ModelList("/models"),
    "openai-compatible": ModelList("/models"),
    "responses": ModelList("/models"),
    "mistral": ModelList("/models"),
    "azure": ModelList("/openai/v1/models"),
    "anthropic": ModelList("/v1/models?limit=1000"),
    "google": ModelList("/v1beta/models?pageSize=1000", "models", "name"),
    "ollama": ModelList("/api/tags", "models", "name"),
}
_any: msgspec.json.Decoder[Json] = msgspec.json.Decoder()


def names(raw: bytes, listed: ModelList) -> list[str]:
    """The models' names as a call gives them, sorted; Garbled when it is no such list."""
    answer = dialect.read(_any, raw, "its list of models")
    found = answer.get(listed.field) if is_object(answer) else answer
    if not is_array(found):
        raise Garbled("its list of models is not where the format has it")
    given = (one.get(listed.name) for one in found if is_object(one))
    return sorted({one.removeprefix("models/") for one in given if isinstance(one, str) and one})[:MAX_MODELS]
