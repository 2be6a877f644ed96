"""Whether a chain can run, worked out before it does."""

from collections.abc import Mapping

from promptforge.core import chain_definition
from promptforge.core.chain import ChainDocument
from promptforge.core.errors import InvalidInput
from promptforge.core.json import Json
from promptforge.engine.plan import Plan
from promptforge.language.schema import check_schema


def check_readable(document: ChainDocument) -> None:
    """InvalidInput, naming the step, for what could never be read, whatever else the chain will hold."""
    chain_definition.check(document)
    if document.required_inputs is not None:
        _check_inputs(document.required_inputs)
    Plan(document)


def _check_inputs(schema: Mapping[str, Json]) -> None:
    try:
        check_schema(schema)
    except InvalidInput as error:  # the language speaks of a prompt's schema
        where = (error.path or "").replace("inputSchema", "requiredInputs", 1)
        raise InvalidInput(str(error).replace("inputSchema", "requiredInputs"), path=where) from None
