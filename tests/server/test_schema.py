"""The schema's text is public: committed, and free of floats on the money road."""

import re
import subprocess
import sys
from pathlib import Path

from graphql import GraphQLObjectType, get_named_type

from promptforge.server.graphql.schema import SCHEMA, text

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_committed_schema_is_the_codes():
    """schema.graphql is what the code says; `make schema` writes it."""
    assert (REPOSITORY / "schema.graphql").read_text() == text()


def test_the_module_prints_the_schema():
    """The command that `make schema` runs prints the text."""
    printed = subprocess.run(
        [sys.executable, "-m", "promptforge.server.graphql.schema"], capture_output=True, text=True, check=True
    )

    assert printed.stdout == text()


def test_no_amount_is_a_float():
    """Law 6: no field named cost, usd or amount is a Float."""
    money = [
        f"{graphql_type.name}.{name}"
        for graphql_type in SCHEMA.type_map.values()
        if isinstance(graphql_type, GraphQLObjectType)
        for name, field in graphql_type.fields.items()
        if re.search("cost|usd|amount", name, re.IGNORECASE) and get_named_type(field.type).name == "Float"
    ]

    assert money == []
