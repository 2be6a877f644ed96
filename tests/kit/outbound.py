"""Calls to addresses that users gave, with names that a test answers."""

from contextlib import asynccontextmanager

import pytest

from promptforge.core.address import allowed_hosts
from promptforge.core.outbound import OutboundFailure, OutboundRequest
from promptforge.providers.outbound import HttpOutbound


class Names:
    """A resolver: answers in turn for each name, the last one for ever; unknown names do not resolve."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked = []

    async def __call__(self, host):
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


HERE = [["127.0.0.1"]]


@asynccontextmanager
async def opened(allow=(), names=None, **options):
    outbound = HttpOutbound(allowed_hosts(allow), resolve=names or Names(), **options)
    yield outbound
    await outbound.close()


async def failure(outbound, url, **fields):
    """The failure of a call."""
    with pytest.raises(OutboundFailure) as caught:
        await outbound.call(OutboundRequest(**({"method": "GET", "url": url, "timeout": 20.0} | fields)))
    return caught.value
