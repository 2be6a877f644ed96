"""How the tables came to be: plain functions in order, each applied once and noted in ``migrations``.

A migration is frozen once released. It has its statements in full and never reads ``tables.py``, which will have
moved on by then; types are written as ``{moment}``, which ``database.py`` fills in for the dialect.
"""

from collections.abc import Callable

from sqlalchemy import Connection, text

from promptforge.catalog.database import column_types
from promptforge.core.errors import SettingsError


def _first(connection: Connection) -> None:
    """Lay workspaces, users, keys, prompts, versions and labels."""
    _run(
        connection,
        """CREATE TABLE workspaces (
            id {text} NOT NULL PRIMARY KEY, name {text} NOT NULL UNIQUE, created_at {moment} NOT NULL)""",
        """CREATE TABLE users (
            id {text} NOT NULL PRIMARY KEY, name {text} NOT NULL, email {text} UNIQUE, created_at {moment} NOT NULL)""",
        """CREATE TABLE memberships (
            workspace {text} NOT NULL REFERENCES workspaces (id), user_id {text} NOT NULL REFERENCES users (id),
            role {text} NOT NULL, PRIMARY KEY (workspace, user_id))""",
        "CREATE INDEX ix_memberships_user_id ON memberships (user_id)",
        """CREATE TABLE keys (
            workspace {text} NOT NULL REFERENCES workspaces (id), id {text} NOT NULL,
            user_id {text} NOT NULL REFERENCES users (id), name {text} NOT NULL, hint {text} NOT NULL,
            secret_hash {bytes} NOT NULL UNIQUE, scopes {json} NOT NULL, created_at {moment} NOT NULL,
            last_used_at {moment}, expires_at {moment}, revoked_at {moment}, PRIMARY KEY (workspace, id))""",
        """CREATE TABLE login_tokens (
            token_hash {bytes} NOT NULL PRIMARY KEY, workspace {text} NOT NULL REFERENCES workspaces (id),
            user_id {text} NOT NULL REFERENCES users (id), until {moment} NOT NULL)""",
        """CREATE TABLE sessions (
            secret_hash {bytes} NOT NULL PRIMARY KEY, workspace {text} NOT NULL REFERENCES workspaces (id),
            user_id {text} NOT NULL REFERENCES users (id), until {moment} NOT NULL)""",
        """CREATE TABLE prompts (
            workspace {text} NOT NULL REFERENCES workspaces (id), id {text} NOT NULL, name {text} NOT NULL,
            description {text}, category {text} NOT NULL, is_public BOOLEAN NOT NULL, tags {json} NOT NULL,
            latest INTEGER NOT NULL, created_at {moment} NOT NULL, updated_at {moment} NOT NULL,
            created_by {text} NOT NULL, archived_at {moment}, forked_from {text}, PRIMARY KEY (workspace, id))""",
        "CREATE UNIQUE INDEX prompts_name ON prompts (workspace, name) WHERE archived_at IS NULL",
        """CREATE TABLE versions (
            workspace {text} NOT NULL, prompt_id {text} NOT NULL, number INTEGER NOT NULL, id {text} NOT NULL,
            content {text}, messages {json}, params {json} NOT NULL, provider {text}, input_schema {json},
            created_at {moment} NOT NULL, created_by {text} NOT NULL, PRIMARY KEY (workspace, prompt_id, number),
            FOREIGN KEY (workspace, prompt_id) REFERENCES prompts (workspace, id))""",
        "CREATE UNIQUE INDEX versions_id ON versions (workspace, id)",
        """CREATE TABLE labels (
            workspace {text} NOT NULL, prompt_id {text} NOT NULL, label {text} NOT NULL, number INTEGER NOT NULL,
            PRIMARY KEY (workspace, prompt_id, label),
            FOREIGN KEY (workspace, prompt_id, number) REFERENCES versions (workspace, prompt_id, number))""",
    )


def _retention(connection: Connection) -> None:
    """Lay the rules of retention and the content policies."""
    _run(
        connection,
        """CREATE TABLE retention_rules (
            workspace {text} NOT NULL REFERENCES workspaces (id), number INTEGER NOT NULL, days INTEGER,
            prompt_id {text}, tag_key {text}, tag_value {text}, errors BOOLEAN NOT NULL,
            PRIMARY KEY (workspace, number))""",
        """CREATE TABLE content_policies (
            workspace {text} NOT NULL REFERENCES workspaces (id), key_id {text} NOT NULL, content {text} NOT NULL,
            PRIMARY KEY (workspace, key_id))""",
    )


