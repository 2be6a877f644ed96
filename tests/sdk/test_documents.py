"""The documents that the client sends, held against the public schema."""

from importlib import import_module
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from promptforge import sdk

SCHEMA = Path(__file__).resolve().parents[2] / "schema.graphql"
DOCUMENTS = {
    name: text
    for path in Path(sdk.__path__[0]).glob("*documents.py")
    for name, text in vars(import_module(f"promptforge.sdk.{path.stem}")).items()
    if name.isupper() and not name.startswith("_")
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_valid(name: str) -> None:
    """Each document parses and asks for nothing that schema.graphql does not have."""
    assert validate(build_schema(SCHEMA.read_text()), parse(DOCUMENTS[name])) == []
