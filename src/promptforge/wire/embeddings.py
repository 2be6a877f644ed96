"""OpenAI's embeddings format: texts or tokens go in, vectors come out.

A vector is no text that a model wrote: it cannot be read or searched, it can be made again from the input, and it is
larger than all the rest of the record. So the text of a reply is empty, and the vectors are not even decoded.
"""

import msgspec

from promptforge.core.json import Json, keepable
from promptforge.core.model import Reply
from promptforge.wire import dialect, openai
from promptforge.wire.dialect import Complained, Garbled


class _Vector(msgspec.Struct):
    """Whatever it holds, as numbers or as base64, is passed over."""


class _Answer(msgspec.Struct):
    data: list[_Vector] | None = None
    model: str | None = None
    usage: dict[str, Json] | None = None
    error: Json = None


_answer = msgspec.json.Decoder(_Answer)


class Embeddings:
    """How answers are read; requests of this format only pass through."""

    request_id_header = openai.OpenAI.request_id_header

    def reply(self, raw: bytes) -> Reply:
        """Read a complete answer; its usage is input alone."""
        answer = dialect.read(_answer, raw)
        if answer.error:
            raise Complained(dialect.read_complaint(raw))
        if answer.data is None:
            raise Garbled("its answer holds no 'data'")
        return Reply(text="", usage=openai.usage_of(answer.usage), usage_raw=keepable(answer.usage), model=answer.model)

    def stream(self) -> openai.Stream:
        """Vectors are never streamed; what comes nevertheless is read for its errors, and is never finished."""
        return openai.Stream()
