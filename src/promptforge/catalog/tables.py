"""The tables as they are now; ``migrations.py`` is how they came to be, and a test holds the two equal.

Everything that a workspace owns carries the workspace in its primary key and its references, so that a row can
neither be found nor pointed at from another workspace.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from promptforge.catalog.database import Moment

METADATA = MetaData()

workspaces = Table(
    "workspaces",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
)

users = Table(
    "users",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("email", String, unique=True),
    Column("created_at", Moment, nullable=False),
)

memberships = Table(
    "memberships",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("user_id", String, ForeignKey("users.id"), primary_key=True, index=True),
    Column("role", String, nullable=False),
)

keys = Table(
    "keys",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("user_id", String, ForeignKey("users.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_used_at", Moment),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
)

login_tokens = Table(
    "login_tokens",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("workspace", String, ForeignKey("workspaces.id"), nullable=False),
    Column("user_id", String, ForeignKey("users.id"), nullable=False),
    Column("until", Moment, nullable=False),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("secret_hash", LargeBinary, primary_key=True),
    Column("workspace", String, ForeignKey("workspaces.id"), nullable=False),
    Column("user_id", String, ForeignKey("users.id"), nullable=False),
    Column("until", Moment, nullable=False),
)

# ``latest`` is the number of the newest version: raising it is what hands numbers out, one at a time.
prompts = Table(
    "prompts",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("description", String),
    Column("category", String, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("latest", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("created_by", String, nullable=False),
    Column("archived_at", Moment),
    Column("forked_from", String),
)
_unarchived = prompts.c.archived_at.is_(None)
Index(
    "prompts_name",
    prompts.c.workspace,
    prompts.c.name,
    unique=True,
    sqlite_where=_unarchived,
    postgresql_where=_unarchived,
)

versions = Table(
    "versions",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("prompt_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False),
    Column("content", String),
    Column("messages", JSON(none_as_null=True)),
    Column("params", JSON, nullable=False),
    Column("provider", String),
    Column("input_schema", JSON(none_as_null=True)),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String, nullable=False),
    ForeignKeyConstraint(["workspace", "prompt_id"], ["prompts.workspace", "prompts.id"]),
)
Index("versions_id", versions.c.workspace, versions.c.id, unique=True)

labels = Table(
    "labels",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("prompt_id", String, primary_key=True),
    Column("label", String, primary_key=True),
    Column("number", Integer, nullable=False),
    ForeignKeyConstraint(
        ["workspace", "prompt_id", "number"], ["versions.workspace", "versions.prompt_id", "versions.number"]
    ),
)

secrets = Table(
    "secrets",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String, nullable=False),
)

# What a workspace set for a provider of models; keys and proxies' credentials are among the secrets.
providers = Table(
    "providers",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("preset", String, nullable=False),
    Column("base_url", String),
    Column("region", String),
    Column("project", String),
    Column("api_version", String),
    Column("at_once", Integer),
    Column("requests_per_minute", Integer),
    Column("tokens_per_minute", Integer),
    Column("connect_ms", Integer),
    Column("idle_ms", Integer),
    Column("proxy", String),
    Column("ca", String),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String, nullable=False),
)

retention_rules = Table(
    "retention_rules",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("days", Integer),
    Column("prompt_id", String),
    Column("tag_key", String),
    Column("tag_value", String),
    Column("errors", Boolean, nullable=False),
)

# An empty ``key_id`` is the workspace itself.
content_policies = Table(
    "content_policies",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("key_id", String, primary_key=True),
    Column("content", String, nullable=False),
)

# As with prompts, ``latest`` hands out the numbers. ``draft`` and ``document`` are a ChainDocument by its own names.
chains = Table(
    "chains",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("description", String),
    Column("is_active", Boolean, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("intent_tags", JSON, nullable=False),
    Column("draft", JSON, nullable=False),
    Column("latest", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("created_by", String, nullable=False),
    Column("archived_at", Moment),
    Column("forked_from", String),
)
_chain_unarchived = chains.c.archived_at.is_(None)
Index(
    "chains_name",
    chains.c.workspace,
    chains.c.name,
    unique=True,
    sqlite_where=_chain_unarchived,
    postgresql_where=_chain_unarchived,
)

chain_versions = Table(
    "chain_versions",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("chain_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False),
    Column("document", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String, nullable=False),
    ForeignKeyConstraint(["workspace", "chain_id"], ["chains.workspace", "chains.id"]),
)
Index("chain_versions_id", chain_versions.c.workspace, chain_versions.c.id, unique=True)

chain_labels = Table(
    "chain_labels",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("chain_id", String, primary_key=True),
    Column("label", String, primary_key=True),
    Column("number", Integer, nullable=False),
    ForeignKeyConstraint(
        ["workspace", "chain_id", "number"],
        ["chain_versions.workspace", "chain_versions.chain_id", "chain_versions.number"],
    ),
)

# Rows are added and ended, never changed otherwise. An amount is in 10^-6 dollars.
prices = Table(
    "prices",
    METADATA,
    Column("workspace", String, ForeignKey("workspaces.id"), primary_key=True),
    Column("id", String, primary_key=True),
    Column("provider", String, nullable=False),
    Column("model", String, nullable=False),
    Column("rates", JSON, nullable=False),
    Column("terms", JSON),
    Column("valid_from", Moment, nullable=False),
    Column("valid_until", Moment),
    Column("note", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", String, nullable=False),
)

# What MEMORY steps keep. ``token`` is of the step that wrote last, so that a step done again adds nothing twice.
memories = Table(
    "memories",
    METADATA,
    Column("workspace", String, primary_key=True),
    Column("chain_id", String, primary_key=True),
    Column("end_user", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("until", Moment),
    Column("token", String, nullable=False),
    ForeignKeyConstraint(["workspace", "chain_id"], ["chains.workspace", "chains.id"]),
)
Index("memories_end_user", memories.c.workspace, memories.c.end_user)
