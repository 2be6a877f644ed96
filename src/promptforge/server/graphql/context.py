"""What one request knows: who asks, what was already looked up, and how fresh the answers were."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import strawberry

from promptforge.core.access import Actor, User
from promptforge.core.chain import Chain
from promptforge.core.errors import NotFound
from promptforge.core.execution import Execution
from promptforge.core.prompt import Prompt, PromptVersion
from promptforge.core.query import Freshness

if TYPE_CHECKING:
    from promptforge.forge import Forge

T = TypeVar("T")


class Once(Generic[T]):
    """Looks a thing up once however often it is asked for; ``NotFound`` becomes None."""

    def __init__(self, load: Callable[[str], Awaitable[T | None]]) -> None:
        self._load = load
        self._found: dict[str, T | None] = {}
        self._coming: dict[str, asyncio.Future[T | None]] = {}

    def now(self, key: str) -> T | Awaitable[T | None] | None:
        """The thing itself when it is here already, otherwise something to wait for."""
        return self._found[key] if key in self._found else self._wait(key)

    async def fetch(self, keys: Iterable[str]) -> None:
        """Have all of these here, so that ``now`` answers at once."""
        missing = {key for key in keys if key not in self._found}
        if missing:
            await asyncio.gather(*(self._wait(key) for key in missing))

    def keep(self, found: Mapping[str, T]) -> None:
        """Have these here, which were looked up together."""
        self._found |= found

    async def _wait(self, key: str) -> T | None:
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = asyncio.ensure_future(self._look_up(key))
        return await asyncio.shield(coming)

    async def _look_up(self, key: str) -> T | None:
        try:
            self._found[key] = await self._load(key)
        except NotFound:
            self._found[key] = None
        return self._found[key]


@dataclass(slots=True)
class Context:
    """One per operation (per event for a subscription)."""

    forge: "Forge"
    actor: Actor
    today: date = field(init=False)
    prompts: Once[Prompt] = field(init=False)
    versions: Once[PromptVersion] = field(init=False)
    chains: Once[Chain] = field(init=False)
    users: Once[User] = field(init=False)
    calls: Once[Execution] = field(init=False)
    open_calls: dict[str, list[Execution]] = field(default_factory=dict[str, list[Execution]])
    """The calls that are under way, by chain execution."""
    freshness: Freshness | None = None

    def __post_init__(self) -> None:
        forge, actor = self.forge, self.actor
        self.today = forge.clock.now().date()
        self.prompts = Once(lambda key: forge.prompts.get(actor, key))
        self.versions = Once(lambda key: forge.prompts.version_by_id(actor, key))
        self.chains = Once(lambda key: forge.chains.get(actor, key))
        self.users = Once(lambda key: forge.access.user(actor, key))
        self.calls = Once(lambda key: forge.executions.get(actor, key))

    def note(self, freshness: Freshness) -> None:
        """Keep the least fresh of the answers that the operation is made of."""
        seen = self.freshness
        self.freshness = (
            freshness
            if seen is None
            else Freshness(as_of=min(seen.as_of, freshness.as_of), behind=max(seen.behind, freshness.behind))
        )


Info = strawberry.Info[Context, Any]
