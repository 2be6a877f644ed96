"""The RetentionCatalog on SQL: a workspace's rules, replaced as a whole, and its content policies."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select

from promptforge.catalog.database import Database
from promptforge.catalog.tables import content_policies, retention_rules
from promptforge.core.retention import ContentPolicy, Retention, Rule

_WHOLE = ""
"""Stands for the workspace itself where a key's id would be."""


class SqlRetentionCatalog:
    """Every statement carries the workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retention(self, workspace: str) -> Retention:
        """What the workspace keeps; everything, where nothing was set."""

        def work(connection: Connection) -> Retention:
            rules = select(retention_rules).where(retention_rules.c.workspace == workspace)
            policies = select(content_policies).where(content_policies.c.workspace == workspace)
            found = {
                row["key_id"]: ContentPolicy(row["content"]) for row in connection.execute(policies).mappings().all()
            }
            return Retention(
                rules=tuple(
                    _rule({**row}) for row in connection.execute(rules.order_by(retention_rules.c.number)).mappings()
                ),
                content=found.pop(_WHOLE, ContentPolicy.ALL),
                of_keys=found,
            )

        return await self._database.read(work)

    async def set_rules(self, workspace: str, rules: Sequence[Rule]) -> None:
        """Put these in the place of all rules."""
        rows = [
            {
                "workspace": workspace,
                "number": number,
                "days": rule.days,
                "prompt_id": rule.prompt_id,
                "tag_key": rule.tag[0] if rule.tag else None,
                "tag_value": rule.tag[1] if rule.tag else None,
                "errors": rule.errors,
            }
            for number, rule in enumerate(rules)
        ]

        def work(connection: Connection) -> None:
            connection.execute(delete(retention_rules).where(retention_rules.c.workspace == workspace))
            if rows:
                connection.execute(insert(retention_rules), rows)

        await self._database.write(work)

    async def set_content(self, workspace: str, key_id: str | None, policy: ContentPolicy) -> None:
        """Set the policy of the workspace, or of one of its keys."""
        table, key = content_policies, key_id or _WHOLE

        def work(connection: Connection) -> None:
            connection.execute(delete(table).where(and_(table.c.workspace == workspace, table.c.key_id == key)))
            row = {"workspace": workspace, "key_id": key, "content": policy.value}
            connection.execute(insert(table).values(row))

        await self._database.write(work)


def _rule(row: dict[str, Any]) -> Rule:
    tag = None if row["tag_key"] is None else (row["tag_key"], row["tag_value"])
    return Rule(days=row["days"], prompt_id=row["prompt_id"], tag=tag, errors=row["errors"])
