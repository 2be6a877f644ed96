"""``client.retention``: for how long content is kept, and whether at all. What it returns stands here too."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from promptforge.sdk import building, documents
from promptforge.sdk.binding import Awaiting, Blocking, call
from promptforge.sdk.building import Json, build, raw_json
from promptforge.sdk.filters import Moment, moment
from promptforge.sdk.protocol import Plan, ask

PRUNE_SECONDS = 3_600.0


@dataclass(frozen=True, kw_only=True)
class RetentionRule:
    """``days`` 0 keeps nothing, None keeps for ever. What is None or false is not asked about."""

    days: int | None = None
    prompt_id: str | None = None
    prompt_name: str | None = None
    tag: tuple[str, str] | None = None
    errors: bool = False
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class RetentionKept:
    """``content`` and each policy of ``keys`` (by key id): ``all``, ``errors`` or ``none``."""

    content: str = "all"
    default_days: int = 0
    rules: tuple[RetentionRule, ...] = ()
    keys: Json = field(default_factory=dict[str, Any])
    raw: Json = raw_json()


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was removed, or would be; *days* (UTC) on which something of it lies."""

    executions: int = 0
    chain_executions: int = 0
    days: int = 0
    first: datetime | None = building.moment()
    last: datetime | None = building.moment()
    cost_usd: str = "0.0000"
    cost_display: str = ""
    raw: Json = raw_json()


class Retention:
    @call
    def show(self) -> Plan[RetentionKept]:
        """Get what the workspace keeps."""
        data = yield from ask(documents.RETENTION)
        return _kept(data["retention"])

    @call
    def set_rule(
        self,
        days: int | None,
        *,
        prompt: str | None = None,
        tag: tuple[str, str] | None = None,
        errors: bool = False,
    ) -> Plan[RetentionKept]:
        """Keep content of these executions for so many days, None for ever; in the place of the rule for the same.

        *prompt* is an id or a name. It holds for what ends from now on.
        """
        data = yield from ask(documents.SET_RULE, {"days": days, **_subject(prompt, tag, errors)})
        return _kept(data["setRetentionRule"])

    @call
    def remove_rule(
        self, *, prompt: str | None = None, tag: tuple[str, str] | None = None, errors: bool = False
    ) -> Plan[RetentionKept]:
        """Remove the rule for exactly these executions; harmless when there is none."""
        data = yield from ask(documents.REMOVE_RULE, _subject(prompt, tag, errors))
        return _kept(data["removeRetentionRule"])

    @call
    def set_content(self, policy: str, *, key_id: str | None = None) -> Plan[RetentionKept]:
        """Keep content of ``all``, ``errors`` or ``none``: in the workspace, or of what comes with one key."""
        data = yield from ask(documents.SET_CONTENT, {"policy": policy.upper(), "keyId": key_id})
        return _kept(data["setContentPolicy"])

    @call
    def prune(self, before: Moment, *, dry_run: bool) -> Plan[Pruned]:
        """Remove what was made *before* and is finished, figures too, for good; *dry_run*: only say what that is."""
        variables = {"before": moment(before), "dryRun": dry_run}
        data = yield from ask(documents.PRUNE, variables, repeatable=False, timeout=PRUNE_SECONDS)
        return build(Pruned, data["pruneExecutions"])


class BlockingRetention(Retention, Blocking):
    pass


class AwaitingRetention(Retention, Awaiting):
    pass


def _subject(prompt: str | None, tag: tuple[str, str] | None, errors: bool) -> dict[str, Any]:
    key, value = tag or (None, None)
    return {"promptId": prompt, "tagKey": key, "tagValue": value, "errors": errors}


def _kept(raw: Json) -> RetentionKept:
    return RetentionKept(
        content=raw["content"].lower(),
        default_days=raw["defaultDays"],
        rules=tuple(_rule(rule) for rule in raw["rules"]),
        keys={one["keyId"]: one["content"].lower() for one in raw["keys"]},
        raw=raw,
    )


def _rule(raw: Json) -> RetentionRule:
    return RetentionRule(
        days=raw["days"],
        prompt_id=raw["promptId"],
        prompt_name=raw["prompt"] and raw["prompt"]["name"],
        tag=None if raw["tagKey"] is None else (raw["tagKey"], raw["tagValue"]),
        errors=raw["errors"],
        raw=raw,
    )
