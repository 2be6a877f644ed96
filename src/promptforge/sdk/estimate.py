"""What a run would use and cost, as ``client.estimate`` and ``client.prompts.estimate`` say it."""

from dataclasses import dataclass
from typing import Any

from promptforge.sdk.building import Json, build, one, raw_json
from promptforge.sdk.protocol import Plan, ask

ESTIMATE = """
query Estimate($input: ExecutePromptInput!) {
  estimate(input: $input) {
    provider model maxTokenIn maxTokenOut maxCostUsd maxCostDisplay priced
    usual { calls tokenIn tokenOut costUsd costDisplay }
  }
}
"""


@dataclass(frozen=True, kw_only=True)
class Usual:
    """Means over the version's calls of the last 30 days with that model."""

    calls: int = 0
    token_in: int = 0
    token_out: int = 0
    cost_usd: str | None = None
    cost_display: str | None = None
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one attempt uses and costs at most: no ``max_token_out`` without a limit, no cost without a price as well.

    ``usual`` is None for what is no version, or has no calls yet.
    """

    provider: str = ""
    model: str = ""
    max_token_in: int = 0
    max_token_out: int | None = None
    max_cost_usd: str | None = None
    max_cost_display: str | None = None
    priced: bool = False
    usual: Usual | None = one(lambda: Usual)
    raw: Json = raw_json()


def estimated(call: dict[str, Any]) -> Plan[Estimate]:
    """Ask what an ExecutePromptInput would use and cost; nothing is called or recorded."""
    data = yield from ask(ESTIMATE, {"input": call})
    return build(Estimate, data["estimate"])
