"""Fallbacks: which models may answer instead, in order, where the one that was asked for cannot.

They stand in ``params`` as ``fallbacks``, so a version has them, freezes them and shows them as it does the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json, is_array, is_object

NAME = "fallbacks"
MAX_FALLBACKS = 5
_FIELDS = ("model", "provider", "params")


@dataclass(frozen=True, slots=True)
class Fallback:
    """``params`` stand in for those of the call; null takes one away."""

    model: str
    provider: str | None
    params: Mapping[str, Json]


def fallbacks_of(params: Mapping[str, Json]) -> tuple[Fallback, ...]:
    """What *params* name; InvalidInput, with the place, for what is no fallback."""
    given = params.get(NAME)
    if given is None:
        return ()
    if not is_array(given) or len(given) > MAX_FALLBACKS:
        raise InvalidInput(f"{NAME} is a list of at most {MAX_FALLBACKS}", path=f"$.params.{NAME}")
    return tuple(_fallback(one, f"$.params.{NAME}[{n}]") for n, one in enumerate(given))


def _fallback(given: Json, path: str) -> Fallback:
    if not is_object(given) or any(name not in _FIELDS for name in given):
        raise InvalidInput('a fallback is an object: {"model": "…", "provider": "…", "params": {…}}', path=path)
    model, provider, params = (given.get(name) for name in _FIELDS)
    if not isinstance(model, str) or not model.strip():
        raise InvalidInput("a fallback names its model", path=f"{path}.model")
    if provider is not None and not isinstance(provider, str):
        raise InvalidInput("the provider of a fallback is a name", path=f"{path}.provider")
    if params is not None and not is_object(params):
        raise InvalidInput("the params of a fallback are an object", path=f"{path}.params")
    if params and not params.keys().isdisjoint({NAME, "model", "provider"}):
        raise InvalidInput(f"the params of a fallback hold no model, provider or {NAME}", path=f"{path}.params")
    return Fallback(model, provider, params or {})
