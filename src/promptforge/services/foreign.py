"""What ran elsewhere, made ours: the prompt that it names, the provider of its model, and what it cost.

The cost is by our prices. What the program claims is kept beside it, and counts only where we have no price.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from promptforge.core.access import Actor, system
from promptforge.core.errors import Conflict, InvalidInput, NotFound
from promptforge.core.execution import CostState, PromptRef
from promptforge.core.ports import PriceBook
from promptforge.core.usage import Usage
from promptforge.services.fields import Asked, claimed_line
from promptforge.services.prompts import Prompts


class Foreign:
    """Looks up what others only name."""

    def __init__(self, prompts: Prompts, prices: PriceBook) -> None:
        self._prompts = prompts
        self._prices = prices
        self.provider_of = lru_cache(1_000)(prices.provider_of)

    async def refs(self, actor: Actor, named: Iterable[Asked]) -> dict[Asked, PromptRef | None]:
        """The versions of ours that are named, looked up once each; None for what does not exist here."""
        found: dict[Asked, PromptRef | None] = {}
        for asked in named:
            if asked not in found:
                found[asked] = await self._ref(actor.workspace, asked)
        return found

    async def _ref(self, workspace: str, asked: Asked) -> PromptRef | None:
        prompt_id, name, version, label = asked
        try:
            prompt, resolved = await self._prompts.resolve(
                system(workspace), prompt_id=prompt_id, name=name, version=version, label=label
            )
        except (NotFound, Conflict, InvalidInput):
            return None
        return PromptRef(
            prompt_id=prompt.id,
            prompt_name=prompt.name,
            version_id=resolved.id,
            version=resolved.number,
            label=label,
        )

    def cost(
        self,
        actor: Actor,
        provider: str,
        models: Sequence[str],
        used: Usage | None,
        claimed: int | None,
        at: datetime,
        terms: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The fields of an execution that say what it cost; the first of *models* that has a price is the one paid."""
        lines = None
        if used is not None:
            for model in models:
                lines = self._prices.lines(actor.workspace, provider, model, used, at, terms=terms)
                if lines is not None:
                    break
        if lines is None and claimed is not None:
            lines = (claimed_line(claimed),)
        without = CostState.UNKNOWN if used is None else CostState.UNPRICED
        return {
            "usage": used,
            "token_in": None if used is None else used.token_in,
            "token_out": None if used is None else used.token_out,
            "lines": lines or (),
            "cost": None if lines is None else sum([line.amount for line in lines]),
            "cost_state": without if lines is None else CostState.PRICED,
            "claimed": claimed,
        }