def _chains(connection: Connection) -> None:
    """Lay chains, their versions and labels, and what they remember."""
    _run(
        connection,
        """CREATE TABLE chains (
            workspace {text} NOT NULL REFERENCES workspaces (id), id {text} NOT NULL, name {text} NOT NULL,
            description {text}, is_active BOOLEAN NOT NULL, is_public BOOLEAN NOT NULL, intent_tags {json} NOT NULL,
            draft {json} NOT NULL, latest INTEGER NOT NULL, created_at {moment} NOT NULL,
            updated_at {moment} NOT NULL, created_by {text} NOT NULL, archived_at {moment}, forked_from {text},
            PRIMARY KEY (workspace, id))""",
        "CREATE UNIQUE INDEX chains_name ON chains (workspace, name) WHERE archived_at IS NULL",
        """CREATE TABLE chain_versions (
            workspace {text} NOT NULL, chain_id {text} NOT NULL, number INTEGER NOT NULL, id {text} NOT NULL,
            document {json} NOT NULL, created_at {moment} NOT NULL, created_by {text} NOT NULL,
            PRIMARY KEY (workspace, chain_id, number),
            FOREIGN KEY (workspace, chain_id) REFERENCES chains (workspace, id))""",
        "CREATE UNIQUE INDEX chain_versions_id ON chain_versions (workspace, id)",
        """CREATE TABLE chain_labels (
            workspace {text} NOT NULL, chain_id {text} NOT NULL, label {text} NOT NULL, number INTEGER NOT NULL,
            PRIMARY KEY (workspace, chain_id, label),
            FOREIGN KEY (workspace, chain_id, number) REFERENCES chain_versions (workspace, chain_id, number))""",
        """CREATE TABLE memories (
            workspace {text} NOT NULL, chain_id {text} NOT NULL, end_user {text} NOT NULL, key {text} NOT NULL,
            value {json} NOT NULL, until {moment}, token {text} NOT NULL,
            PRIMARY KEY (workspace, chain_id, end_user, key),
            FOREIGN KEY (workspace, chain_id) REFERENCES chains (workspace, id))""",
        "CREATE INDEX memories_end_user ON memories (workspace, end_user)",
    )


def _secrets(connection: Connection) -> None:
    """Lay the secrets of workspaces."""
    _run(
        connection,
        """CREATE TABLE secrets (
            workspace {text} NOT NULL REFERENCES workspaces (id), name {text} NOT NULL, sealed {bytes} NOT NULL,
            updated_at {moment} NOT NULL, updated_by {text} NOT NULL, PRIMARY KEY (workspace, name))""",
    )


def _prices(connection: Connection) -> None:
    """Lay the price rows of workspaces."""
    _run(
        connection,
        """CREATE TABLE prices (
            workspace {text} NOT NULL REFERENCES workspaces (id), id {text} NOT NULL, provider {text} NOT NULL,
            model {text} NOT NULL, rates {json} NOT NULL, terms {json}, valid_from {moment} NOT NULL,
            valid_until {moment}, note {text} NOT NULL, created_at {moment} NOT NULL, created_by {text} NOT NULL,
            PRIMARY KEY (workspace, id))""",
    )


def _providers(connection: Connection) -> None:
    """Lay what workspaces set for providers of models."""
    _run(
        connection,
        """CREATE TABLE providers (
            workspace {text} NOT NULL REFERENCES workspaces (id), name {text} NOT NULL, preset {text} NOT NULL,
            base_url {text}, region {text}, project {text}, api_version {text}, at_once INTEGER,
            requests_per_minute INTEGER, tokens_per_minute INTEGER, connect_ms INTEGER, idle_ms INTEGER, proxy {text},
            ca {text}, updated_at {moment} NOT NULL, updated_by {text} NOT NULL, PRIMARY KEY (workspace, name))""",
    )


#: In order; the position counts from 1 and is what ``migrations`` notes. Add at the end, never change one.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first, _retention, _chains, _secrets, _prices, _providers)


def apply(connection: Connection) -> None:
    """Bring the tables up to date, all steps in one transaction; SettingsError when they are newer than this code."""
    _run(connection, "CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL PRIMARY KEY)")
    applied = connection.execute(text("SELECT coalesce(max(number), 0) FROM migrations")).scalar_one()
    if applied > len(MIGRATIONS):
        raise SettingsError(
            f"the catalog was written by a newer Prompt Forge (its tables are at {applied}, this one knows "
            f"{len(MIGRATIONS)}): start the newer one, or give another home"
        )
    for number, migrate in enumerate(MIGRATIONS[applied:], applied + 1):
        migrate(connection)
        connection.execute(text("INSERT INTO migrations (number) VALUES (:number)"), {"number": number})


def _run(connection: Connection, *statements: str) -> None:
    types = column_types(connection)
    for statement in statements:
        connection.execute(text(statement.format(**types)))
