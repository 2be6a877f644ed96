"""A secret of a workspace, without its value: that is sealed where it is stored, and shown to nobody again."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """What may be shown of a secret. Chains ask for it as ``{{secret.NAME}}``."""

    workspace: str
    name: str
    updated_at: datetime
    updated_by: str
