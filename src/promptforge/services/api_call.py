"""API_CALL steps: one request to an address that the chain names, tried again as often as the step allows.

Secrets are marks in everything that a chain reads and keeps. They become values here, in the request that leaves, and
nowhere else; what comes back loses them before anybody reads it.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from promptforge.core.access import Actor
from promptforge.core.execution import Attempt, Status
from promptforge.core.json import Json, is_array, is_object
from promptforge.core.model import ModelFailure
from promptforge.core.outbound import OutboundFailure, OutboundReply, OutboundRequest
from promptforge.core.ports import Clock, Outbound
from promptforge.engine import retry
from promptforge.engine.plan import Ready
from promptforge.language.reply import read_reply
from promptforge.services.secrets import Secrets

MAX_SECONDS = 300.0


class ApiCalls:
    """Makes the requests of API_CALL steps."""

    def __init__(self, outbound: Outbound, secrets: Secrets, clock: Clock) -> None:
        self._outbound = outbound
        self._secrets = secrets
        self._clock = clock

    async def call(
        self, actor: Actor, ready: Ready, marks: Mapping[str, str], seconds: float, attempts: list[Attempt]
    ) -> Json:
        """The body of the reply, parsed where it is JSON, within *seconds*; *attempts* gains each try.

        OutboundFailure when the last one fails; InvalidInput for a secret that is not set.
        """
        began = self._clock.monotonic()
        deadline = began + min(MAX_SECONDS, seconds)
        request = await self._request(actor, ready, marks)
        most = 1 + (ready.step.retries or 0)
        for number in range(1, most + 1):
            started = self._clock.monotonic()
            left = max(0.001, deadline - started)
            try:
                reply = await self._outbound.call(replace(request, timeout=left))
            except OutboundFailure as error:
                attempts.append(self._attempt(request, began, started, number, error, error.reply))
                delay = retry.delay_before_next(
                    ModelFailure(
                        str(error), error.error_type, retryable=error.retryable, retry_after=error.retry_after
                    ),
                    number,
                    delivered=False,
                    remaining=deadline - self._clock.monotonic(),
                    jitter=self._clock.bits(),
                    most=most,
                )
                if delay is None:
                    raise
                await asyncio.sleep(delay)
            else:
                attempts.append(self._attempt(request, began, started, number, None, reply))
                # a host may send back what it was sent: nobody may see that, and the next process would not have it
                return self._secrets.removed_from(actor, _read(ready, reply))
        raise AssertionError("the last attempt returns or raises")

    async def _request(self, actor: Actor, ready: Ready, marks: Mapping[str, str]) -> OutboundRequest:
        given: Mapping[str, Json] = ready.input if is_object(ready.input) else {}
        text = json.dumps(given, ensure_ascii=False)
        used = [name for name, mark in marks.items() if mark in text]
        values = {marks[name]: value for name, value in (await self._secrets.values(actor, used)).items()}
        headers = _headers(_revealed(given.get("headers"), values))
        body = _revealed(given.get("body"), values)
        if body is not None and not isinstance(body, str):
            headers.setdefault("content-type", "application/json")
            body = json.dumps(body, ensure_ascii=False)
        return OutboundRequest(
            method=str(ready.step.config.get("method") or "GET").upper(),
            url=str(_revealed(given.get("url") or "", values)),
            headers=headers,
            body=None if body is None else body.encode(),
        )

    def _attempt(
        self,
        request: OutboundRequest,
        began: float,
        started: float,
        number: int,
        error: OutboundFailure | None,
        reply: OutboundReply | None,
    ) -> Attempt:
        return Attempt(
            number=number,
            provider=urlsplit(request.url).hostname or "",
            model="",
            offset_ms=_ms(started - began),
            latency_ms=_ms(self._clock.monotonic() - started),
            status=Status.ERROR if error else Status.SUCCESS,
            error_type=error.error_type if error else None,
            http_status=reply.status if reply else None,
        )


def with_names(value: Json, marks: Mapping[str, str]) -> Json:
    """A value as it is kept: with the names of secrets in place of their marks."""
    return _revealed(value, {mark: "{{secret." + name + "}}" for name, mark in marks.items()}) if marks else value


def _revealed(value: Json, values: Mapping[str, str]) -> Json:
    """The value with each mark in its texts and names replaced."""
    if isinstance(value, str):
        for mark, text in values.items():
            value = value.replace(mark, text)
        return value
    if is_object(value):
        return {str(_revealed(name, values)): _revealed(part, values) for name, part in value.items()}
    return [_revealed(part, values) for part in value] if is_array(value) else value


def _read(ready: Ready, reply: OutboundReply) -> Json:
    return reply.text if ready.step.config.get("expects") == "text" else read_reply(reply.text)


def _headers(given: Json) -> dict[str, str]:
    pairs: Mapping[str, Json] = given if is_object(given) else {}
    return {name.lower(): value if isinstance(value, str) else json.dumps(value) for name, value in pairs.items()}


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
