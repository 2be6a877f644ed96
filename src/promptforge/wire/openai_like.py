"""Servers that speak OpenAI's chat completions with differences: what each wants otherwise."""

from collections.abc import Mapping
from urllib.parse import quote

from promptforge.core.json import Json
from promptforge.core.model import ModelRequest
from promptforge.wire.openai import OpenAI


class Azure(OpenAI):
    """Azure OpenAI. The base URL is the resource's host; the model is the name of a deployment.

    With *api_version* a call goes to the deployment's own path, without to the newer one that is like OpenAI's.
    """

    title = "Azure OpenAI"
    request_id_header = "apim-request-id"

    def __init__(self, api_version: str | None = None) -> None:
        self._api_version = api_version

    def path(self, request: ModelRequest) -> str:
        """The deployment and the version of the format, or neither."""
        if not self._api_version:
            return "/openai/v1/chat/completions"
        deployment, version = quote(request.model, safe=""), quote(self._api_version, safe="")
        return f"/openai/deployments/{deployment}/chat/completions?api-version={version}"

    def credential(self, key: str) -> Mapping[str, str]:
        """The header that carries the key."""
        return {"api-key": key}


class Compatible(OpenAI):
    """Any other server that speaks the format: what it takes beside that is not known, so nothing is refused."""

    title = "OpenAI's format"
    lacks = frozenset[str]()


class Mistral(OpenAI):
    """Mistral refuses what it does not know: it tells the usage of a stream unasked, and calls a seed otherwise."""

    title = "Mistral's chat"
    lacks = frozenset({"top_k", "logprobs", "top_logprobs", "service_tier", "user"})
    request_id_header = "mistral-correlation-id"

    def body(self, request: ModelRequest) -> Mapping[str, Json]:
        """The JSON to send."""
        body = dict(super().body(request))
        body.pop("stream_options", None)
        if "seed" in body:
            body.setdefault("random_seed", body.pop("seed"))
        return body
