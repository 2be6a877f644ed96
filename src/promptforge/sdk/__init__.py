"""The light Python client: what programs import. It needs nothing of the server.

The decision to know: each method is written once, as a plan without I/O (``protocol.py``), and bound to a blocking
and an asynchronous driver (``binding.py``). httpx and websockets are imported at the first request.
"""

from promptforge.sdk.chain_values import Chain, ChainEvent, ChainExecution
from promptforge.sdk.client import AsyncPromptForge, PromptForge
from promptforge.sdk.errors import (
    AuthenticationError,
    ExecutionError,
    GraphQLError,
    NetworkError,
    NotFoundError,
    PromptForgeError,
    ProviderError,
    RateLimitError,
    ValidationError,
)
from promptforge.sdk.values import (
    Cost,
    CreatedKey,
    Erasure,
    Execution,
    Figures,
    Key,
    Overview,
    Prompt,
    PromptDiff,
    PromptVersion,
    Secret,
    Service,
    StreamEvent,
    User,
)

__all__ = [
    "AsyncPromptForge",
    "AuthenticationError",
    "Chain",
    "ChainEvent",
    "ChainExecution",
    "Cost",
    "CreatedKey",
    "Erasure",
    "Execution",
    "ExecutionError",
    "Figures",
    "GraphQLError",
    "Key",
    "NetworkError",
    "NotFoundError",
    "Overview",
    "Prompt",
    "PromptDiff",
    "PromptForge",
    "PromptForgeError",
    "PromptVersion",
    "ProviderError",
    "RateLimitError",
    "Secret",
    "Service",
    "StreamEvent",
    "User",
    "ValidationError",
]
