"""Which models a call may be answered by: the one that it names, and its fallbacks, each with who runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from promptforge.core.access import Actor, Permission
from promptforge.core.errors import InvalidInput
from promptforge.core.execution import Json
from promptforge.core.fallback import NAME, fallbacks_of
from promptforge.core.model import ModelRequest
from promptforge.core.ports import PriceBook
from promptforge.core.prompt import Message
from promptforge.services.guard import Guarded
from promptforge.services.providers import Providers


@dataclass(frozen=True, slots=True)
class Way:
    """A model that may answer: what it is asked, and who runs it, within the limits."""

    request: ModelRequest
    provider: Guarded


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model by name, with its parameters and who runs it."""

    name: str
    params: Mapping[str, Json]
    provider: Guarded

    def way(self, messages: tuple[Message, ...], *, stream: bool, remaining: float) -> Way:
        """The way of a call with these messages; InvalidInput for what the provider cannot be asked."""
        request = ModelRequest(
            model=self.name, messages=messages, params=self.params, stream=stream, remaining=remaining
        )
        self.provider.body(request)
        return Way(request, self.provider)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Finds the models that may answer calls."""

    providers: Providers
    prices: PriceBook

    async def of(self, actor: Actor, given: Mapping[str, Json], named: str | None) -> Sequence[Candidate]:
        """Those of parameters that name a model, in the order in which they are asked; *named* is the first's provider.

        InvalidInput where there is no model, or nobody who runs it.
        """
        actor.require(Permission.RUN)
        params = dict(given)
        fallbacks = fallbacks_of(params)
        model, provider = params.pop("model", None), params.pop("provider", None)
        params.pop(NAME, None)
        if not isinstance(model, str) or not model:
            raise InvalidInput("params.model is missing: name the model to run", path="$.params.model")
        own = named or (provider if isinstance(provider, str) else None)
        found = [await self._one(actor, model, own, params, "$.provider")]
        for n, fallback in enumerate(fallbacks):
            others = {name: value for name, value in {**params, **fallback.params}.items() if value is not None}
            path = f"$.params.{NAME}[{n}].provider"
            found.append(await self._one(actor, fallback.model, fallback.provider, others, path))
        return found

    async def _one(
        self, actor: Actor, model: str, named: str | None, params: Mapping[str, Json], path: str
    ) -> Candidate:
        name = named or self.providers.of_model(actor, model) or self.prices.provider_of(model)
        if name is None:
            raise InvalidInput(
                f"the name '{model[:100]}' does not say which provider has it: give 'provider' as well", path=path
            )
        return Candidate(model, params, await self.providers.get(actor, name))
